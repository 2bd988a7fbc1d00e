//! The demo: the whole flow on this machine, with a fake Pulse and a receiver that is killed in the middle.

mod receiver;
mod screen;

use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::http::StatusCode;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use self::receiver::Receiver;
use self::screen::Screen;
use crate::BoxError;
use crate::api::{Document, Pulse};
use crate::database::Database;
use crate::fake::{Endpoint, Fake, Trouble};
use crate::jobs::Jobs;
use crate::operate::Operation;

const API_KEY: &str = "demo-key";
const PACE: Duration = Duration::from_millis(800);
const PATIENCE: Duration = Duration::from_mins(2);
const GLANCE: Duration = Duration::from_millis(50);

/// A document, and the expected final status of its job.
struct Plan {
    document: &'static str,
    end: &'static str,
}

const PLANS: [Plan; 4] = [
    Plan {
        document: "https://example.com/report.pdf",
        end: "completed",
    },
    Plan {
        document: "https://example.com/large-report.pdf",
        end: "completed",
    },
    Plan {
        document: "https://example.com/broken.pdf",
        end: "failed",
    },
    Plan {
        document: "https://example.com/mistaken.pdf",
        end: "cancelled",
    },
];
const LARGE: usize = 1;
const MISTAKEN: usize = 3;

/// Runs the demo. Fails if anything does not happen as expected.
pub async fn run() -> Result<(), BoxError> {
    let screen = Screen::default();
    let folder = new_folder()?;
    let fake = Fake::start(API_KEY, PACE).await?;
    let secret = tower_svix::sign::generate::secret()?;
    let receiver = Receiver {
        folder: folder.clone(),
        api: fake.base().to_owned(),
        api_key: API_KEY,
        secret: secret.expose().to_owned(),
    };
    screen.line(&format!("fake Pulse   {}", fake.base()));
    let mut running = receiver.start().await?;
    screen.line(&format!("receiver     {}", running.url));
    fake.send_events_to(running.endpoint(secret.expose()));
    // The fake sends the large result, but keeps the response open until the crash.
    fake.trouble(Some(Trouble::HoldsTheEndBack));

    let pulse = Pulse::new(fake.base(), API_KEY)?;
    let mut job_ids = Vec::new();
    for plan in &PLANS {
        let document = Document::Url(plan.document.to_owned());
        let job_id = pulse.extract(&document, None).await?.job_id.to_string();
        screen.line(&format!("submitted    {}  {job_id}", plan.document));
        job_ids.push(job_id);
    }
    pulse.cancel(&job_ids[MISTAKEN]).await?;

    let database = Database::open(&receiver.database()).await?;
    let part = receiver.results().join(format!("{}.part", job_ids[LARGE]));
    within("the large result does not arrive", arrival(&part)).await?;
    running.kill().await?;
    screen.line(
        "crash        the receiver is killed: the large result has arrived, and is not stored yet",
    );
    screen.line("             Pulse has deleted it. What the receiver has acknowledged:");
    count(&screen, &database).await?;

    fake.trouble(None);
    let running = receiver.start().await?;
    screen.line("restart      what the dead worker had is taken up again after ten seconds");
    fake.send_events_to(running.endpoint(secret.expose()));
    let jobs = Jobs::new(database.clone());
    let all = watch_all(&screen, &jobs, &job_ids);
    within("the jobs do not end", all).await?;

    deliver_again(&screen, &fake, &job_ids[0], &running.url).await?;
    report(&screen, &fake, &receiver)
}

/// Creates a folder that is not deleted, because the demo prints the paths of its files.
fn new_folder() -> Result<PathBuf, BoxError> {
    let mut folder = tempfile::Builder::new();
    Ok(folder.prefix("pulse-demo-").tempdir()?.keep())
}

async fn within<T>(
    what: &str,
    work: impl Future<Output = Result<T, BoxError>>,
) -> Result<T, BoxError> {
    match tokio::time::timeout(PATIENCE, work).await {
        Ok(done) => done,
        Err(_) => Err(what.into()),
    }
}

