//! The names of the three headers of a delivery.

use hyper::HeaderMap;
use tower_svix::HeaderFamily;

/// What the option `--family` says of itself.
pub(crate) const HELP: &str =
    "The names of the headers: `svix`, `webhook`, or a prefix of the sender's own, as `x-webhook-`";

/// Parses the names: those of Svix, of Standard Webhooks, or with a prefix of the sender's own.
pub(crate) fn parse(text: &str) -> Result<HeaderFamily, String> {
    match text {
        "svix" => Ok(HeaderFamily::SVIX),
        "webhook" => Ok(HeaderFamily::WEBHOOK),
        prefix if prefix.ends_with('-') => {
            HeaderFamily::prefixed(prefix).map_err(|error| error.to_string())
        }
        _ => Err(
            "it is neither `svix` nor `webhook` nor a prefix that ends with a hyphen".to_owned(),
        ),
    }
}

/// The names that these headers have: those that were asked for, or those that are there.
pub(crate) fn of(headers: &HeaderMap, asked_for: Option<HeaderFamily>) -> HeaderFamily {
    let is_used = |family: &HeaderFamily| headers.contains_key(family.id_header());
    asked_for.unwrap_or_else(|| {
        [HeaderFamily::SVIX, HeaderFamily::WEBHOOK]
            .into_iter()
            .find(is_used)
            .unwrap_or(HeaderFamily::WEBHOOK)
    })
}
