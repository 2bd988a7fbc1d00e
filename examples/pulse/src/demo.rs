//! The whole flow in one process: a fake Pulse, the receiver, the worker, and somebody who submits documents.

use std::path::Path;
use std::time::Duration;

use axum::http::StatusCode;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tower_svix::Secret;

use crate::api::{Document, Pulse};
use crate::app::App;
use crate::fake::{Endpoint, Fake, Trouble};
use crate::jobs::Jobs;
use crate::{BoxError, database};

const API_KEY: &str = "demo-key";
const PACE: Duration = Duration::from_millis(800);
const PATIENCE: Duration = Duration::from_mins(1);

/// A document, and what is to become of its job.
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

/// Shows the flow, and fails if anything is not as it should be.
pub async fn run() -> Result<(), BoxError> {
    let folder = tempfile::tempdir()?;
    let screen = Screen::default();

    let fake = Fake::start(API_KEY, PACE).await?;
    screen.line(&format!("fake Pulse   {}", fake.base()));
    let secret = tower_svix::sign::generate::secret()?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let webhook = format!("http://{}/webhook", listener.local_addr()?);
    screen.line(&format!("receiver     {webhook}"));
    let pulse = Pulse::new(fake.base(), API_KEY)?;
    let app = App {
        secrets: secret.expose().parse::<Secret>()?.into(),
        pulse: pulse.clone(),
        database: folder.path().join("pulse.db"),
        results: folder.path().join("results"),
        schema: Some(json!({ "type": "object", "properties": { "title": { "type": "string" } } })),
    };
    let jobs = Jobs::new(database::open(&app.database).await?);
    let server = tokio::spawn(app.run(listener, std::future::pending()));

    screen.line(&format!("portal       {}", pulse.portal_link().await?));
    fake.send_events_to(Endpoint {
        url: webhook.clone(),
        secret: secret.expose().to_owned(),
    });

    let mut submitted = Vec::new();
    for plan in &PLANS {
        let document = Document::Url(plan.document.to_owned());
        let job_id = pulse.extract(&document, None).await?.job_id.to_string();
        submitted.push((plan, job_id));
    }
    let (_, mistaken) = &submitted[3];
    pulse.cancel(mistaken).await?;

    screen.line("outage       the API answers 503 from now on; events still come");
    fake.trouble(Some(Trouble::Answers(
        StatusCode::SERVICE_UNAVAILABLE,
        None,
    )));
    let mended = fake.clone();
    tokio::spawn(async move {
        tokio::time::sleep(PACE * 5).await;
        mended.trouble(None);
    });

    let mut watched = JoinSet::new();
    for (plan, job_id) in submitted.clone() {
        watched.spawn(watch(screen.clone(), jobs.clone(), plan, job_id));
    }
    let all = async {
        while let Some(ended) = watched.join_next().await {
            ended??;
        }
        Ok::<_, BoxError>(())
    };
    tokio::select! {
        ended = tokio::time::timeout(PATIENCE, all) => ended.map_err(|_| "the demo takes too long")??,
        ended = server => return Err(format!("the server ended: {ended:?}").into()),
    }

    let (_, job_id) = &submitted[0];
    let event = json!({
        "type": "job.processing",
        "timestamp": "2024-01-15T10:30:00Z",
        "data": { "job_id": job_id, "status": "processing" },
    });
    for what in ["a late one", "the same again"] {
        let status = fake.deliver("msg_demo", &event).await;
        screen.line(&format!("{what:<12} {}", answer(status, true)?));
    }
    let other = tower_svix::sign::generate::secret()?;
    fake.send_events_to(Endpoint {
        url: webhook,
        secret: other.expose().to_owned(),
    });
    let status = fake.deliver("msg_forged", &event).await;
    screen.line(&format!("a forged one {}", answer(status, false)?));
    report(&screen, &fake, &folder.path().join("results"))
}

/// Shows the progress of a job until it is where it should be.
async fn watch(
    screen: Screen,
    jobs: Jobs,
    plan: &'static Plan,
    job_id: String,
) -> Result<(), BoxError> {
    let bar = screen.job(plan.document);
    loop {
        let job = jobs.get(&job_id).await?;
        let message = match &job {
            None => "submitted".to_owned(),
            Some(job) => match &job.problem {
                Some(problem) => format!("{}; {problem}", job.status),
                None => job.status.clone(),
            },
        };
        bar.set_message(message);
        if let Some(job) = job
            && job.status == plan.end
            && (job.result.is_some() || plan.end != "completed")
        {
            let detail = job.result.or(job.error).unwrap_or_default();
            bar.finish_and_clear();
            screen.line(&format!("{:<12} {}  {detail}", job.status, plan.document));
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn answer(status: Option<StatusCode>, acknowledged: bool) -> Result<StatusCode, BoxError> {
    match status {
        Some(status) if status.is_success() == acknowledged => Ok(status),
        other => Err(format!("unexpected answer: {other:?}").into()),
    }
}

fn report(screen: &Screen, fake: &Fake, results: &Path) -> Result<(), BoxError> {
    for delivery in fake.deliveries() {
        let status = delivery.status.map_or(0, |status| status.as_u16());
        let Some(event_id) = delivery.event_id.get(..8) else {
            continue;
        };
        screen.line(&format!(
            "delivered    {event_id}…  {:<15} {status}",
            delivery.event_type
        ));
    }
    for entry in std::fs::read_dir(results)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        screen.line(&format!(
            "result       {name}  {} bytes",
            entry.metadata()?.len()
        ));
    }
    Ok(())
}

/// Bars where there is a terminal, and lines in any case.
#[derive(Clone, Default)]
struct Screen {
    bars: MultiProgress,
}

impl Screen {
    fn line(&self, text: &str) {
        self.bars.suspend(|| println!("{text}"));
    }

    fn job(&self, document: &str) -> ProgressBar {
        let style = ProgressStyle::with_template("{spinner} {prefix}  {wide_msg}")
            .unwrap_or_else(|_| ProgressStyle::default_spinner());
        let bar = self.bars.add(ProgressBar::new_spinner().with_style(style));
        bar.set_prefix(document.to_owned());
        bar.enable_steady_tick(Duration::from_millis(100));
        bar
    }
}
