//! Makes the three headers of a delivery.

use std::fmt;
use std::sync::Arc;

use http::{HeaderMap, HeaderValue};

use crate::clock::{Clock, SystemClock};
use crate::random;
use crate::signature::headers::{given_id, remove_other_families};
use crate::signature::{HeaderFamily, SignError, SigningKey};

type IdGenerator = dyn Fn() -> String + Send + Sync;

#[derive(Clone)]
pub(crate) struct Signer {
    pub(crate) keys: Vec<SigningKey>,
    pub(crate) family: HeaderFamily,
    /// `None`: ids are random.
    pub(crate) id_generator: Option<Arc<IdGenerator>>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Signer {
    pub(crate) fn new(keys: Vec<SigningKey>) -> Self {
        Self {
            keys,
            family: HeaderFamily::WEBHOOK,
            id_generator: None,
            clock: Arc::new(SystemClock),
        }
    }

    /// Puts the id, the timestamp and the signatures of `body` into `headers`. An existing id is kept.
    pub(crate) fn sign(&self, headers: &mut HeaderMap, body: &[u8]) -> Result<(), SignError> {
        let id = match given_id(headers, self.family)? {
            Some(id) => id.to_owned(),
            None => self.new_id()?,
        };
        let now = self
            .clock
            .unix_seconds()
            .ok_or(SignError::ClockUnavailable)?;
        let signatures = self.signatures(&id, now, body)?;

        // A receiver that finds both families complete reads `svix-*`, which may not be ours.
        remove_other_families(headers, self.family);
        let id = HeaderValue::try_from(id).map_err(|_| SignError::InvalidId)?;
        headers.insert(self.family.id_header(), id);
        headers.insert(self.family.timestamp_header(), HeaderValue::from(now));
        headers.insert(self.family.signature_header(), signatures);
        Ok(())
    }

    fn new_id(&self) -> Result<String, SignError> {
        if let Some(generate) = &self.id_generator {
            return Ok(generate());
        }
        let mut random = [0; 16];
        random::fill(&mut random)?;
        Ok(format!("msg_{:032x}", u128::from_ne_bytes(random)))
    }

    /// Returns one signature for each key, separated by spaces.
    fn signatures(&self, id: &str, now: u64, body: &[u8]) -> Result<HeaderValue, SignError> {
        if self.keys.is_empty() {
            return Err(SignError::NoKey);
        }
        let mut list = Vec::new();
        for key in &self.keys {
            if !list.is_empty() {
                list.push(b' ');
            }
            list.extend_from_slice(key.sign(id, now, body)?.as_bytes());
        }
        Ok(HeaderValue::try_from(list).expect("signatures are visible ASCII"))
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer")
            .field("keys", &self.keys)
            .field("family", &self.family)
            .finish_non_exhaustive()
    }
}
