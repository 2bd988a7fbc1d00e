//! The HTTP client of `send` and `listen`.

use std::error::Error;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{Request, Response, Uri};
use hyper_util::client::legacy::Client as HyperClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::time::timeout;

use crate::Failure;
use crate::tls::{Connector, TlsArgs, check_scheme};

/// The timeout of a response, which is that of Svix.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);
/// The maximum size of a response, in bytes.
const ANSWER_LIMIT: usize = 16 * 1024 * 1024;

#[derive(Clone)]
pub(crate) struct Client(HyperClient<Connector, Full<Bytes>>);

impl Client {
    /// Returns a client for `url`.
    pub(crate) fn new(tls: &TlsArgs, url: &Uri) -> Result<Self, Failure> {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        // It also opens the connections for TLS.
        connector.enforce_http(false);
        let client = HyperClient::builder(TokioExecutor::new())
            .http1_preserve_header_case(true)
            .build(tls.connector(connector, url)?);
        Ok(Self(client))
    }

    /// Sends a request, and reads the whole response.
    pub(crate) async fn call(
        &self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Bytes>, Failure> {
        let answer = async {
            let response = self.0.request(request).await?;
            let (head, body) = response.into_parts();
            let body = Limited::new(body, ANSWER_LIMIT).collect().await?.to_bytes();
            Ok::<_, Failure>(Response::from_parts(head, body))
        };
        timeout(ANSWER_TIMEOUT, answer)
            .await
            .map_err(|_| format!("no answer within {} seconds", ANSWER_TIMEOUT.as_secs()))?
            .map_err(|error| root_cause(&*error).into())
    }
}

/// Parses an address that this client can call.
pub(crate) fn url(text: &str) -> Result<Uri, String> {
    let uri: Uri = text.parse().map_err(|error| format!("{error}"))?;
    check_scheme(uri.scheme_str())?;
    Ok(uri)
}

/// Returns the text of the last source. The client's own text is only "client error (Connect)".
fn root_cause(mut error: &(dyn Error + 'static)) -> String {
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}
