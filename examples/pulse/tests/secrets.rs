//! Secrets on the command line, in logs and in the database.

mod support;

use std::path::Path;
use std::process::Stdio;

use pulse_flow::fake::SIGNATURE;
use support::{API_KEY, Flow, SECRET};
use tokio::io::AsyncReadExt as _;

/// The part that must stay secret.
fn base64() -> &'static str {
    SECRET.strip_prefix("whsec_").unwrap()
}

#[tokio::test]
async fn a_mistyped_secret_is_not_shown() {
    let flow = Flow::start().await;
    // Some tools that read a file of variables keep the quotes.
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

#[tokio::test]
async fn the_password_of_a_database_is_not_shown() {
    let flow = Flow::start().await;
    for url in [
        "postgres://user:s3cret-word@127.0.0.1:1/pulse",
        "postgres://user:s3cret-word@127.0.0.1:port/pulse",
        "mysql://user:s3cret-word@127.0.0.1:1/pulse",
    ] {
        let output = flow
            .command("inbox")
            .args(["list"])
            .env("DATABASE_URL", url)
            .output()
            .await
            .unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success());
        assert!(!errors.contains("s3cret-word"), "{errors}");
    }
}

/// Anyone who has the URL can download the result, so neither a log at the level `trace` nor the database may contain
/// it.
#[tokio::test]
async fn the_url_of_a_large_result_reaches_neither_the_log_nor_the_database() {
    let flow = Flow::start().await;
    let mut command = flow.serve_command();
    command.env("RUST_LOG", "trace").stderr(Stdio::piped());
    let mut server = flow.spawn(command).await;
    let mut log = server.stderr.take().unwrap();
    let log = tokio::spawn(async move {
        let mut all = String::new();
        log.read_to_string(&mut all).await.unwrap();
        all
    });

    let job_id = flow.submit("https://example.com/large.pdf").await;
    flow.until_stored(&job_id).await;
    flow.until_idle().await;
    // The download of this result fails, because its host has no public address.
    flow.fake.large_results_at("https://localhost:1");
    flow.submit("https://example.com/another-large.pdf").await;
    let dead = flow.until_dead().await;
    assert!(dead.error.unwrap().contains("no public address"));
    server.kill().await.unwrap();

    let log = log.await.unwrap();
    assert!(log.contains("event-dead"), "the log is there");
    let mut texts = vec![("the log".to_owned(), log.into_bytes())];
    for entry in std::fs::read_dir(flow.folder()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            texts.push((path.display().to_string(), std::fs::read(path).unwrap()));
        }
    }
    assert!(
        texts
            .iter()
            .any(|(name, _)| name == Path::new(flow.database()).to_str().unwrap()),
        "the database is there"
    );
    for (name, text) in &texts {
        for secret in [SIGNATURE, API_KEY, base64()] {
            let found = text
                .windows(secret.len())
                .any(|part| part == secret.as_bytes());
            assert!(!found, "{secret} is in {name}");
        }
    }
    let status = flow.run("status", &[&job_id]).await;
    assert!(
        status.contains("is_url") && !status.contains(SIGNATURE),
        "{status}"
    );
}
