//! Code on the front page and in the docs that a doctest would not run, or not compare with its file.

// What stands between these lines also stands on the front page.
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

/// The first block of Rust code under this heading of a page.
fn shown_under(heading: &str, page: &'static str) -> Option<&'static str> {
    let (_, section) = page.split_once(heading)?;
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
    let manifest = include_str!("../../Cargo.toml");
    let version = manifest
        .lines()
        .find_map(|line| line.strip_prefix("rust-version = "))
        .expect("the manifest has one")
        .trim_matches('"');
    let named: Vec<_> = include_str!("../../README.md")
        .split("Rust ")
        .skip(1)
        .filter(|after| after.starts_with(|first: char| first.is_ascii_digit()))
        .map(|after| after.split(' ').next().unwrap_or_default())
        .collect();
    assert_eq!(named, [version]);
}
