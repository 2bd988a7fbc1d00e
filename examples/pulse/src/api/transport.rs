//! Requests to the API and to the URLs that it returns, with retries and limits. Only Pulse gets the API key.

use std::time::{Duration, SystemTime};

use reqwest::header::{HeaderMap, HeaderValue, LOCATION, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder, Method, Request, RequestBuilder, Response, Url};
use serde::de::DeserializeOwned;

use super::backoff::Backoff;
use super::body;
use super::error::{ApiError, Forbidden};
use super::public::{self, PublicOnly};
use crate::BoxError;

/// The HTTP clients and the settings of requests.
#[derive(Clone, Debug)]
pub(super) struct Transport {
    pub(super) base: Url,
    api_key: HeaderValue,
    api: Client,
    /// The client for large results on other hosts. It never gets the key.
    elsewhere: Client,
    insecure_from_anywhere: bool,
}

/// The effect of sending a request twice.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Repeatable {
    /// The same as sending it once.
    Yes,
    /// It starts another job, so it is sent again only if Pulse has certainly not accepted the first.
    No,
}

/// The timeout of a response, and of each piece of a large result.
const TIME_TO_ANSWER: Duration = Duration::from_mins(1);
const MAX_REDIRECTS: usize = 5;
/// For short outages. During longer ones, the event waits in the inbox, where it occupies nothing.
const ATTEMPTS: u32 = 3;
const BACKOFF: Backoff = Backoff {
    base: Duration::from_millis(200),
    cap: Duration::from_secs(2),
};

impl Transport {
    pub(super) fn new(base: &str, api_key: &str) -> Result<Self, BoxError> {
        // Fails if there already is a provider, which is fine.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut api_key = HeaderValue::from_str(api_key.trim())?;
        api_key.set_sensitive(true);
        // `join` replaces the part after the last slash.
        let base: Url = format!("{}/", base.trim_end_matches('/')).parse()?;
        if base.cannot_be_a_base() {
            return Err("the base of the API is no http(s) URL".into());
        }
        // No proxy: it would resolve the name itself.
        let elsewhere = client().no_proxy().https_only(true);
        let elsewhere = elsewhere.dns_resolver(PublicOnly);
        Ok(Self {
            base,
            api_key,
            api: client().build()?,
            elsewhere: elsewhere.build()?,
            insecure_from_anywhere: false,
        })
    }

    pub(super) fn insecure_from_anywhere(&mut self) {
        self.elsewhere = self.api.clone();
        self.insecure_from_anywhere = true;
    }

    /// Sends a request, and reads the response.
    pub(super) async fn json<T: DeserializeOwned>(
        &self,
        repeatable: Repeatable,
        request: impl Fn(&Client) -> RequestBuilder,
    ) -> Result<T, ApiError> {
        let answer = || {
            let request = request(&self.api).timeout(TIME_TO_ANSWER).build();
            async { body::read(self.execute(request?).await?).await }
        };
        let body = self.repeat(repeatable, answer).await?;
        Ok(serde_json::from_slice(&body)?)
    }

    /// Requests `url`. The caller reads the body.
    pub(super) async fn open(&self, url: &Url) -> Result<Response, ApiError> {
        let answer = || self.execute(Request::new(Method::GET, url.clone()));
        self.repeat(Repeatable::Yes, answer).await
    }

    async fn repeat<T, F: Future<Output = Result<T, ApiError>>>(
        &self,
        repeatable: Repeatable,
        answer: impl Fn() -> F,
    ) -> Result<T, ApiError> {
        let mut attempt = 1;
        loop {
            let error = match answer().await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let pause = BACKOFF.pause(attempt, error.retry_after());
            let again = error.is_transient()
                && (repeatable == Repeatable::Yes || error.surely_not_taken())
                && attempt < ATTEMPTS
                // If Pulse asks for a longer pause, the event waits in the inbox.
                && pause < Duration::from_secs(5);
            if !again {
                return Err(error);
            }
            tracing::debug!(%error, attempt, ?pause, "trying again");
            tokio::time::sleep(pause).await;
            attempt += 1;
        }
    }

    /// Follows the redirects of a `GET`, and checks each URL like the first. reqwest would send the key to another port
    /// too, and would log the URL.
    async fn execute(&self, mut request: Request) -> Result<Response, ApiError> {
        let timeout = request.timeout().copied();
        let mut is_at_api = request.url().origin() == self.base.origin();
        for _ in 0..=MAX_REDIRECTS {
            // Only a `GET` follows redirects, so that a body goes only to Pulse.
            let may_go_on = request.method() == Method::GET;
            let response = if is_at_api {
                let api_key = self.api_key.clone();
                request.headers_mut().insert("x-api-key", api_key);
                self.api.execute(request).await?
            } else {
                self.check(request.url())?;
                self.elsewhere.execute(request).await?
            };
            let Some(url) = redirect(&response).filter(|_| may_go_on) else {
                return answered(response, is_at_api).await;
            };
            // After a redirect to another host, no request gets the key, not even one that leads back to the API.
            is_at_api &= url.origin() == self.base.origin();
            request = Request::new(Method::GET, url);
            *request.timeout_mut() = timeout;
        }
        Err(Forbidden::TooManyRedirects.into())
    }

    fn check(&self, url: &Url) -> Result<(), Forbidden> {
        if self.insecure_from_anywhere {
            return Ok(());
        }
        if url.scheme() != "https" {
            return Err(Forbidden::NotHttps);
        }
        Ok(public::check_host(url)?)
    }
}

fn client() -> ClientBuilder {
    Client::builder()
        .connect_timeout(Duration::from_secs(5))
        // Not for the whole body: a large result that arrives slowly cannot be requested again.
        .read_timeout(TIME_TO_ANSWER)
        .redirect(Policy::none())
}

async fn answered(response: Response, is_at_api: bool) -> Result<Response, ApiError> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let retry_after = retry_after(response.headers());
    if !is_at_api {
        // Some errors contain the signature.
        return Err(ApiError::Elsewhere {
            status,
            retry_after,
        });
    }
    let message = ApiError::message(&body::beginning(response).await?);
    Err(ApiError::Status {
        status,
        message,
        retry_after,
    })
}

/// Returns the target of a redirect.
fn redirect(response: &Response) -> Option<Url> {
    if !response.status().is_redirection() {
        return None;
    }
    let location = response.headers().get(LOCATION)?.to_str().ok()?;
    response.url().join(location).ok()
}

/// Parses `Retry-After`, in seconds or as a date.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?;
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(SystemTime::now()).unwrap_or_default())
}
