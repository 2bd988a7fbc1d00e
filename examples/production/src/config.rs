//! The configuration of the server, from environment variables.

use std::env;
use std::error::Error;

use tower_svix::Keyring;
use tower_svix::sign::generate::{self, SecretText};

pub(crate) struct Config {
    pub(crate) keys: Keyring,
    /// The text of the random secret, if `WEBHOOK_SECRET` is not set.
    pub(crate) made_up: Option<SecretText>,
    pub(crate) redis_url: Option<String>,
    pub(crate) listen: String,
}

impl Config {
    pub(crate) fn from_env() -> Result<Self, Box<dyn Error>> {
        let (keys, made_up) = keys()?;
        Ok(Self {
            keys,
            made_up,
            redis_url: env::var("REDIS_URL").ok(),
            listen: env::var("LISTEN").unwrap_or_else(|_| "127.0.0.1:3000".into()),
        })
    }
}

/// Returns the keys in `WEBHOOK_SECRET`, or else a random secret and its text.
fn keys() -> Result<(Keyring, Option<SecretText>), Box<dyn Error>> {
    let Some(text) = env::var_os("WEBHOOK_SECRET") else {
        let text = generate::secret()?;
        return Ok((text.expose().parse()?, Some(text)));
    };
    // Neither message may contain the secret, because standard error ends up in logs.
    let text = text
        .into_string()
        .map_err(|_| "WEBHOOK_SECRET is not UTF-8")?;
    let keys = text.parse::<Keyring>();
    Ok((
        keys.map_err(|error| format!("WEBHOOK_SECRET: {error}"))?,
        None,
    ))
}
