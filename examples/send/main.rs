//! Sends signed deliveries, as Svix does: one to look at, or many to measure a receiver with.
//!
//! ```text
//! cargo run --example send -- --url http://127.0.0.1:3000/webhook --secret whsec_…
//! cargo run --example send -- --url … --secret … --tamper
//! cargo run --release --example send -- --url … --secret … --count 100000 --concurrency 32
//! ```
#![allow(clippy::print_stdout, reason = "a command prints its result")]

mod progress;
mod sender;
mod tally;

use std::error::Error;
use std::fs;
use std::io::{self, Read as _, Write as _};
use std::num::{NonZeroU64, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use clap::Parser;
use hyper::Uri;
use hyper::body::Bytes;
use tokio::task::JoinSet;

use self::sender::Sender;
use self::tally::Tally;

/// Sends signed webhook deliveries.
#[derive(Parser)]
struct Args {
    /// Where to: an `http://` address.
    #[arg(long)]
    url: Uri,
    /// The secret to sign with: `whsec_…`.
    #[arg(long)]
    secret: String,
    /// The type of the event to send.
    #[arg(long = "type", value_name = "TYPE", default_value = "job.completed")]
    event_type: String,
    /// Send this file as the body instead; `-` is the standard input.
    #[arg(long, value_name = "FILE", conflicts_with = "event_type")]
    body: Option<PathBuf>,
    /// The id of the event, the same for all deliveries; by default, each has a random one.
    #[arg(long)]
    id: Option<String>,
    /// Date the delivery this many seconds back; a negative number dates it forward.
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 0,
        allow_negative_numbers = true
    )]
    age: i64,
    /// Change the body after it was signed.
    #[arg(long)]
    tamper: bool,
    /// Make this many deliveries, and measure.
    #[arg(long, value_name = "N")]
    count: Option<NonZeroU64>,
    /// How many deliveries are under way at once.
    #[arg(long, value_name = "C", default_value = "1", requires = "count")]
    concurrency: NonZeroUsize,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Args::parse()).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            let _ = writeln!(io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Tells whether each delivery was answered with a 2xx status.
async fn run(args: Args) -> Result<bool, Box<dyn Error + Send + Sync>> {
    if args.url.scheme_str() != Some("http") {
        return Err("--url must start with http:// (this example does without TLS)".into());
    }
    let secret = args
        .secret
        .parse()
        .map_err(|error| format!("--secret: {error}"))?;
    let signed = match &args.body {
        Some(path) => {
            let body = read(path).map_err(|error| format!("{}: {error}", path.display()))?;
            Bytes::from(body)
        }
        None => Bytes::from(sample(&args.event_type)),
    };
    let sent = if args.tamper {
        tamper(&signed)
    } else {
        signed.clone()
    };
    let sender = Sender::new(args.url, secret, args.id, args.age, signed, sent);
    match args.count {
        Some(count) => measure(sender, count.get(), args.concurrency.get()).await,
        None => deliver_one(&sender).await,
    }
}

async fn deliver_one(sender: &Sender) -> Result<bool, Box<dyn Error + Send + Sync>> {
    let response = sender.deliver().await?;
    println!("{}", response.status());
    println!("{}", String::from_utf8_lossy(response.body()).trim_end());
    Ok(response.status().is_success())
}

async fn measure(
    sender: Sender,
    count: u64,
    concurrency: usize,
) -> Result<bool, Box<dyn Error + Send + Sync>> {
    // An argument that cannot be signed or sent ends the run here, not each delivery.
    sender.request()?;
    let sender = Arc::new(sender);
    let taken = Arc::new(AtomicU64::new(0));
    let done = Arc::new(AtomicU64::new(0));
    let mut workers = JoinSet::new();
    let started = Instant::now();
    for _ in 0..concurrency.min(usize::try_from(count).unwrap_or(usize::MAX)) {
        let (sender, taken, done) = (Arc::clone(&sender), Arc::clone(&taken), Arc::clone(&done));
        workers.spawn(async move {
            let mut tally = Tally::default();
            while taken.fetch_add(1, Ordering::Relaxed) < count {
                let started = Instant::now();
                let answer = sender.deliver().await;
                tally.add(answer, started.elapsed());
                done.fetch_add(1, Ordering::Relaxed);
            }
            tally
        });
    }
    let parts = tokio::select! {
        parts = workers.join_all() => parts,
        never = progress::draw(&done, count, started) => match never {},
    };
    let elapsed = started.elapsed();
    let mut tally = Tally::default();
    for part in parts {
        tally.merge(part);
    }
    print!("{}", tally.report(elapsed));
    Ok(tally.all_succeeded())
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    if path != "-" {
        return fs::read(path);
    }
    let mut body = Vec::new();
    io::stdin().read_to_end(&mut body)?;
    Ok(body)
}

/// Appends a space: to a JSON parser the body stays the same, to a signature it does not.
fn tamper(body: &[u8]) -> Bytes {
    [body, b" "].concat().into()
}

/// An event of this type as Pulse documents it, with an empty `data` for a type that Pulse does not have.
fn sample(event_type: &str) -> String {
    let status = match event_type.strip_prefix("job.") {
        Some("created") => Some("pending"),
        Some(status @ ("processing" | "completed" | "failed" | "cancelled")) => Some(status),
        _ => None,
    };
    let outcome = match status {
        Some("completed") => r#","pages_processed":25,"processing_time":12.5"#,
        Some("failed") => r#","error":"Document processing failed: Invalid PDF structure""#,
        _ => "",
    };
    let data = status.map_or_else(String::new, |status| {
        format!(r#""job_id":"123e4567-e89b-12d3-a456-426614174000","status":"{status}"{outcome}"#)
    });
    // A value of `serde_json` prints itself with quotes, and escaped.
    let event_type = serde_json::Value::from(event_type);
    format!(r#"{{"type":{event_type},"timestamp":"2024-01-15T10:30:00Z","data":{{{data}}}}}"#)
}
