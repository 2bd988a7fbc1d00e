//! A client of Pulse's API.

mod backoff;
mod body;
mod error;
mod public;
mod transport;

use std::fmt;
use std::path::{Path, PathBuf};

use axum::body::Bytes;
use reqwest::multipart::{Form, Part};
use reqwest::{Client, Url};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tower_svix_pulse::{JobId, JobStatus};

pub use self::body::LargeResult;
pub use self::error::{ApiError, Forbidden, Position};
pub use self::public::NotPublic;
use self::transport::{Repeatable, Transport};
use crate::BoxError;

/// A client of Pulse's API.
#[derive(Clone, Debug)]
pub struct Pulse {
    transport: Transport,
}

/// The document of a job.
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

/// The state of a job at Pulse.
#[derive(Clone, Deserialize, Serialize)]
pub struct JobState {
    pub job_id: JobId,
    pub status: JobStatus,
    pub result: Option<Value>,
    pub error: Option<String>,
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// Returns whether a result is only a URL. Anyone who has the URL can download the result from it, but only once.
pub fn is_large(result: &Value) -> bool {
    result.get("is_url") == Some(&Value::Bool(true))
}

impl Pulse {
    pub fn new(base: &str, api_key: &str) -> Result<Self, BoxError> {
        let transport = Transport::new(base, api_key)?;
        Ok(Self { transport })
    }

    /// Also fetches large results without TLS, and from this machine and its network. Only for tests.
    #[must_use]
    pub fn insecure_results_from_anywhere(mut self) -> Self {
        self.transport.insecure_from_anywhere();
        self
    }

    /// Returns a temporary link to the portal that configures endpoints and shows their secrets.
    pub async fn portal_link(&self) -> Result<String, ApiError> {
        #[derive(Deserialize)]
        struct Portal {
            link: String,
        }
        let url = self.url(&["webhook"]);
        let request = |http: &Client| http.post(url.clone());
        let portal: Portal = self.transport.json(Repeatable::Yes, request).await?;
        Ok(portal.link)
    }

    /// Starts an asynchronous extraction. A webhook reports its end.
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
        let request = |http: &Client| {
            let mut form = Form::new().text("async", "true");
            if let Some(pages) = pages {
                form = form.text("pages", pages.to_owned());
            }
            form = match document {
                Document::Url(url) => form.text("fileUrl", url.clone()),
                Document::File(path) => form.part("file", file_part(path, &content)),
            };
            http.post(url.clone()).multipart(form)
        };
        self.transport.json(Repeatable::No, request).await
    }

    pub async fn job(&self, job_id: &str) -> Result<JobState, ApiError> {
        let url = self.url(&["job", job_id]);
        let request = |http: &Client| http.get(url.clone());
        self.transport.json(Repeatable::Yes, request).await
    }

    /// Returns Pulse's confirmation.
    pub async fn cancel(&self, job_id: &str) -> Result<String, ApiError> {
        #[derive(Deserialize)]
        struct Cancelled {
            message: String,
        }
        let url = self.url(&["job", job_id]);
        let request = |http: &Client| http.delete(url.clone());
        let cancelled: Cancelled = self.transport.json(Repeatable::Yes, request).await?;
        Ok(cancelled.message)
    }

    /// Downloads a [large](is_large) result of a job. Pulse then deletes the result, so the caller must keep it.
    ///
    /// If the URL is not at the API, it must be https and have an address on the Internet.
    pub async fn large_result(
        &self,
        job_id: &str,
        result: &Value,
    ) -> Result<LargeResult, ApiError> {
        let pointed_to = result.get("url").and_then(Value::as_str);
        let url = pointed_to
            .and_then(|url| self.transport.base.join(url).ok())
            .unwrap_or_else(|| self.url(&["large_results", job_id]));
        Ok(LargeResult::new(self.transport.open(&url).await?))
    }

    /// Applies a JSON schema to an extraction, and returns the output.
    pub async fn schema(&self, extraction_id: &str, schema: &Value) -> Result<Value, ApiError> {
        let url = self.url(&["schema"]);
        let body = json!({
            "extraction_id": extraction_id,
            "schema_config": { "input_schema": schema },
        });
        let request = |http: &Client| http.post(url.clone()).json(&body);
        self.transport.json(Repeatable::Yes, request).await
    }

    fn url(&self, segments: &[&str]) -> Url {
        let mut url = self.transport.base.clone();
        url.path_segments_mut()
            .expect("it was checked that it can be a base")
            .pop_if_empty()
            .extend(segments);
        url
    }
}

impl JobState {
    /// Hides the URL of a large result, with which anyone could download it.
    pub fn hide_url(&mut self) {
        if let Some(result) = self.result.as_mut().filter(|result| is_large(result)) {
            *result = json!({ "is_url": true, "url": "[hidden]" });
        }
    }
}

/// Omits the content of the result and the URL of a large one.
impl fmt::Debug for JobState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobState")
            .field("job_id", &self.job_id)
            .field("status", &self.status)
            .field("error", &self.error)
            .finish_non_exhaustive()
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
