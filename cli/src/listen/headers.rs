//! The headers of a delivery.

use hyper::HeaderMap;
use hyper::header::{CONNECTION, HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};
use tower_svix::HeaderFamily;

use crate::family;

/// Names and values in their order. Each byte of a value is one character, so that no value is lost.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Pairs(pub(crate) Vec<(String, String)>);

impl Pairs {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let pair = |(name, value): (&HeaderName, &HeaderValue)| {
            let value = value.as_bytes().iter().copied().map(char::from).collect();
            (name.as_str().to_owned(), value)
        };
        Self(headers.iter().map(pair).collect())
    }

    /// Omits invalid headers, which occur only if a file was edited.
    pub(crate) fn to_map(&self) -> HeaderMap {
        let pair = |(name, value): &(String, String)| {
            Some((name.parse::<HeaderName>().ok()?, value_of(value)?))
        };
        let mut headers = HeaderMap::new();
        for (name, value) in self.0.iter().filter_map(pair) {
            headers.append(name, value);
        }
        headers
    }
}

fn value_of(text: &str) -> Option<HeaderValue> {
    let bytes: Result<Vec<u8>, _> = text.chars().map(u8::try_from).collect();
    HeaderValue::from_bytes(&bytes.ok()?).ok()
}

/// Removes the headers of the connection, and those that the client sets itself.
pub(crate) fn remove_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named {
        headers.remove(name);
    }
    for name in [
        "connection",
        "content-length",
        "expect",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    ] {
        headers.remove(name);
    }
}

/// Returns the id in the header of a delivery.
pub(crate) fn id(headers: &HeaderMap, family: Option<HeaderFamily>) -> Option<String> {
    let value = headers.get(family::of(headers, family).id_header())?;
    Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
}

#[cfg(test)]
mod tests {
    use hyper::HeaderMap;
    use hyper::header::HeaderValue;

    use super::{Pairs, remove_hop_by_hop};

    #[test]
    fn no_value_is_lost() {
        let mut headers = HeaderMap::new();
        let all: Vec<u8> = (0x20..=0xff).filter(|byte| *byte != 0x7f).collect();
        headers.append("x-all", HeaderValue::from_bytes(&all).expect("it is legal"));
        headers.append("x-two", HeaderValue::from_static("1"));
        headers.append("x-two", HeaderValue::from_static("2"));
        assert_eq!(Pairs::of(&headers).to_map(), headers);
    }

    #[test]
    fn a_header_that_connection_names_ends_here() {
        let mut headers = HeaderMap::new();
        headers.append("connection", HeaderValue::from_static("close, X-Mine"));
        headers.append("x-mine", HeaderValue::from_static("1"));
        headers.append("x-yours", HeaderValue::from_static("1"));
        remove_hop_by_hop(&mut headers);
        assert_eq!(headers.keys().collect::<Vec<_>>(), ["x-yours"]);
    }
}
