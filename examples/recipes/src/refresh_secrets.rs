//! Secrets from the environment, from a file, or from a vault that is asked at intervals.
//!
//! A `Keyring` is a handle: after `replace`, each layer that has a clone verifies the next request with the new keys.
//! The keys are parsed from text, so that an empty answer is an error and never an empty keyring.
//!
//! If a refresh fails, the old keys stay, and the failure is logged. A `KeyError` never repeats the text of a key.
//! Make sure that the errors of your vault client do not either.
//!
//! Refresh well within the time during which the sender signs with both keys: 24 hours with Svix.

use std::env;
use std::error::Error;
use std::fs;
use std::path::Path;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval, timeout};
use tower_svix::Keyring;

type BoxError = Box<dyn Error + Send + Sync>;

/// Reads one key or several from an environment variable.
///
/// # Errors
///
/// If the variable is not set, or is not the text of keys.
pub fn from_environment(name: &str) -> Result<Keyring, BoxError> {
    // The error of `env::var` would repeat a text that is not UTF-8.
    let text = env::var_os(name).ok_or_else(|| format!("{name} is not set"))?;
    let text = text
        .to_str()
        .ok_or_else(|| format!("{name} is not UTF-8"))?;
    let keys: Result<Keyring, _> = text.parse();
    Ok(keys.map_err(|error| format!("{name}: {error}"))?)
}

/// Reads one key or several from a file, such as a secret of Docker, systemd or Kubernetes. White space around keys is
/// ignored.
///
/// # Errors
///
/// If the file cannot be read, or does not hold the text of keys.
pub fn from_file(path: &Path) -> Result<Keyring, BoxError> {
    let text = fs::read_to_string(path);
    let text = text.map_err(|error| format!("{}: {error}", path.display()))?;
    let keys: Result<Keyring, _> = text.parse();
    Ok(keys.map_err(|error| format!("{}: {error}", path.display()))?)
}

/// Fetches the text of the keys once a period, starting after the first one. Spawn it: it never returns.
pub async fn refresh<F>(keyring: Keyring, period: Duration, mut fetch: impl FnMut() -> F)
where
    F: Future<Output = Result<String, BoxError>>,
{
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.tick().await;
    loop {
        ticks.tick().await;
        match fetch_keys(fetch(), period).await {
            Ok(keys) => keyring.replace(keys),
            Err(error) => tracing::error!(error, "the secrets stay as they are"),
        }
    }
}

async fn fetch_keys(
    fetch: impl Future<Output = Result<String, BoxError>>,
    longest: Duration,
) -> Result<Keyring, BoxError> {
    // A vault that never answers must not stop the loop.
    let text = timeout(longest, fetch).await??;
    Ok(text.parse()?)
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::future::pending;
    use std::process;

    use axum::Router;
    use axum::routing::post;
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

    fn app(keyring: Keyring) -> Router {
        let layer = SvixVerifyLayer::new(keyring);
        Router::new().route("/", post(receive).route_layer(layer))
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

    #[tokio::test(start_paused = true)]
    async fn a_refresh_replaces_the_keys_and_a_failed_one_keeps_them() {
        enum Answer {
            Text(String),
            Error(&'static str),
            Never,
        }
        const PERIOD: Duration = Duration::from_secs(60);

        let log = Log::default();
        let _guard = log.install();
        let keyring: Keyring = OLD.parse().unwrap();
        let app = app(keyring.clone());
        let mut answers = VecDeque::from([
            Answer::Error("the vault is sealed"),
            Answer::Text(format!("{NEW} {OLD}")),
            Answer::Text(String::new()),
            Answer::Never,
            Answer::Text(NEW.into()),
        ]);
        tokio::spawn(refresh(keyring, PERIOD, move || {
            let answer = answers.pop_front();
            async {
                match answer {
                    Some(Answer::Text(text)) => Ok(text),
                    Some(Answer::Error(text)) => Err(text.into()),
                    Some(Answer::Never) | None => pending().await,
                }
            }
        }));

        assert_eq!(statuses(&app).await, [200, 401, 401]);
        // From here on in the middle of a period, when the refresh at its start is over.
        tokio::time::sleep(PERIOD / 2).await;
        for (logged, expected) in [
            ("the vault is sealed", [200, 401, 401]),
            ("", [200, 200, 401]),
            ("the key is empty", [200, 200, 401]),
            // The vault does not answer, for one period.
            ("", [200, 200, 401]),
            ("deadline has elapsed", [401, 200, 401]),
        ] {
            tokio::time::sleep(PERIOD).await;
            assert_eq!(statuses(&app).await, expected);
            let lines = log.take();
            assert!(lines.contains(logged), "{logged:?} is not in {lines:?}");
            assert!(!lines.contains(&NEW[6..]), "{lines}");
        }
    }

    #[tokio::test]
    async fn keys_are_read_from_a_file() {
        let path = env::temp_dir().join(format!("recipes-{}-from-file", process::id()));
        fs::write(&path, format!("{NEW}\n{OLD}\n")).unwrap();
        let keyring = from_file(&path).unwrap();
        assert_eq!(statuses(&app(keyring)).await, [200, 200, 401]);

        fs::write(&path, "whsec_\n").unwrap();
        let error = from_file(&path).unwrap_err().to_string();
        assert!(error.contains("-from-file: the key is empty"), "{error}");
        fs::remove_file(&path).unwrap();
        assert!(from_file(&path).is_err());
    }

    #[tokio::test]
    async fn keys_are_read_from_the_environment() {
        let error = from_environment("RECIPES_UNSET").unwrap_err();
        assert_eq!(error.to_string(), "RECIPES_UNSET is not set");
        // A variable that is set everywhere, and is no key.
        let error = from_environment("PATH").unwrap_err().to_string();
        assert!(error.starts_with("PATH: "), "{error}");
        assert!(!error.contains("/bin"), "{error}");
    }
}
