//! `webhook sign`, which prints the headers that sign a body.

use std::path::PathBuf;

use hyper::HeaderMap;
use hyper::header::HeaderValue;
use serde_json::{Map, Value};
use tower_svix::HeaderFamily;

use crate::keys::{KeyArgs, SigningKeys, random_id};
use crate::output::{say, say_json};
use crate::{Answer, Failure, family, input, time};

/// Prints the three headers that sign a body, one a line, as `curl --header @FILE` reads them.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The body to sign; `-` is the standard input
    #[arg(value_name = "FILE")]
    body: PathBuf,
    #[command(flatten)]
    keys: KeyArgs,
    /// The id of the event; by default, a random one
    #[arg(long)]
    id: Option<String>,
    /// The timestamp, in seconds since 1970; by default, now
    #[arg(long, value_name = "SECONDS")]
    timestamp: Option<u64>,
    #[arg(long, value_name = "NAMES", help = family::HELP, value_parser = family::parse, default_value = "webhook")]
    family: HeaderFamily,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> Result<Answer, Failure> {
    if input::is_stdin(&args.body) && args.keys.reads_stdin() {
        return Err("the body and the secret cannot both be the standard input".into());
    }
    let keys = args.keys.text()?.signing_keys()?;
    let body = input::read(&args.body)?;
    let id = args.id.clone().map_or_else(random_id, Ok)?;
    let timestamp = match args.timestamp {
        Some(timestamp) => timestamp,
        None => time::now()?.as_secs(),
    };
    let mut headers = HeaderMap::new();
    sign(&mut headers, args.family, &keys, &id, timestamp, &body)?;
    let mut document = Map::new();
    for (name, value) in &headers {
        let value = value.to_str().unwrap_or_default();
        if args.json {
            document.insert(name.to_string(), value.into());
        } else {
            say(format_args!("{name}: {value}"));
        }
    }
    if args.json {
        say_json(&Value::Object(document));
    }
    Ok(Answer::Yes)
}

/// Adds the three headers of a family to `headers`.
pub(crate) fn sign(
    headers: &mut HeaderMap,
    family: HeaderFamily,
    keys: &SigningKeys,
    id: &str,
    unix_seconds: u64,
    body: &[u8],
) -> Result<(), Failure> {
    let signature = keys.sign(id, unix_seconds, body)?;
    headers.insert(family.id_header(), HeaderValue::from_str(id)?);
    headers.insert(family.timestamp_header(), unix_seconds.into());
    headers.insert(family.signature_header(), signature);
    Ok(())
}
