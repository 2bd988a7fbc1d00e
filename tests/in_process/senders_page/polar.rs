use tower_svix::{KeyError, Keyring, Secret};

pub fn keyring(text: &str) -> Result<Keyring, KeyError> {
    let old = Secret::from_text(text)?;
    match text.parse::<Secret>() {
        Ok(new) => Ok(Keyring::from([old, new])),
        // `polar_whs_…` can be read in one way only.
        Err(KeyError::ForeignPrefix) => Ok(Keyring::from(old)),
        Err(error) => Err(error),
    }
}
