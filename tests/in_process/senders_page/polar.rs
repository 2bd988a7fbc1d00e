use tower_svix::{KeyError, Keyring, Secret};

pub fn keyring(text: &str) -> Result<Keyring, KeyError> {
    let old = Secret::from_text(text)?;
    match text.parse::<Secret>() {
        Ok(new) => Ok(Keyring::from([old, new])),
        // There is only one way to read `polar_whs_…`.
        Err(KeyError::ForeignPrefix) => Ok(Keyring::from(old)),
        Err(error) => Err(error),
    }
}
