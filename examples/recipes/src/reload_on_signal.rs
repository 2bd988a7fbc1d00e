//! Rotation by signal: SIGHUP makes the server read the file with its secrets again.
//!
//! ```text
//! printf '%s\n' whsec_NEW whsec_OLD >secrets.new && mv secrets.new secrets && kill -HUP "$(cat server.pid)"
//! ```
//!
//! Rename the new file into place, so that the server never reads half of it. Requests that have started finish with
//! the old keys. If the file cannot be read, the keys stay as they are.
//!
//! Call `reload_on_hangup` before the server reports that it is ready: without a handler, SIGHUP ends the process.
//! Windows has no SIGHUP. There, read the file at intervals, with the loop of `refresh_secrets`.

use std::io;
use std::path::PathBuf;

use tokio::signal::unix::{SignalKind, signal};
use tower_svix::Keyring;

use crate::refresh_secrets::from_file;

/// Handles SIGHUP from now on. Spawn the future, which never returns.
///
/// # Errors
///
/// If the handler cannot be installed.
pub fn reload_on_hangup(keyring: Keyring, path: PathBuf) -> io::Result<impl Future<Output = ()>> {
    let mut hangups = signal(SignalKind::hangup())?;
    Ok(async move {
        while hangups.recv().await.is_some() {
            match from_file(&path) {
                Ok(keys) => {
                    keyring.replace(keys);
                    tracing::info!("the secrets were read again");
                }
                Err(error) => tracing::error!(error, "the secrets stay as they are"),
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;
    use std::{env, fs, process};

    use axum::Router;
    use axum::routing::post;
    use rustix::process::{Signal, getpid, kill_process};
    use tokio::time::{sleep, timeout};
    use tower::ServiceExt as _;
    use tower_svix::test_util::SignedRequest;
    use tower_svix::{Secret, SvixVerifyLayer, VerifiedEvent};

    use super::*;
    use crate::test_log::Log;

    const OLD: &str = concat!("whsec_", "C2FVsBQIhrscChlQIMV+b5sSYspob7oD");
    const NEW: &str = concat!("whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");

    async fn receive(event: VerifiedEvent) -> String {
        event.id().to_owned()
    }

    /// The statuses of deliveries that are signed with the old key, with the new one, and with another.
    async fn statuses(app: &Router) -> [u16; 3] {
        let old = SignedRequest::new(OLD.parse::<Secret>().unwrap());
        let new = SignedRequest::new(NEW.parse::<Secret>().unwrap());
        let mut statuses = [0; 3];
        let requests = [old.build(), new.build(), new.build_forged()];
        for (status, request) in statuses.iter_mut().zip(requests) {
            let response = app.clone().oneshot(request).await.unwrap();
            *status = response.status().as_u16();
        }
        statuses
    }

    /// Sends the signal to this very process, and waits until the log says what became of the secrets.
    async fn hang_up(log: &Log) -> String {
        kill_process(getpid(), Signal::HUP).unwrap();
        let logged = async {
            let mut lines = String::new();
            // Deliveries that were rejected before have lines too.
            while !lines.contains("the secrets") {
                sleep(Duration::from_millis(1)).await;
                lines += &log.take();
            }
            lines
        };
        let lines = timeout(Duration::from_secs(30), logged).await;
        lines.expect("the signal arrives")
    }

    /// The only test of this process that sends a signal.
    #[tokio::test]
    async fn a_signal_replaces_the_keys_and_a_broken_file_keeps_them() {
        let log = Log::default();
        let _guard = log.install();
        let path = env::temp_dir().join(format!("recipes-{}-on-signal", process::id()));
        fs::write(&path, OLD).unwrap();
        let keyring = from_file(&path).unwrap();
        let layer = SvixVerifyLayer::new(keyring.clone());
        let app = Router::new().route("/", post(receive).route_layer(layer));
        tokio::spawn(reload_on_hangup(keyring, path.clone()).unwrap());

        fs::write(&path, format!("{NEW}\n{OLD}\n")).unwrap();
        assert_eq!(statuses(&app).await, [200, 401, 401]);
        assert!(hang_up(&log).await.contains("read again"));
        assert_eq!(statuses(&app).await, [200, 200, 401]);

        fs::write(&path, "").unwrap();
        assert!(hang_up(&log).await.contains("stay as they are"));
        assert_eq!(statuses(&app).await, [200, 200, 401]);

        fs::write(&path, NEW).unwrap();
        assert!(hang_up(&log).await.contains("read again"));
        assert_eq!(statuses(&app).await, [401, 200, 401]);
        fs::remove_file(&path).unwrap();
    }
}
