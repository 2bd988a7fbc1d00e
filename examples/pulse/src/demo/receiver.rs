//! The receiver and its worker in a separate process, which can be killed.

use std::path::PathBuf;
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::BoxError;
use crate::fake::Endpoint;

/// The configuration of the process.
pub(super) struct Receiver {
    pub(super) folder: PathBuf,
    pub(super) api: String,
    pub(super) api_key: &'static str,
    pub(super) secret: String,
}

/// A running process, which is killed when this is dropped.
pub(super) struct Running {
    pub(super) url: String,
    process: Child,
}

impl Receiver {
    pub(super) fn database(&self) -> String {
        self.folder.join("pulse.db").display().to_string()
    }

    pub(super) fn results(&self) -> PathBuf {
        self.folder.join("results")
    }

    pub(super) async fn start(&self) -> Result<Running, BoxError> {
        let mut process = Command::new(std::env::current_exe()?)
            .args(["serve", "--listen", "127.0.0.1:0", "--database"])
            .arg(self.database())
            .arg("--results")
            .arg(self.results())
            // As a variable, because everyone on this machine can see arguments.
            .env("PULSE_WEBHOOK_SECRET", &self.secret)
            .env("PULSE_BASE_URL", &self.api)
            .env("PULSE_API_KEY", self.api_key)
            .env("RUST_LOG", "off")
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let output = process.stdout.take().ok_or("it has no output")?;
        let line = BufReader::new(output).lines().next_line().await?;
        let line = line.ok_or("the receiver does not start")?;
        let url = line.strip_prefix("listening on ").ok_or("it says no URL")?;
        Ok(Running {
            url: url.to_owned(),
            process,
        })
    }
}

impl Running {
    pub(super) fn endpoint(&self, secret: &str) -> Endpoint {
        Endpoint {
            url: self.url.clone(),
            secret: secret.to_owned(),
        }
    }

    /// Kills the process without a graceful stop. On Unix, this is SIGKILL.
    pub(super) async fn kill(&mut self) -> Result<(), BoxError> {
        Ok(self.process.kill().await?)
    }
}
