use tower_svix::{KeyError, Keyring, Secret};

pub fn keyring(text: &str) -> Result<Keyring, KeyError> {
    Ok(Keyring::from([text.parse()?, Secret::from_text(text)?]))
}