/// Waits until the file contains a whole result.
async fn arrival(part: &Path) -> Result<(), BoxError> {
    loop {
        let content = tokio::fs::read(part).await.unwrap_or_default();
        if serde_json::from_slice::<Value>(&content).is_ok() {
            return Ok(());
        }
        tokio::time::sleep(GLANCE).await;
    }
}

async fn count(screen: &Screen, database: &Database) -> Result<(), BoxError> {
    let mut counts = Vec::new();
    Operation::Count.run(database, &mut counts).await?;
    for line in String::from_utf8_lossy(&counts).lines() {
        screen.line(&format!("  {line}"));
    }
    Ok(())
}

async fn watch_all(screen: &Screen, jobs: &Jobs, job_ids: &[String]) -> Result<(), BoxError> {
    let mut watched = JoinSet::new();
    for (plan, job_id) in PLANS.iter().zip(job_ids) {
        let job_id = job_id.clone();
        watched.spawn(watch(screen.clone(), jobs.clone(), plan, job_id));
    }
    while let Some(ended) = watched.join_next().await {
        ended??;
    }
    Ok(())
}

/// Shows the progress of a job until it has the expected status.
async fn watch(
    screen: Screen,
    jobs: Jobs,
    plan: &'static Plan,
    job_id: String,
) -> Result<(), BoxError> {
    let bar = screen.job(plan.document);
    loop {
        let job = jobs.get(&job_id).await?;
        let status = job.as_ref().map_or("submitted", |job| &job.status);
        bar.set_message(crate::printable::printable(status));
        if let Some(job) = job
            && job.status == plan.end
            && (job.result.is_some() || plan.end != "completed")
        {
            let detail = job.result.or(job.error).unwrap_or_default();
            bar.finish_and_clear();
            screen.line(&format!("{:<12} {}  {detail}", job.status, plan.document));
            return Ok(());
        }
        tokio::time::sleep(GLANCE).await;
    }
}

/// Sends a late event, a duplicate of it, and a forged event.
async fn deliver_again(
    screen: &Screen,
    fake: &Fake,
    job_id: &str,
    url: &str,
) -> Result<(), BoxError> {
    let event = json!({
        "type": "job.processing",
        "timestamp": "2024-01-15T10:30:00Z",
        "data": { "job_id": job_id, "status": "processing" },
    });
    for (what, expected) in [
        ("a late one", StatusCode::ACCEPTED),
        ("the same again", StatusCode::OK),
    ] {
        let status = fake.deliver("msg_demo", &event).await;
        show_answer(screen, what, status, expected)?;
    }
    let other = tower_svix::sign::generate::secret()?;
    fake.send_events_to(Endpoint {
        url: url.to_owned(),
        secret: other.expose().to_owned(),
    });
    let status = fake.deliver("msg_forged", &event).await;
    show_answer(screen, "a forged one", status, StatusCode::UNAUTHORIZED)
}

fn show_answer(
    screen: &Screen,
    what: &str,
    status: Option<StatusCode>,
    expected: StatusCode,
) -> Result<(), BoxError> {
    if status != Some(expected) {
        return Err(format!("{what}: unexpected answer {status:?}").into());
    }
    screen.line(&format!("{what:<14} {expected}"));
    Ok(())
}

fn report(screen: &Screen, fake: &Fake, receiver: &Receiver) -> Result<(), BoxError> {
    let requests = fake.requests();
    let downloads = requests
        .iter()
        .filter(|line| line.starts_with("GET /large_results/"));
    screen.line(&format!(
        "downloads of the large result: {}",
        downloads.count()
    ));
    for entry in std::fs::read_dir(receiver.results())? {
        let entry = entry?;
        let len = entry.metadata()?.len();
        screen.line(&format!(
            "result       {}  {len} bytes",
            entry.path().display()
        ));
    }
    screen.line("It all stays there. To look at it:");
    let database = receiver.database();
    for command in ["inbox list", "inbox show 1", "jobs"] {
        screen.line(&format!(
            "  cargo run -p pulse-flow -- {command} --database {database}"
        ));
    }
    Ok(())
}
