//! A first delivery to your own server, with a log that shows it.
//!
//! ```text
//! export WEBHOOK_SECRET=$(cargo run -q -p tower-svix-cli -- secret)
//! cargo run -p recipes --bin first_delivery &
//! cargo run -p tower-svix-cli -- send --url http://127.0.0.1:3000/webhook
//! cargo run -p tower-svix-cli -- send --url http://127.0.0.1:3000/webhook --tamper
//! ```
//!
//! The server answers the first delivery with 200. The second is a forgery: the server answers it with 401 and logs a
//! warning with the code `signature-mismatch`. Needs the features `axum` and `tracing`.

use std::env;
use std::error::Error;

use axum::Router;
use axum::routing::post;
use tokio::net::TcpListener;
use tower_svix::{Secret, SvixVerifyLayer, VerifiedEvent};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::INFO)
        .with_target(false)
        .with_writer(std::io::stderr)
        .init();
    let secret: Secret = env::var("WEBHOOK_SECRET")
        .map_err(|_| "set WEBHOOK_SECRET to the secret that the sender shows")?
        .parse()?;
    let address = env::var("LISTEN").unwrap_or_else(|_| "127.0.0.1:3000".into());
    let listener = TcpListener::bind(address).await?;
    tracing::info!("listening on http://{}", listener.local_addr()?);
    Ok(axum::serve(listener, app(secret)).await?)
}

fn app(secret: Secret) -> Router {
    let webhook = post(receive).route_layer(SvixVerifyLayer::new(secret));
    Router::new().route("/webhook", webhook)
}

/// Runs within the span of the delivery: each line of the log has its id.
async fn receive(event: VerifiedEvent) -> String {
    tracing::info!("{} bytes arrived", event.payload().len());
    format!("received {}\n", event.id())
}

#[cfg(test)]
mod test_log;

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::process::{Command, Output};

    use tokio::task::spawn_blocking;

    use super::*;
    use crate::test_log::Log;

    const SECRET: &str = concat!("whsec_", "C2FVsBQIhrscChlQIMV+b5sSYspob7oD");

    /// The program `webhook`. If the tests of the whole workspace run, it is there already.
    fn webhook() -> PathBuf {
        let test = env::current_exe().unwrap();
        let folder = test.parent().unwrap().parent().unwrap();
        let program = folder.join(format!("webhook{}", env::consts::EXE_SUFFIX));
        if !program.exists() {
            let build = ["build", "--package", "tower-svix-cli", "--bin", "webhook"];
            let status = Command::new(env!("CARGO")).args(build).status().unwrap();
            assert!(status.success());
        }
        program
    }

    async fn send(url: &str, arguments: &'static [&'static str]) -> Output {
        let url = url.to_owned();
        let send = move || {
            let mut send = Command::new(webhook());
            send.env("WEBHOOK_SECRET", SECRET);
            send.args(["send", "--url", &url]).args(arguments);
            send.output().unwrap()
        };
        spawn_blocking(send).await.unwrap()
    }

    #[tokio::test]
    async fn a_first_delivery_arrives_and_a_forged_one_is_logged() {
        let log = Log::default();
        let _guard = log.install();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/webhook", listener.local_addr().unwrap());
        let secret = SECRET.parse().unwrap();
        tokio::spawn(async { axum::serve(listener, app(secret)).await });

        let output = send(&url, &["--id", "msg_1"]).await;
        assert!(output.status.success(), "{output:?}");
        let lines = log.take();
        assert!(lines.contains("bytes arrived"), "{lines}");
        assert!(lines.contains("msg_1"), "{lines}");

        let output = send(&url, &["--tamper"]).await;
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let lines = log.take();
        assert!(lines.contains("WARN"), "{lines}");
        assert!(lines.contains("signature-mismatch"), "{lines}");
        assert!(!lines.contains("bytes arrived"), "{lines}");
    }
}
