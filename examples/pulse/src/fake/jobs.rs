//! The jobs of the fake.

use serde_json::{Value, json};
use tower_svix_pulse::JobStatus;

use super::Fake;

/// The signature in the URL of a large result. Anyone who has it can download the result.
pub const SIGNATURE: &str = "c2lnbmVkLWJ5LXRoZS1mYWtl";

/// A job of the fake.
#[derive(Clone, Debug)]
pub struct FakeJob {
    pub id: String,
    pub document: String,
    pub status: JobStatus,
    /// Whether the large result was downloaded, which is possible only once.
    pub downloaded: bool,
    created_at: String,
}

impl FakeJob {
    pub(super) fn extraction_id(&self) -> String {
        format!("ext_{}", self.id)
    }

    pub(super) fn is_large(&self) -> bool {
        self.document.contains("large") || self.is_huge()
    }

    fn is_huge(&self) -> bool {
        self.document.contains("huge")
    }

    fn error(&self) -> Option<&'static str> {
        (self.status == JobStatus::Failed)
            .then_some("Document processing failed: Invalid PDF structure")
    }

    /// The result itself.
    pub(super) fn result(&self) -> Value {
        let pages = match () {
            () if self.is_huge() => 10_000,
            () if self.is_large() => 100,
            () => 2,
        };
        json!({
            "markdown": format!("# {}\n\n{}", self.document, "Lorem ipsum. ".repeat(pages * 100)),
            "extraction_id": self.extraction_id(),
            "page_count": pages,
        })
    }

    /// Returns the response to `GET /job/{job_id}`.
    pub(super) fn state(&self, large_results: &str) -> Value {
        let mut state = json!({
            "job_id": self.id,
            // The API spells `canceled`, and the event `cancelled`.
            "status": match &self.status {
                JobStatus::Cancelled => json!("canceled"),
                status => json!(status),
            },
            "created_at": self.created_at,
        });
        if self.status == JobStatus::Completed {
            state["result"] = if self.is_large() {
                let url = format!("{large_results}/{}?signature={SIGNATURE}", self.id);
                json!({ "is_url": true, "url": url })
            } else {
                self.result()
            };
        }
        if let Some(error) = self.error() {
            state["error"] = json!(error);
        }
        state
    }

    /// Returns the event for the job's status.
    fn event(&self) -> Value {
        let event_type = match self.status {
            JobStatus::Pending => "job.created",
            JobStatus::Processing => "job.processing",
            JobStatus::Completed => "job.completed",
            JobStatus::Failed => "job.failed",
            _ => "job.cancelled",
        };
        let mut data = json!({ "job_id": self.id, "status": self.status });
        if self.status == JobStatus::Completed {
            data["pages_processed"] = self.result()["page_count"].clone();
            data["processing_time"] = json!(0.5);
        }
        if let Some(error) = self.error() {
            data["error"] = json!(error);
        }
        json!({ "type": event_type, "timestamp": now(), "data": data })
    }
}

impl Fake {
    /// Accepts a document, and processes it in the background.
    pub(super) fn submit(&self, document: String) -> String {
        let id = uuid();
        let job = FakeJob {
            id: id.clone(),
            document,
            status: JobStatus::Pending,
            downloaded: false,
            created_at: now(),
        };
        self.send(&job.event());
        self.state().jobs.insert(id.clone(), job);
        let (fake, job_id) = (self.clone(), id.clone());
        tokio::spawn(async move { fake.process(&job_id).await });
        id
    }

    /// Cancels an unfinished job. Returns `None` if there is no such job.
    pub(super) fn cancel(&self, job_id: &str) -> Option<&'static str> {
        let status = self.job(job_id)?.status;
        let finished = !matches!(status, JobStatus::Pending | JobStatus::Processing);
        if finished {
            return Some("Job has already finished");
        }
        self.advance(job_id, &status, JobStatus::Cancelled);
        Some("Job cancelled")
    }

    /// Returns the current state of a job.
    pub fn job(&self, job_id: &str) -> Option<FakeJob> {
        self.state().jobs.get(job_id).cloned()
    }

    /// Returns the large result of a job, but only once.
    pub(super) fn download(&self, job_id: &str) -> Option<Result<Value, Gone>> {
        let mut state = self.state();
        let job = state.jobs.get_mut(job_id)?;
        if !job.is_large() || job.status != JobStatus::Completed {
            return None;
        }
        if std::mem::replace(&mut job.downloaded, true) {
            return Some(Err(Gone));
        }
        Some(Ok(job.result()))
    }

    async fn process(&self, job_id: &str) {
        tokio::time::sleep(self.shared.pace).await;
        if !self.advance(job_id, &JobStatus::Pending, JobStatus::Processing) {
            return;
        }
        tokio::time::sleep(self.shared.pace).await;
        let broken = self
            .job(job_id)
            .is_some_and(|job| job.document.contains("broken"));
        let end = if broken {
            JobStatus::Failed
        } else {
            JobStatus::Completed
        };
        self.advance(job_id, &JobStatus::Processing, end);
    }

    /// Changes the status of a job and sends its event, unless the job was cancelled.
    fn advance(&self, job_id: &str, from: &JobStatus, to: JobStatus) -> bool {
        let event = match self.state().jobs.get_mut(job_id) {
            Some(job) if job.status == *from => {
                job.status = to;
                job.event()
            }
            _ => return false,
        };
        self.send(&event);
        true
    }
}

/// The error for a large result that was already downloaded.
pub(super) struct Gone;

fn now() -> String {
    jiff::Timestamp::now().to_string()
}

fn uuid() -> String {
    let id = format!("{:032x}", rand::random::<u128>());
    let parts = [&id[..8], &id[8..12], &id[12..16], &id[16..20], &id[20..]];
    parts.join("-")
}
