//! What the command line says of a secret that it cannot use.

mod support;

use support::{Flow, SECRET};

/// The part that must stay secret.
fn base64() -> &'static str {
    SECRET.strip_prefix("whsec_").unwrap()
}

#[tokio::test]
async fn a_mistyped_secret_is_not_shown() {
    let flow = Flow::start().await;
    // As it gets there from a file of variables whose quotes nobody takes off.
    let quoted = format!("\"{SECRET}\"");
    let (arguments, variable) = (["--secret", &quoted], [("PULSE_WEBHOOK_SECRET", &*quoted)]);
    let two = format!("{SECRET},{quoted}");
    for (name, arguments, variables, number) in [
        ("an argument", &arguments[..], &[][..], "secret 1"),
        ("a variable", &[], &variable, "secret 1"),
        ("a second one", &["--secret", &two], &[], "secret 2"),
    ] {
        let output = flow
            .command("serve")
            .args(["--listen", "127.0.0.1:0"])
            .args(arguments)
            .envs(variables.iter().copied())
            .output()
            .await
            .unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success(), "{name}");
        assert!(!errors.contains(base64()), "{name}");
        assert!(errors.contains(number), "{name}: {errors}");
    }
}

#[tokio::test]
async fn an_api_key_that_fits_no_header_is_not_shown() {
    let flow = Flow::start().await;
    let output = flow
        .command("portal")
        .env("PULSE_API_KEY", "test\nkey-123")
        .output()
        .await
        .unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    assert!(!errors.contains("key-123"), "{errors}");
}
