//! The application that deliveries are forwarded to.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{HOST, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Request, Response, Uri};

use super::answer::{AppAnswer, Reply};
use super::headers::remove_hop_by_hop;
use crate::Failure;
use crate::client::Client;

pub(crate) struct Application {
    client: Client,
    url: Uri,
}

impl Application {
    pub(crate) fn new(client: Client, url: Uri) -> Self {
        Self { client, url }
    }

    pub(crate) fn url(&self) -> &Uri {
        &self.url
    }

    /// Forwards a delivery with its method, its bytes and its headers, except for `host` and the headers of the
    /// connection. Returns the reply to keep, and the response to pass on, if there is one.
    pub(crate) async fn forward(
        &self,
        head: &Parts,
        body: &Bytes,
    ) -> (Reply, Option<Response<Bytes>>) {
        let started = Instant::now();
        let answer = match self.request(head, body) {
            Ok(request) => self.client.call(request).await,
            Err(error) => Err(error),
        };
        let milliseconds = milliseconds(started.elapsed());
        match answer {
            Ok(mut response) => {
                let kept = AppAnswer::new(&response, milliseconds);
                remove_hop_by_hop(response.headers_mut());
                (Reply::Answered(kept), Some(response))
            }
            Err(error) => {
                let error = error.to_string();
                (
                    Reply::Failed {
                        error,
                        milliseconds,
                    },
                    None,
                )
            }
        }
    }

    fn request(&self, head: &Parts, body: &Bytes) -> Result<Request<Full<Bytes>>, Failure> {
        let mut request = Request::new(Full::new(body.clone()));
        *request.method_mut() = head.method.clone();
        *request.uri_mut() = self.url_with_query(head.uri.query())?;
        *request.headers_mut() = head.headers.clone();
        // The sender's spelling of the header names.
        *request.extensions_mut() = head.extensions.clone();
        remove_hop_by_hop(request.headers_mut());
        if let Some(authority) = self.url.authority() {
            let host = HeaderValue::from_str(authority.as_str())?;
            request.headers_mut().insert(HOST, host);
        }
        Ok(request)
    }

    /// Returns the address of the application, with the query of the delivery unless the address already has one.
    fn url_with_query(&self, query: Option<&str>) -> Result<Uri, Failure> {
        match (self.url.query(), query) {
            (None, Some(query)) => Ok(format!("{}?{query}", self.url).parse()?),
            _ => Ok(self.url.clone()),
        }
    }
}

pub(crate) fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
