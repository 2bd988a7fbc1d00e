//! `webhook verify`, which verifies a saved request.

use std::time::Duration;

use serde_json::json;
use tower_svix::{Clock, HeaderFamily, Verifier};

use crate::capture::{Capture, RequestArgs};
use crate::keys::{KeyArgs, KeysText};
use crate::output::{printable, say, say_json};
use crate::{Answer, Failure, family, time};

/// Verifies a saved request as a receiver does. The exit code is 0 if it is valid, 1 if it is rejected.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) request: RequestArgs,
    #[command(flatten)]
    pub(crate) keys: KeyArgs,
    #[command(flatten)]
    pub(crate) receiver: Receiver,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// The settings of the verification.
#[derive(clap::Args)]
pub(crate) struct Receiver {
    /// Verify as of this time, in seconds since 1970; `signed` is the time in the delivery's header. Default: now
    #[arg(long, value_name = "TIME", default_value = "now", value_parser = At::parse)]
    at: At,
    /// How far the timestamp may be from that time
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    tolerance: u64,
    /// The names of the headers: `svix`, `webhook`, or the sender's prefix, such as `x-webhook-`. Default: `svix` or
    /// `webhook`, whichever are complete
    #[arg(long, value_name = "NAMES", value_parser = family::parse)]
    family: Option<HeaderFamily>,
}

#[derive(Clone, Copy, Debug)]
enum At {
    Now,
    Signed,
    UnixSeconds(u64),
}

impl At {
    fn parse(text: &str) -> Result<Self, String> {
        match text {
            "now" => Ok(Self::Now),
            "signed" => Ok(Self::Signed),
            _ => text
                .parse()
                .map(Self::UnixSeconds)
                .map_err(|_| "it is neither `now` nor `signed` nor a number of seconds".to_owned()),
        }
    }
}

impl Receiver {
    pub(crate) fn unix_seconds(&self, request: &Capture) -> Result<u64, Failure> {
        match self.at {
            At::UnixSeconds(seconds) => Ok(seconds),
            At::Signed => self
                .signed_at(request)
                .ok_or_else(|| "--at signed: the request has no timestamp in seconds".into()),
            At::Now => Ok(time::now()?.as_secs()),
        }
    }

    /// The time in the delivery's header.
    pub(crate) fn signed_at(&self, request: &Capture) -> Option<u64> {
        let name = family::of(&request.headers, self.family).timestamp_header();
        request.headers.get(name)?.to_str().ok()?.parse().ok()
    }

    pub(crate) fn family(&self) -> Option<HeaderFamily> {
        self.family
    }

    pub(crate) fn tolerance(&self) -> Duration {
        Duration::from_secs(self.tolerance)
    }
}

/// Reads the request and the keys of a command, which cannot both be the standard input.
pub(crate) fn read(request: &RequestArgs, keys: &KeyArgs) -> Result<(Capture, KeysText), Failure> {
    if request.reads_stdin() && keys.reads_stdin() {
        return Err("the request and the secret cannot both be the standard input".into());
    }
    Ok((request.read()?, keys.text()?))
}

pub(crate) fn run(args: &Args) -> Result<Answer, Failure> {
    let (request, keys) = read(&args.request, &args.keys)?;
    let mut verifier = Verifier::new(keys.keyring()?)
        .tolerance(args.receiver.tolerance())
        .clock(StoppedAt(args.receiver.unix_seconds(&request)?));
    if let Some(family) = args.receiver.family() {
        verifier = verifier.header_family(family);
    }
    match verifier.verify(&request.headers, &request.body) {
        Ok(event) => {
            let event_type = event.event_type().ok();
            if args.json {
                say_json(&json!({
                    "valid": true,
                    "id": event.id(),
                    "type": event_type,
                    "timestamp": event.unix_seconds(),
                }));
            } else {
                let event_type = event_type.as_deref().unwrap_or("(no type)");
                say(format_args!(
                    "valid: {} {}",
                    printable(event_type),
                    event.id()
                ));
            }
            Ok(Answer::Yes)
        }
        Err(error) => {
            if args.json {
                say_json(
                    &json!({"valid": false, "code": error.code(), "message": error.to_string()}),
                );
            } else {
                say(format_args!("rejected ({}): {error}", error.code()));
            }
            Ok(Answer::No)
        }
    }
}

/// A clock with a fixed time.
#[derive(Debug)]
struct StoppedAt(u64);

impl Clock for StoppedAt {
    fn unix_seconds(&self) -> Option<u64> {
        Some(self.0)
    }
}
