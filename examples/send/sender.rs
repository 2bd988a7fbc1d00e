//! Signing a delivery and sending it.

use std::error::Error;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, USER_AGENT};
use hyper::{Request, Response, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::time::timeout;
use tower_svix::{HeaderFamily, Secret};

/// How long an answer may take: as long as Svix waits.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);

/// What all deliveries have in common.
pub(crate) struct Sender {
    client: Client<HttpConnector, Full<Bytes>>,
    url: Uri,
    secret: Secret,
    id: Option<String>,
    age: i64,
    signed: Bytes,
    sent: Bytes,
}

impl Sender {
    /// `age` counts seconds; `sent` is the body that is sent with the signature of `signed`.
    pub(crate) fn new(
        url: Uri,
        secret: Secret,
        id: Option<String>,
        age: i64,
        signed: Bytes,
        sent: Bytes,
    ) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        Self {
            client: Client::builder(TokioExecutor::new()).build(connector),
            url,
            secret,
            id,
            age,
            signed,
            sent,
        }
    }

    /// A delivery of now, with the headers that Svix gives it.
    pub(crate) fn request(&self) -> Result<Request<Full<Bytes>>, Box<dyn Error + Send + Sync>> {
        let id = self.id.clone().map_or_else(random_id, Ok)?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        let timestamp = u64::try_from(i128::from(now) - i128::from(self.age))
            .map_err(|_| "--age reaches back beyond 1970")?;
        let signature = self.secret.sign(&id, timestamp, &self.signed)?;
        let family = HeaderFamily::SVIX;
        let request = Request::post(&self.url)
            .header(CONTENT_TYPE, "application/json")
            .header(
                USER_AGENT,
                concat!("tower-svix-send/", env!("CARGO_PKG_VERSION")),
            )
            .header(family.id_header(), id)
            .header(family.timestamp_header(), timestamp)
            .header(family.signature_header(), signature)
            .body(Full::new(self.sent.clone()))?;
        Ok(request)
    }

    pub(crate) async fn deliver(&self) -> Result<Response<Bytes>, Box<dyn Error + Send + Sync>> {
        let request = self.request()?;
        let answer = async {
            let response = self.client.request(request).await?;
            let (head, body) = response.into_parts();
            let body = body.collect().await?.to_bytes();
            Ok::<_, Box<dyn Error + Send + Sync>>(Response::from_parts(head, body))
        };
        timeout(ANSWER_TIMEOUT, answer)
            .await
            .map_err(|_| "no answer in time")?
            .map_err(|error| root_cause(&*error).into())
    }
}

/// An id that no other delivery has. It must not hold a full stop.
fn random_id() -> Result<String, getrandom::Error> {
    let (high, low) = (getrandom::u64()?, getrandom::u64()?);
    Ok(format!("msg_{high:016x}{low:016x}"))
}

/// What happened is at the end of the chain: the client itself says no more than "client error (Connect)".
fn root_cause(mut error: &(dyn Error + 'static)) -> String {
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}
