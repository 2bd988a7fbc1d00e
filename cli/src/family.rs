//! The names of the three headers of a delivery.

use hyper::HeaderMap;
use tower_svix::HeaderFamily;

/// The help text of the option `--family`.
pub(crate) const HELP: &str =
    "The names of the headers: `svix`, `webhook`, or the sender's prefix, such as `x-webhook-`";

/// Parses a family of names: `svix`, `webhook`, or a prefix of the sender.
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

/// Returns the requested family, or else the family that these headers have.
pub(crate) fn of(headers: &HeaderMap, asked_for: Option<HeaderFamily>) -> HeaderFamily {
    let is_used = |family: &HeaderFamily| headers.contains_key(family.id_header());
    asked_for.unwrap_or_else(|| {
        [HeaderFamily::SVIX, HeaderFamily::WEBHOOK]
            .into_iter()
            .find(is_used)
            .unwrap_or(HeaderFamily::WEBHOOK)
    })
}
