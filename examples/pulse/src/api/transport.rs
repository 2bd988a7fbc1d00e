//! Requests to the API, and to where it points: with retries, a key that goes to Pulse alone, and bounds.

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

/// How Pulse is spoken to.
#[derive(Clone, Debug)]
pub(super) struct Transport {
    pub(super) base: Url,
    api_key: HeaderValue,
    api: Client,
    /// For a large result that is elsewhere. It is never given the key.
    elsewhere: Client,
    insecure_from_anywhere: bool,
}

/// What a request that is sent twice does.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Repeatable {
    /// The same as one that is sent once.
    Yes,
    /// It starts another job, so it is sent again only if Pulse surely did not take the first.
    No,
}

/// How long an answer may take; of a large result, each piece of it.
const TIME_TO_ANSWER: Duration = Duration::from_mins(1);
const MAX_REDIRECTS: usize = 5;
/// For hiccups. What lasts longer is the inbox's business, which waits without holding anything.
const ATTEMPTS: u32 = 3;
const BACKOFF: Backoff = Backoff {
    base: Duration::from_millis(200),
    cap: Duration::from_secs(2),
};

impl Transport {
    pub(super) fn new(base: &str, api_key: &str) -> Result<Self, BoxError> {
        // Fails if there is one already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut api_key = HeaderValue::from_str(api_key.trim())?;
        api_key.set_sensitive(true);
        // `join` replaces what follows the last slash.
        let base: Url = format!("{}/", base.trim_end_matches('/')).parse()?;
        if base.cannot_be_a_base() {
            return Err("the base of the API is no http(s) URL".into());
        }
        // A proxy would connect to what the name means there.
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

    /// Sends a request, and reads the answer.
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

    /// Asks for what is at `url`, which the caller reads.
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
                // If Pulse asks for more, it is the inbox that waits.
                && pause < Duration::from_secs(5);
            if !again {
                return Err(error);
            }
            tracing::debug!(%error, attempt, ?pause, "trying again");
            tokio::time::sleep(pause).await;
            attempt += 1;
        }
    }

    /// Follows redirects of a `GET`, each checked like the first URL: reqwest would take the key along to another port, and
    /// would write the URL into its log.
    async fn execute(&self, mut request: Request) -> Result<Response, ApiError> {
        let timeout = request.timeout().copied();
        let mut is_at_api = request.url().origin() == self.base.origin();
        for _ in 0..=MAX_REDIRECTS {
            // What is sent to Pulse is for nobody else.
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
            // Nobody else decides what is asked for with the key.
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
        // Not for the whole: a large result that comes slowly cannot be asked for again.
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
        // Some repeat the signature.
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

/// Where a redirect points to.
fn redirect(response: &Response) -> Option<Url> {
    if !response.status().is_redirection() {
        return None;
    }
    let location = response.headers().get(LOCATION)?.to_str().ok()?;
    response.url().join(location).ok()
}

/// Seconds, or a date.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?;
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(SystemTime::now()).unwrap_or_default())
}
