//! `webhook send`, which sends one signed delivery, or many to measure a receiver.

mod progress;
mod sender;
mod tally;

use std::num::{NonZeroU64, NonZeroUsize};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use bytes::Bytes;
use hyper::Uri;
use serde_json::json;
use tokio::task::JoinSet;
use tower_svix::HeaderFamily;

use self::sender::Sender;
use self::tally::Tally;
use crate::client::{self, Client};
use crate::keys::KeyArgs;
use crate::output::{print, say, say_json};
use crate::tls::TlsArgs;
use crate::{Answer, Failure, family, input};

/// Sends a signed delivery, and prints the response.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The address of the receiver: `http://`, or with the feature `tls`, `https://`
    #[arg(long, value_parser = client::url)]
    url: Uri,
    #[command(flatten)]
    tls: TlsArgs,
    #[command(flatten)]
    keys: KeyArgs,
    /// The type of the event to send
    #[arg(long = "type", value_name = "TYPE", default_value = "job.completed")]
    event_type: String,
    /// Send this file as the body instead; `-` is the standard input
    #[arg(long, value_name = "FILE", conflicts_with = "event_type")]
    body: Option<PathBuf>,
    /// The id of the event, the same for all deliveries; by default, each has a random one
    #[arg(long)]
    id: Option<String>,
    #[arg(long, value_name = "NAMES", help = family::HELP, value_parser = family::parse, default_value = "svix")]
    family: HeaderFamily,
    /// Date the delivery this many seconds in the past; a negative number dates it in the future
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 0,
        allow_negative_numbers = true
    )]
    age: i64,
    /// Change the body after it was signed
    #[arg(long)]
    tamper: bool,
    /// Send this many deliveries, and measure
    #[arg(long, value_name = "N")]
    count: Option<NonZeroU64>,
    /// The number of deliveries in flight at once
    #[arg(long, value_name = "C", default_value = "1", requires = "count")]
    concurrency: NonZeroUsize,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Returns whether every delivery got a response with a 2xx status.
pub(crate) async fn run(args: Args) -> Result<Answer, Failure> {
    let keys = args.keys.text()?.signing_keys()?;
    let signed = match &args.body {
        Some(path) if input::is_stdin(path) && args.keys.reads_stdin() => {
            return Err("the body and the secret cannot both be the standard input".into());
        }
        Some(path) => input::read(path)?,
        None => Bytes::from(sample(&args.event_type)),
    };
    let sent = if args.tamper {
        tamper(&signed)
    } else {
        signed.clone()
    };
    let sender = Sender {
        client: Client::new(&args.tls, &args.url)?,
        url: args.url,
        keys,
        family: args.family,
        id: args.id,
        age: args.age,
        signed,
        sent,
    };
    match args.count {
        Some(count) => measure(sender, count.get(), args.concurrency.get(), args.json).await,
        None => deliver_one(&sender, args.json).await,
    }
}

async fn deliver_one(sender: &Sender, as_json: bool) -> Result<Answer, Failure> {
    let response = sender.deliver().await?;
    let body = String::from_utf8_lossy(response.body());
    if as_json {
        say_json(&json!({"status": response.status().as_u16(), "body": body}));
    } else {
        say(format_args!("{}", response.status()));
        say(format_args!("{}", body.trim_end()));
    }
    Ok(response.status().is_success().into())
}

async fn measure(
    sender: Sender,
    count: u64,
    concurrency: usize,
    as_json: bool,
) -> Result<Answer, Failure> {
    // Detects arguments that cannot be signed or sent here, rather than in each delivery.
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
    if as_json {
        say_json(&tally.as_json(elapsed));
    } else {
        print(&tally.report(elapsed));
    }
    Ok(tally.all_succeeded().into())
}

/// Appends a space, which changes the signed bytes but not the meaning of the JSON.
fn tamper(body: &[u8]) -> Bytes {
    [body, b" "].concat().into()
}

/// Returns an event of this type as Pulse documents it. If Pulse does not have the type, `data` is empty.
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
    // `serde_json` quotes and escapes the value.
    let event_type = serde_json::Value::from(event_type);
    format!(r#"{{"type":{event_type},"timestamp":"2024-01-15T10:30:00Z","data":{{{data}}}}}"#)
}
