//! Connections with TLS, for `https://` addresses.

use std::path::PathBuf;
use std::sync::Arc;

use hyper::Uri;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

use crate::Failure;

pub(crate) type Connector = HttpsConnector<HttpConnector>;

/// The certificate authorities to trust.
#[derive(clap::Args)]
pub(crate) struct TlsArgs {
    /// Also trust the certificate authorities in this PEM file. Those of the system come from the file in
    /// `SSL_CERT_FILE`, or else from their usual place
    #[arg(long, value_name = "FILE")]
    cacert: Option<PathBuf>,
}

/// Checks that this program can call addresses with this scheme.
pub(crate) fn check_scheme(scheme: Option<&str>) -> Result<(), String> {
    match scheme {
        Some("http" | "https") => Ok(()),
        _ => Err("it must start with http:// or https://".to_owned()),
    }
}

impl TlsArgs {
    /// Returns the connector for `url`.
    pub(crate) fn connector(&self, http: HttpConnector, url: &Uri) -> Result<Connector, Failure> {
        let roots = if url.scheme_str() == Some("https") {
            self.roots()?
        } else {
            RootCertStore::empty()
        };
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(HttpsConnectorBuilder::new()
            .with_tls_config(config)
            .https_or_http()
            .enable_http1()
            .wrap_connector(http))
    }

    fn roots(&self) -> Result<RootCertStore, Failure> {
        let mut roots = RootCertStore::empty();
        let native = rustls_native_certs::load_native_certs();
        roots.add_parsable_certificates(native.certs);
        if let Some(path) = &self.cacert {
            let failure = |error: &dyn ToString| {
                Failure::from(format!(
                    "--cacert {}: {}",
                    path.display(),
                    error.to_string()
                ))
            };
            let certificates =
                CertificateDer::pem_file_iter(path).map_err(|error| failure(&error))?;
            let before = roots.len();
            for certificate in certificates {
                let certificate = certificate.map_err(|error| failure(&error))?;
                roots.add(certificate).map_err(|error| failure(&error))?;
            }
            if roots.len() == before {
                return Err(failure(&"it holds no certificate"));
            }
        }
        if roots.is_empty() {
            let why = native.errors.first().map(|error| format!(" ({error})"));
            return Err(format!(
                "this system trusts no certificate authority{}: install its package of them, as ca-certificates, or name a \
                 file with --cacert",
                why.unwrap_or_default()
            )
            .into());
        }
        Ok(roots)
    }
}
