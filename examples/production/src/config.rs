//! The variables that configure the server.

use std::env;
use std::error::Error;

use tower_svix::Secret;
use tower_svix::sign::generate::{self, SecretText};

pub(crate) struct Config {
    pub(crate) secrets: Vec<Secret>,
    /// The text of the secret, if there was none in `WEBHOOK_SECRET` and a random one was made.
    pub(crate) made_up: Option<SecretText>,
    pub(crate) redis_url: Option<String>,
    pub(crate) listen: String,
}

impl Config {
    pub(crate) fn from_env() -> Result<Self, Box<dyn Error>> {
        let (secrets, made_up) = secrets()?;
        Ok(Self {
            secrets,
            made_up,
            redis_url: env::var("REDIS_URL").ok(),
            listen: env::var("LISTEN").unwrap_or_else(|_| "127.0.0.1:3000".into()),
        })
    }
}

/// The secrets in `WEBHOOK_SECRET`, or a random one together with its text.
fn secrets() -> Result<(Vec<Secret>, Option<SecretText>), Box<dyn Error>> {
    let Some(text) = env::var_os("WEBHOOK_SECRET") else {
        let text = generate::secret()?;
        return Ok((vec![text.expose().parse()?], Some(text)));
    };
    // Neither message may repeat the text: standard error ends up in logs.
    let text = text
        .into_string()
        .map_err(|_| "WEBHOOK_SECRET is not UTF-8")?;
    let secrets = text
        .split_whitespace()
        .enumerate()
        .map(|(index, secret)| {
            let number = index + 1;
            secret
                .parse()
                .map_err(|error| format!("WEBHOOK_SECRET, secret {number}: {error}"))
        })
        .collect::<Result<Vec<Secret>, _>>()?;
    if secrets.is_empty() {
        return Err("WEBHOOK_SECRET is empty: unset it to have a random secret made".into());
    }
    Ok((secrets, None))
}
