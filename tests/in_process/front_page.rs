//! Code on the front page and in the docs that a doctest would not run, or not compare with its file.

// The lines between these marks are also on the front page.
// ----
use axum::{Router, routing::post};
use tower::ServiceExt;
use tower_svix::test_util::SignedRequest;
use tower_svix::{Secret, SvixVerifyLayer, VerifiedEvent};

#[tokio::test]
async fn a_delivery_is_received() -> Result<(), Box<dyn std::error::Error>> {
    let secret: Secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD".parse()?;
    let handler = |event: VerifiedEvent| async move { event.id().to_owned() };
    let verify = SvixVerifyLayer::new(secret.clone());
    let app = Router::new().route("/", post(handler)).layer(verify);

    let delivery = SignedRequest::new(secret).body(r#"{"type":"job.completed"}"#);
    assert_eq!(app.oneshot(delivery.build()).await?.status(), 200);
    Ok(())
}
// ----

#[test]
fn the_front_page_shows_the_test_above() {
    let source = include_str!("front_page.rs");
    let shown = source
        .split("// ----\n")
        .nth(1)
        .expect("it is between the lines");
    assert!(include_str!("../../README.md").contains(shown));
}

/// Returns the first block of Rust code under this heading of a page.
fn shown_under(heading: &str, page: &'static str) -> Option<&'static str> {
    let (_, section) = page.split_once(heading)?;
    let (section, _) = section.split_once("\n## ").unwrap_or((section, ""));
    let (_, code) = section.split_once("\n```rust")?;
    let (_, code) = code.split_once('\n')?;
    Some(code.split_once("```\n")?.0)
}

#[test]
fn the_front_page_shows_the_quickstart() {
    let quickstart = include_str!("../../examples/quickstart.rs");
    let readme = include_str!("../../README.md");
    assert_eq!(shown_under("\n## Install\n", readme), Some(quickstart));
}

#[test]
fn the_page_of_frameworks_shows_the_health_service_on_tonic() {
    let health = include_str!("../../examples/tonic/src/bin/health.rs");
    let frameworks = include_str!("../../docs/FRAMEWORKS.md");
    assert_eq!(shown_under("\n## tonic\n", frameworks), Some(health));
}

#[test]
fn the_front_page_names_the_oldest_rust_that_is_supported() {
    let rust_version = |manifest: &'static str| {
        let version = manifest
            .lines()
            .find_map(|line| line.strip_prefix("rust-version = "));
        version.expect("the manifest has one").trim_matches('"')
    };
    let core = rust_version(include_str!("../../Cargo.toml"));
    let sqlx = rust_version(include_str!("../../stores/sqlx/Cargo.toml"));
    let line = format!("Needs Rust {core} or newer (`tower-svix-sqlx`: {sqlx}).");
    assert!(include_str!("../../README.md").contains(&line), "{line}");
}

/// The tests run with the versions that the table of frameworks names.
#[test]
fn the_page_of_frameworks_has_the_versions_that_are_tested() {
    let lock = include_str!("../../Cargo.lock");
    let frameworks = include_str!("../../docs/FRAMEWORKS.md");
    for name in [
        "axum",
        "hyper",
        "tonic",
        "lambda_http",
        "poem",
        "salvo",
        "actix-web",
        "rocket",
    ] {
        // If there are several versions, the newest is last.
        let (_, package) = lock
            .rsplit_once(&format!("\nname = \"{name}\"\nversion = \""))
            .unwrap_or_else(|| panic!("{name} is not in Cargo.lock"));
        let (version, _) = package.split_once('"').expect("it is quoted");
        let is_row = |line: &&str| line.starts_with('|') && line.to_lowercase().contains(name);
        let mut rows = frameworks.lines().filter(is_row).peekable();
        assert!(rows.peek().is_some(), "{name} has no row");
        for row in rows {
            assert!(row.contains(&format!("| {version} |")), "{name}: {row}");
        }
    }
}
