//! What the front page shows and a doctest would not run or compare.

// What stands between these lines also stands on the front page.
// ----
use axum::{Extension, Router, routing::post};
use tower::ServiceExt;
use tower_svix::test_util::{ManualClock, SignedRequest};
use tower_svix::{Secret, SvixVerifyLayer, VerifiedEvent};

#[tokio::test]
async fn a_delivery_is_accepted_while_it_is_new() -> Result<(), Box<dyn std::error::Error>> {
    let secret: Secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD".parse()?;
    let clock = ManualClock::new(1_704_067_200);
    let handler = |Extension(event): Extension<VerifiedEvent>| async move { event.id().to_owned() };
    let app: Router = Router::new()
        .route("/webhook", post(handler))
        .layer(SvixVerifyLayer::new(secret.clone()).clock(clock.clone()));

    let request = SignedRequest::new(secret)
        .uri("/webhook")
        .unix_seconds(1_704_067_200)
        .body(r#"{"type":"job.completed"}"#);
    assert_eq!(app.clone().oneshot(request.build()).await?.status(), 200);

    clock.advance(301);
    assert_eq!(app.oneshot(request.build()).await?.status(), 401);
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

/// The first block of code under this heading.
fn shown_under(heading: &str) -> Option<&'static str> {
    let (_, section) = include_str!("../../README.md").split_once(heading)?;
    let (_, code) = section.split_once("\n```r")?;
    let (_, code) = code.split_once('\n')?;
    Some(code.split_once("```\n")?.0)
}

#[test]
fn the_front_page_shows_the_quickstart() {
    let quickstart = include_str!("../../examples/quickstart.rs");
    assert_eq!(shown_under("\n## axum\n"), Some(quickstart));
}

// The block is marked `rs`, so that it is no doctest: whoever runs an example would have to build tonic for it.
#[test]
fn the_front_page_shows_the_health_service_on_tonic() {
    let health = include_str!("../../examples/tonic/src/bin/health.rs");
    assert_eq!(shown_under("\n## tonic\n"), Some(health));
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
