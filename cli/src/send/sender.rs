//! Signing and sending of deliveries.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, USER_AGENT};
use hyper::{Request, Response, Uri};
use tower_svix::HeaderFamily;

use crate::client::Client;
use crate::keys::{SigningKeys, random_id};
use crate::{Failure, time};

/// The settings that all deliveries share.
pub(crate) struct Sender {
    pub(crate) client: Client,
    pub(crate) url: Uri,
    pub(crate) keys: SigningKeys,
    pub(crate) family: HeaderFamily,
    /// `None` means a random id for each delivery.
    pub(crate) id: Option<String>,
    /// The age of the timestamp, in seconds.
    pub(crate) age: i64,
    pub(crate) signed: Bytes,
    /// The body that is sent, with the signature of `signed`.
    pub(crate) sent: Bytes,
}

impl Sender {
    /// Returns a request that is signed now, with all headers of a sender.
    pub(crate) fn request(&self) -> Result<Request<Full<Bytes>>, Failure> {
        let id = self.id.clone().map_or_else(random_id, Ok)?;
        let now = time::now()?.as_secs();
        let timestamp = u64::try_from(i128::from(now) - i128::from(self.age))
            .map_err(|_| "--age reaches back beyond 1970")?;
        let signature = self.keys.sign(&id, timestamp, &self.signed)?;
        let family = self.family;
        let request = Request::post(&self.url)
            .header(CONTENT_TYPE, "application/json")
            .header(
                USER_AGENT,
                concat!("tower-svix-cli/", env!("CARGO_PKG_VERSION")),
            )
            .header(family.id_header(), id)
            .header(family.timestamp_header(), timestamp)
            .header(family.signature_header(), signature)
            .body(Full::new(self.sent.clone()))?;
        Ok(request)
    }

    pub(crate) async fn deliver(&self) -> Result<Response<Bytes>, Failure> {
        self.client.call(self.request()?).await
    }
}
