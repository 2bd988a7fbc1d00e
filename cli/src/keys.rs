//! The secret: its sources, and the keys in it.

use std::borrow::Cow;
use std::env;
use std::path::PathBuf;
use std::str;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::header::HeaderValue;
use tower_svix::{KeyError, Keyring, Secret, SigningKey};

use crate::{Failure, input};

const VARIABLE: &str = "WEBHOOK_SECRET";

/// The sources of the secret.
#[derive(clap::Args)]
pub(crate) struct KeyArgs {
    /// The secret: `whsec_…`, or several separated by spaces. Everyone on this machine can see it in the list of
    /// processes
    #[arg(long, value_name = "TEXT", conflicts_with = "secret_file")]
    secret: Option<String>,
    /// Read the secret from this file; `-` is the standard input. Default: the variable `WEBHOOK_SECRET`
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// Use the text itself as the key, prefix included, as AhaSend, Composio, Increase and old secrets of Polar need it
    #[arg(long)]
    secret_is_text: bool,
}

impl KeyArgs {
    /// Returns the text of the keys, or an error if there is none.
    pub(crate) fn text(&self) -> Result<KeysText, Failure> {
        self.find()?.ok_or_else(|| {
            "there is no secret: set WEBHOOK_SECRET, or name a file with --secret-file".into()
        })
    }

    /// Returns the text of the keys, if any source has one.
    pub(crate) fn find(&self) -> Result<Option<KeysText>, Failure> {
        let found = self.find_text()?;
        if found.is_none() && self.secret_is_text {
            return Err("--secret-is-text: there is no secret".into());
        }
        Ok(found.map(|text| KeysText {
            is_key: self.secret_is_text,
            ..text
        }))
    }

    fn find_text(&self) -> Result<Option<KeysText>, Failure> {
        if let Some(text) = &self.secret {
            return Ok(Some(KeysText::new(text, "--secret")));
        }
        if let Some(path) = &self.secret_file {
            let source = path.display().to_string();
            let bytes = input::read(path)?;
            let text = str::from_utf8(&bytes).map_err(|_| format!("{source}: it is not UTF-8"))?;
            return Ok(Some(KeysText::new(text, &source)));
        }
        match env::var(VARIABLE) {
            Ok(text) => Ok(Some(KeysText::new(&text, VARIABLE))),
            Err(env::VarError::NotPresent) => Ok(None),
            // Displayed, the error would show the secret.
            Err(env::VarError::NotUnicode(_)) => Err(format!("{VARIABLE}: it is not UTF-8").into()),
        }
    }

    /// Returns whether the secret is read from the standard input.
    pub(crate) fn reads_stdin(&self) -> bool {
        self.secret_file
            .as_ref()
            .is_some_and(|path| input::is_stdin(path))
    }
}

/// The text of one or several keys, not yet parsed. It has no `Debug`, which would show them.
#[derive(Clone)]
pub(crate) struct KeysText {
    text: String,
    source: String,
    /// Whether the text itself is the key.
    is_key: bool,
}

impl KeysText {
    pub(crate) fn new(text: &str, source: &str) -> Self {
        Self {
            text: text.trim().to_owned(),
            source: source.to_owned(),
            is_key: false,
        }
    }

    /// Returns the text, which contains the secrets.
    pub(crate) fn expose(&self) -> &str {
        &self.text
    }

    /// Returns the keys as the text of secrets, the only form that the diagnosis accepts.
    pub(crate) fn as_secrets(&self) -> Cow<'_, str> {
        if self.is_key {
            Cow::Owned(format!("whsec_{}", STANDARD.encode(&self.text)))
        } else {
            Cow::Borrowed(&self.text)
        }
    }

    /// Returns the text if the user said that it is the key itself.
    pub(crate) fn said_to_be_key(&self) -> Option<&str> {
        self.is_key.then_some(&*self.text)
    }

    /// Returns the keys for verification.
    pub(crate) fn keyring(&self) -> Result<Keyring, Failure> {
        let keyring = if self.is_key {
            Secret::from_text(&self.text).map(Keyring::from)
        } else {
            self.text.parse()
        };
        keyring.map_err(|error| self.failure(error))
    }

    /// Returns the keys for signing.
    pub(crate) fn signing_keys(&self) -> Result<SigningKeys, Failure> {
        let keys: Result<Vec<_>, _> = if self.is_key {
            Secret::from_text(&self.text).map(|key| vec![key.into()])
        } else {
            self.parts().map(str::parse).collect()
        };
        let keys = keys.map_err(|error| self.failure(error))?;
        SigningKeys::of(keys).ok_or_else(|| format!("{}: it is empty", self.source).into())
    }

    /// Returns the keys that can sign, which excludes public keys.
    pub(crate) fn any_signing_keys(&self) -> Option<SigningKeys> {
        if self.is_key {
            return self.signing_keys().ok();
        }
        SigningKeys::of(self.parts().filter_map(|part| part.parse().ok()).collect())
    }

    fn failure(&self, error: KeyError) -> Failure {
        format!("{}: {error}", self.source).into()
    }

    /// Splits the text into keys, as `Keyring` does.
    fn parts(&self) -> impl Iterator<Item = &str> {
        self.text
            .split(|character: char| character.is_ascii_whitespace() || ",|".contains(character))
            .filter(|part| !part.is_empty())
    }
}

/// One or more keys that sign. Several keys each make a signature, as during a rotation.
#[derive(Clone)]
pub(crate) struct SigningKeys(Vec<SigningKey>);

impl SigningKeys {
    fn of(keys: Vec<SigningKey>) -> Option<Self> {
        (!keys.is_empty()).then_some(Self(keys))
    }

    /// Returns the value of the signature header, with one signature for each key.
    pub(crate) fn sign(
        &self,
        id: &str,
        unix_seconds: u64,
        body: &[u8],
    ) -> Result<HeaderValue, Failure> {
        let mut list = Vec::new();
        for key in &self.0 {
            if !list.is_empty() {
                list.push(b' ');
            }
            list.extend_from_slice(key.sign(id, unix_seconds, body)?.as_bytes());
        }
        Ok(HeaderValue::try_from(list)?)
    }
}

/// Returns a unique id. An id must not contain a full stop.
pub(crate) fn random_id() -> Result<String, Failure> {
    let (high, low) = (getrandom::u64()?, getrandom::u64()?);
    Ok(format!("msg_{high:016x}{low:016x}"))
}
