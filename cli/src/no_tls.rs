//! The stand-in for TLS without the feature `tls`, with an error that names the feature.
#![allow(
    clippy::unused_self,
    clippy::unnecessary_wraps,
    reason = "the methods are those of the real one"
)]

use hyper::Uri;
use hyper_util::client::legacy::connect::HttpConnector;

use crate::Failure;

pub(crate) type Connector = HttpConnector;

#[derive(clap::Args)]
pub(crate) struct TlsArgs {}

/// Checks that this program can call addresses with this scheme.
pub(crate) fn check_scheme(scheme: Option<&str>) -> Result<(), String> {
    match scheme {
        Some("http") => Ok(()),
        Some("https") => Err(
            "this program was built without TLS: build it with `--features tls`, as in `cargo install --path cli --features tls`"
                .to_owned(),
        ),
        _ => Err("it must start with http://".to_owned()),
    }
}

impl TlsArgs {
    pub(crate) fn connector(&self, http: HttpConnector, _: &Uri) -> Result<Connector, Failure> {
        Ok(http)
    }
}
