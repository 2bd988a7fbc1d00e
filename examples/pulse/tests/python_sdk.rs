//! The fake Pulse, called by Pulse's official Python SDK.

mod support;

use std::path::Path;
use std::time::Duration;

use support::{API_KEY, Flow};
use tokio::process::Command;

#[tokio::test]
async fn the_official_sdk_takes_the_fake_for_pulse() {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let python = target.join("pulse/python/bin/python");
    assert!(
        python.exists(),
        "{} is missing: run examples/pulse/tests/setup first",
        python.display()
    );
    let flow = Flow::start().await;
    let endless = Flow::with_pace(Duration::from_hours(1)).await;

    let output = Command::new(python)
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python/sdk.py"))
        .args([flow.fake.base(), endless.fake.base(), API_KEY])
        .output()
        .await
        .unwrap();

    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
}
