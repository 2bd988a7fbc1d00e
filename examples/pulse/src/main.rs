//! The commands. See the crate's documentation for how it works.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use pulse_flow::api::{Document, Pulse};
use pulse_flow::app::App;
use pulse_flow::database::Database;
use pulse_flow::jobs::{Job, Jobs};
use pulse_flow::operate::Operation;
use pulse_flow::printable::printable;
use pulse_flow::{BoxError, demo, metrics};
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
    /// Print the state of a job at Pulse
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
    /// List the jobs, with the latest status of each and the file of its result
    Jobs {
        #[command(flatten)]
        store: Store,
    },
    /// Show the received events, including those that were given up, and process them again
    Inbox {
        #[command(flatten)]
        store: Store,
        #[command(subcommand)]
        operation: Operation,
    },
    /// Show the whole flow on this machine, with a fake Pulse and a crash that loses nothing
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
    /// The database of the inbox and the jobs: a file of SQLite, or a URL such as postgres://user:password@host/name
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    #[arg(default_value = "pulse.db", global = true)]
    database: String,
}

#[derive(Args)]
struct Serve {
    /// The secret of the endpoint, from the portal; during a rotation several, separated by commas
    #[arg(long, env = "PULSE_WEBHOOK_SECRET", hide_env_values = true)]
    #[arg(value_delimiter = ',', required = true)]
    // Not `Secret`: if a value cannot be parsed, clap prints it.
    secret: Vec<String>,
    #[arg(long, default_value = "127.0.0.1:5000")]
    listen: SocketAddr,
    /// The folder for the results; several machines must share one
    #[arg(long, default_value = "results")]
    results: PathBuf,
    /// A file with a JSON schema that is applied to each result
    #[arg(long)]
    schema: Option<PathBuf>,
    /// Serve the metrics of the inbox to Prometheus at this address, which must not be public
    #[arg(long)]
    metrics: Option<SocketAddr>,
    /// Fetch large results from any address and without TLS; only for tests
    #[arg(long)]
    insecure_results_from_anywhere: bool,
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
            eprintln!("error: {}", printable(&error.to_string()));
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> Result<(), BoxError> {
    match command {
        Command::Portal(api) => print(&api.pulse()?.portal_link().await?),
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
            print(submitted.job_id.as_str());
        }
        Command::Status { job, api } => {
            let mut state = api.pulse()?.job(&job).await?;
            state.hide_url();
            for line in serde_json::to_string_pretty(&state)?.lines() {
                print(line);
            }
        }
        Command::Cancel { job, api } => print(&api.pulse()?.cancel(&job).await?),
        Command::Serve(serve) => serve.run().await?,
        Command::Jobs { store } => {
            for job in Jobs::new(store.open().await?).list().await? {
                print(&line(&job));
            }
        }
        Command::Inbox { store, operation } => {
            let mut output = Vec::new();
            operation.run(&store.open().await?, &mut output).await?;
            std::io::stdout().write_all(&output)?;
        }
        Command::Demo => demo::run().await?,
    }
    Ok(())
}

/// Prints a text as one line, with control characters escaped.
fn print(line: &str) {
    println!("{}", printable(line));
}

fn line(job: &Job) -> String {
    let detail = job.result.as_ref().or(job.error.as_ref());
    let detail = detail.map_or("-", String::as_str);
    format!("{}  {:<10}  {detail}", job.job_id, job.status)
}

impl Store {
    async fn open(&self) -> Result<Database, BoxError> {
        Database::open(&self.database).await
    }
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
        let mut pulse = self.api.pulse()?;
        if self.insecure_results_from_anywhere {
            pulse = pulse.insecure_results_from_anywhere();
        }
        if let Some(address) = self.metrics {
            let address = metrics::serve(address).await?;
            tracing::info!("numbers are at http://{address}/metrics");
        }
        let app = App {
            secrets,
            pulse,
            database: self.store.open().await?,
            results: self.results,
            schema,
        };
        let listener = TcpListener::bind(self.listen).await?;
        println!("listening on http://{}/webhook", listener.local_addr()?);
        app.run(listener, shutdown()).await
    }
}

/// Parses the secrets. An error contains the position of the secret, but not its text.
fn secrets(texts: &[String]) -> Result<Keyring, BoxError> {
    let secrets = texts.iter().enumerate().map(|(index, text)| {
        let secret = text.parse::<Secret>();
        secret.map_err(|error| format!("secret {}: {error}", index + 1).into())
    });
    secrets.collect()
}

/// Completes when the process is told to stop.
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
