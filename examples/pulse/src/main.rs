//! The commands. See the crate's documentation for how it works.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use pulse_flow::api::{Document, Pulse};
use pulse_flow::app::App;
use pulse_flow::jobs::{Job, Jobs};
use pulse_flow::queue::Queue;
use pulse_flow::{BoxError, database, demo};
use tokio::net::TcpListener;
use tower_svix::{Keyring, Secret};
use tracing_subscriber::EnvFilter;

/// Submit documents to Pulse, receive its webhooks, and fetch the results.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Print a link to the portal where webhook endpoints are configured
    Portal(Api),
    /// Submit a document, and print the id of its job
    Submit {
        /// A file, or an http(s) URL
        document: String,
        /// The pages to process, such as 1-5
        #[arg(long)]
        pages: Option<String>,
        #[command(flatten)]
        api: Api,
    },
    /// Print what Pulse says of a job
    Status {
        job: String,
        #[command(flatten)]
        api: Api,
    },
    /// Cancel a job
    Cancel {
        job: String,
        #[command(flatten)]
        api: Api,
    },
    /// Receive webhooks, and fetch the results of the jobs that completed
    Serve(Serve),
    /// List the jobs that failed, those whose result is missing, and events that cannot be read
    Failed {
        #[command(flatten)]
        store: Store,
    },
    /// Let the worker fetch the result of a job once more
    Retry {
        job: String,
        #[command(flatten)]
        store: Store,
    },
    /// Show the whole flow on this machine, without Pulse
    Demo,
}

#[derive(Args)]
struct Api {
    #[arg(
        long,
        env = "PULSE_BASE_URL",
        default_value = "https://api.runpulse.com"
    )]
    base: String,
    #[arg(long, env = "PULSE_API_KEY", hide_env_values = true)]
    api_key: String,
}

#[derive(Args)]
struct Store {
    /// The queue, and what is known of each job
    #[arg(long, default_value = "pulse.db")]
    database: PathBuf,
}

#[derive(Args)]
struct Serve {
    /// The secret of the endpoint, from the portal; during a rotation several, separated by commas
    #[arg(long, env = "PULSE_WEBHOOK_SECRET", hide_env_values = true)]
    #[arg(value_delimiter = ',', required = true)]
    // Not `Secret`: of a text that cannot be parsed, clap shows the whole.
    secret: Vec<String>,
    #[arg(long, default_value = "127.0.0.1:5000")]
    listen: SocketAddr,
    /// The folder that the results go to
    #[arg(long, default_value = "results")]
    results: PathBuf,
    /// A file with a JSON schema that is applied to each result
    #[arg(long)]
    schema: Option<PathBuf>,
    #[command(flatten)]
    store: Store,
    #[command(flatten)]
    api: Api,
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let quiet = matches!(cli.command, Command::Demo);
    let default = if quiet { "off" } else { "info,sqlx=warn" };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
    match run(cli.command).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> Result<(), BoxError> {
    match command {
        Command::Portal(api) => println!("{}", api.pulse()?.portal_link().await?),
        Command::Submit {
            document,
            pages,
            api,
        } => {
            let document = if document.starts_with("http://") || document.starts_with("https://") {
                Document::Url(document)
            } else {
                Document::File(document.into())
            };
            let submitted = api.pulse()?.extract(&document, pages.as_deref()).await?;
            println!("{}", submitted.job_id);
        }
        Command::Status { job, api } => {
            let state = api.pulse()?.job(&job).await?;
            println!("{}", serde_json::to_string_pretty(&state)?);
        }
        Command::Cancel { job, api } => println!("{}", api.pulse()?.cancel(&job).await?),
        Command::Serve(serve) => serve.run().await?,
        Command::Failed { store } => {
            let jobs = Jobs::new(database::open(&store.database).await?);
            for job in jobs.failed().await? {
                print_failed(&job);
            }
        }
        Command::Retry { job, store } => retry(job, &store.database).await?,
        Command::Demo => demo::run().await?,
    }
    Ok(())
}

fn print_failed(job: &Job) {
    let state = match job.problem {
        Some(_) if job.given_up => "given up",
        Some(_) => "is tried again",
        None => "failed at Pulse",
    };
    let reason = job.problem.as_ref().or(job.error.as_ref());
    let reason = reason.map_or("no reason given", String::as_str);
    println!("{}  {state}: {reason}", job.job_id);
}

async fn retry(job_id: String, database: &Path) -> Result<(), BoxError> {
    let pool = database::open(database).await?;
    let jobs = Jobs::new(pool.clone());
    if jobs.get(&job_id).await?.is_none() {
        return Err(format!("no event of the job {job_id} was received here").into());
    }
    Queue::new(&pool).push_fetch(job_id.into()).await?;
    Ok(())
}

impl Api {
    fn pulse(&self) -> Result<Pulse, BoxError> {
        Pulse::new(&self.base, &self.api_key)
    }
}

impl Serve {
    async fn run(self) -> Result<(), BoxError> {
        let secrets = secrets(&self.secret)?;
        let schema = match &self.schema {
            Some(file) => Some(serde_json::from_slice(&tokio::fs::read(file).await?)?),
            None => None,
        };
        let app = App {
            secrets,
            pulse: self.api.pulse()?,
            database: self.store.database,
            results: self.results,
            schema,
        };
        let listener = TcpListener::bind(self.listen).await?;
        println!("listening on http://{}/webhook", listener.local_addr()?);
        app.run(listener, shutdown()).await
    }
}

/// The error names the place of a secret, and does not repeat its text.
fn secrets(texts: &[String]) -> Result<Keyring, BoxError> {
    let secrets = texts.iter().enumerate().map(|(index, text)| {
        let secret = text.parse::<Secret>();
        secret.map_err(|error| format!("secret {}: {error}", index + 1).into())
    });
    secrets.collect()
}

/// Ends when the process is asked to stop.
async fn shutdown() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}
