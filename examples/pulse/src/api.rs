//! A client of Pulse's API.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use axum::body::Bytes;
use reqwest::header::{HeaderMap, HeaderValue, LOCATION, RETRY_AFTER};
use reqwest::multipart::{Form, Part};
use reqwest::redirect::Policy;
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tower_svix_pulse::{JobId, JobStatus};

use crate::BoxError;
use crate::backoff::Backoff;

/// Pulse's API.
#[derive(Clone, Debug)]
pub struct Pulse {
    /// Stops at a redirect to another origin: reqwest would send the key there.
    http: reqwest::Client,
    /// For a large result that is elsewhere. It is never given the key.
    elsewhere: reqwest::Client,
    base: Url,
    api_key: HeaderValue,
}

/// What a job is made of.
#[derive(Clone, Debug)]
pub enum Document {
    File(PathBuf),
    Url(String),
}

/// The receipt of an asynchronous extraction.
#[derive(Clone, Debug, Deserialize)]
pub struct Submitted {
    pub job_id: JobId,
    pub status: JobStatus,
}

/// What Pulse says of a job.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct JobState {
    pub job_id: JobId,
    pub status: JobStatus,
    pub result: Option<Value>,
    pub error: Option<String>,
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// Why Pulse's API did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    #[error("Pulse answered {status}: {message}")]
    Status {
        status: StatusCode,
        message: String,
        retry_after: Option<Duration>,
    },
    #[error("Pulse did not answer: {}", chain(.0))]
    Transport(#[from] reqwest::Error),
    #[error("Pulse's answer is not what its documentation says: {0}")]
    Unexpected(#[from] serde_json::Error),
    #[error("{}: {error}", path.display())]
    File {
        path: PathBuf,
        error: std::io::Error,
    },
}

/// What a request that is sent twice does.
#[derive(Clone, Copy, PartialEq)]
enum Repeatable {
    /// The same as one that is sent once.
    Yes,
    /// It starts another job, so it is sent again only if Pulse surely did not take the first.
    No,
}

/// How long an answer may take; of a large result, each piece of it.
const TIME_TO_ANSWER: Duration = Duration::from_mins(1);
/// For hiccups. What lasts longer is the queue's business, which waits without holding anything.
const ATTEMPTS: u32 = 3;
const BACKOFF: Backoff = Backoff {
    base: Duration::from_millis(200),
    cap: Duration::from_secs(2),
};

impl Pulse {
    pub fn new(base: &str, api_key: &str) -> Result<Self, BoxError> {
        // Fails if there is one already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut api_key = HeaderValue::from_str(api_key.trim())?;
        api_key.set_sensitive(true);
        // `join` replaces what follows the last slash.
        let base: Url = format!("{}/", base.trim_end_matches('/')).parse()?;
        let builder = || {
            reqwest::Client::builder()
                .connect_timeout(Duration::from_secs(5))
                // Not for the whole: a large result that comes slowly cannot be asked for again.
                .read_timeout(TIME_TO_ANSWER)
        };
        let origin = base.origin();
        let within_the_api = Policy::custom(move |attempt| {
            if attempt.url().origin() == origin {
                Policy::default().redirect(attempt)
            } else {
                attempt.stop()
            }
        });
        Ok(Self {
            http: builder().redirect(within_the_api).build()?,
            elsewhere: builder().build()?,
            base,
            api_key,
        })
    }

    /// A temporary link to the portal where endpoints are configured, and where their secrets are shown.
    pub async fn portal_link(&self) -> Result<String, ApiError> {
        #[derive(Deserialize)]
        struct Portal {
            link: String,
        }
        let url = self.url(&["webhook"]);
        let portal: Portal = self
            .json(Repeatable::Yes, || self.http.post(url.clone()))
            .await?;
        Ok(portal.link)
    }

    /// Starts an asynchronous extraction: its end is told by a webhook.
    pub async fn extract(
        &self,
        document: &Document,
        pages: Option<&str>,
    ) -> Result<Submitted, ApiError> {
        let url = self.url(&["extract"]);
        let content = match document {
            Document::Url(_) => Bytes::new(),
            Document::File(path) => read(path).await?,
        };
        let request = || {
            let mut form = Form::new().text("async", "true");
            if let Some(pages) = pages {
                form = form.text("pages", pages.to_owned());
            }
            form = match document {
                Document::Url(url) => form.text("fileUrl", url.clone()),
                Document::File(path) => form.part("file", file_part(path, &content)),
            };
            self.http.post(url.clone()).multipart(form)
        };
        self.json(Repeatable::No, request).await
    }

    pub async fn job(&self, job_id: &str) -> Result<JobState, ApiError> {
        let url = self.url(&["job", job_id]);
        self.json(Repeatable::Yes, || self.http.get(url.clone()))
            .await
    }

    /// Returns Pulse's confirmation.
    pub async fn cancel(&self, job_id: &str) -> Result<String, ApiError> {
        #[derive(Deserialize)]
        struct Cancelled {
            message: String,
        }
        let url = self.url(&["job", job_id]);
        let cancelled: Cancelled = self
            .json(Repeatable::Yes, || self.http.delete(url.clone()))
            .await?;
        Ok(cancelled.message)
    }

    /// The result of a completed job, as JSON: what the job itself holds, or what that points to.
    ///
    /// A large result is gone from Pulse once it was downloaded: keep it.
    pub async fn result(&self, job_id: &str, result: &Value) -> Result<Bytes, ApiError> {
        if result.get("is_url") != Some(&Value::Bool(true)) {
            return Ok(serde_json::to_vec(result)?.into());
        }
        let pointed_to = result.get("url").and_then(Value::as_str);
        let url = pointed_to
            .and_then(|url| self.base.join(url).ok())
            .unwrap_or_else(|| self.url(&["large_results", job_id]));
        // Not parsed: there may be no other copy, so whatever it is, it is kept.
        self.send(Repeatable::Yes, || self.http.get(url.clone()))
            .await
    }

    /// Applies a JSON schema to an extraction, and returns what it found.
    pub async fn schema(&self, extraction_id: &str, schema: &Value) -> Result<Value, ApiError> {
        let url = self.url(&["schema"]);
        let body = json!({
            "extraction_id": extraction_id,
            "schema_config": { "input_schema": schema },
        });
        let request = || self.http.post(url.clone()).json(&body);
        self.json(Repeatable::Yes, request).await
    }

    fn url(&self, segments: &[&str]) -> Url {
        let mut url = self.base.clone();
        url.path_segments_mut()
            .expect("http URLs have paths")
            .pop_if_empty()
            .extend(segments);
        url
    }

    async fn json<T, F>(&self, repeatable: Repeatable, request: F) -> Result<T, ApiError>
    where
        T: serde::de::DeserializeOwned,
        F: Fn() -> RequestBuilder,
    {
        let request = || request().timeout(TIME_TO_ANSWER);
        let body = self.send(repeatable, request).await?;
        Ok(serde_json::from_slice(&body)?)
    }

    async fn send<F>(&self, repeatable: Repeatable, request: F) -> Result<Bytes, ApiError>
    where
        F: Fn() -> RequestBuilder,
    {
        let mut attempt = 1;
        loop {
            let error = match self.send_once(request()).await {
                Ok(body) => return Ok(body),
                Err(error) => error,
            };
            let pause = BACKOFF.pause(attempt, error.retry_after());
            let again = error.is_transient()
                && (repeatable == Repeatable::Yes || error.surely_not_taken())
                && attempt < ATTEMPTS
                // Whoever is told to come back much later does not wait for it here.
                && pause < Duration::from_secs(5);
            if !again {
                return Err(error);
            }
            tracing::debug!(%error, attempt, ?pause, "trying again");
            tokio::time::sleep(pause).await;
            attempt += 1;
        }
    }

    async fn send_once(&self, request: RequestBuilder) -> Result<Bytes, ApiError> {
        let mut request = request.build()?;
        // A large result may be elsewhere, and the key is for Pulse alone.
        let response = if request.url().origin() == self.base.origin() {
            let api_key = self.api_key.clone();
            request.headers_mut().insert("x-api-key", api_key);
            // Nor is what is sent to Pulse for anyone else.
            let may_leave = request.method() == Method::GET;
            let response = self.http.execute(request).await?;
            match redirect(&response) {
                Some(url) if may_leave => self.elsewhere.get(url).send().await?,
                _ => response,
            }
        } else {
            self.elsewhere.execute(request).await?
        };
        let status = response.status();
        let retry_after = retry_after(response.headers());
        let body = response.bytes().await?;
        if status.is_success() {
            return Ok(body);
        }
        Err(ApiError::Status {
            status,
            message: String::from_utf8_lossy(&body).chars().take(500).collect(),
            retry_after,
        })
    }
}

impl ApiError {
    /// Tells whether the same request may succeed later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Status { status, .. } => {
                status.is_server_error()
                    || *status == StatusCode::TOO_MANY_REQUESTS
                    || *status == StatusCode::REQUEST_TIMEOUT
            }
            Self::Transport(error) => !error.is_builder(),
            Self::Unexpected(_) | Self::File { .. } => false,
        }
    }

    /// Tells whether what was asked for is gone for good.
    pub fn is_gone(&self) -> bool {
        matches!(self, Self::Status { status, .. } if *status == StatusCode::GONE)
    }

    /// How long Pulse asks to be left alone.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    fn surely_not_taken(&self) -> bool {
        match self {
            Self::Status { status, .. } => *status == StatusCode::TOO_MANY_REQUESTS,
            Self::Transport(error) => error.is_connect(),
            Self::Unexpected(_) | Self::File { .. } => false,
        }
    }
}

async fn read(path: &Path) -> Result<Bytes, ApiError> {
    let content = tokio::fs::read(path).await;
    content.map(Bytes::from).map_err(|error| ApiError::File {
        path: path.to_owned(),
        error,
    })
}

fn file_part(path: &Path, content: &Bytes) -> Part {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    Part::stream_with_length(content.clone(), content.len() as u64).file_name(name.into_owned())
}

/// Where a redirect points to that was not followed.
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

/// reqwest's own message leaves the cause out.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
