//! Custom names of the headers of a delivery.

use std::error::Error;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use http::HeaderName;

/// Headers that HTTP itself needs: those that frame or describe a message, and those that apply to a single hop ([RFC
/// 9110, section 7.6.1](https://www.rfc-editor.org/rfc/rfc9110#section-7.6.1)). A sender that wrote signatures into
/// them would break its own requests.
const RESERVED: [&str; 15] = [
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "host",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
];

/// The three custom names of a family.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct HeaderNames(&'static [HeaderName; 3]);

impl HeaderNames {
    pub(super) fn new(names: [&str; 3]) -> Result<Self, InvalidHeaderNames> {
        /// All names so far, each set once. A family is therefore as small as a reference, and an error can contain a
        /// name as `&'static str`.
        static KNOWN: Mutex<Vec<&'static [HeaderName; 3]>> = Mutex::new(Vec::new());

        let parse = |name| HeaderName::try_from(name).map_err(|_| InvalidHeaderNames);
        let [id, timestamp, signature] = names.map(parse);
        let names = [id?, timestamp?, signature?];
        if names[0] == names[1] || names[1] == names[2] || names[2] == names[0] {
            return Err(InvalidHeaderNames);
        }
        if names.iter().any(|name| RESERVED.contains(&name.as_str())) {
            return Err(InvalidHeaderNames);
        }
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.iter().find(|known| ***known == names) {
            return Ok(Self(known));
        }
        let names = &*Box::leak(Box::new(names));
        known.push(names);
        Ok(Self(names))
    }

    pub(super) fn as_strs(self) -> [&'static str; 3] {
        let [id, timestamp, signature] = self.0;
        [id.as_str(), timestamp.as_str(), signature.as_str()]
    }
}

impl fmt::Debug for HeaderNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.as_strs()).finish()
    }
}

/// The error of a [`HeaderFamily`](crate::HeaderFamily) whose names are not three different, valid header names, or of
/// which HTTP itself uses one, such as `host` or `content-length`.
///
/// Use the names that the documentation of the sender gives.
///
/// # Example
///
/// ```
/// use tower_svix::{HeaderFamily, InvalidHeaderNames};
///
/// let error: InvalidHeaderNames = HeaderFamily::prefixed("not a name ").unwrap_err();
/// assert!(error.to_string().contains("valid header names"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InvalidHeaderNames;

impl fmt::Display for InvalidHeaderNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a family of headers needs three different names: valid header names that HTTP itself does not use")
    }
}

impl Error for InvalidHeaderNames {}
