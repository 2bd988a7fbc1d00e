//! `webhook explain`: why a saved request is rejected.

use serde_json::json;
use tower_svix::diagnose::{Diagnosis, Failure};

use crate::Answer;
use crate::capture::{Capture, RequestArgs};
use crate::explanation::Explanation;
use crate::keys::{KeyArgs, KeysText};
use crate::output::{say, say_json};
use crate::verify::{self, Receiver};

/// Says why a saved request is rejected, and what to do about it: exit code 0 if it is valid, 1 if it is rejected.
///
/// A request that was saved is soon too old. So if its time is all that is wrong, this says so, and judges the rest as at
/// the time when it was signed.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    request: RequestArgs,
    #[command(flatten)]
    keys: KeyArgs,
    #[command(flatten)]
    receiver: Receiver,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> Result<Answer, crate::Failure> {
    let (request, keys) = verify::read(&args.request, &args.keys)?;
    let moment = args.receiver.unix_seconds(&request)?;
    let diagnosis = diagnose(args, &keys, &request, moment);
    let when_signed = args
        .receiver
        .signed_at(&request)
        .filter(|_| is_about_time(&diagnosis))
        .map(|signed| diagnose(args, &keys, &request, signed));
    if args.json {
        let mut shown = document(&diagnosis);
        shown["when_signed"] = when_signed.as_ref().map(document).into();
        say_json(&shown);
    } else {
        say(format_args!("{diagnosis}"));
        if let Some(when_signed) = &when_signed {
            let rest = match when_signed.verdict() {
                Ok(_) => {
                    "When it was signed, it was valid: its age is all that is wrong.".to_owned()
                }
                Err(_) => format!("Its age aside:\n{when_signed}"),
            };
            say(format_args!("{rest}"));
        }
    }
    Ok(diagnosis.verdict().is_ok().into())
}

fn diagnose(args: &Args, keys: &KeysText, request: &Capture, unix_seconds: u64) -> Diagnosis {
    let secrets = keys.as_secrets();
    let mut examination = Diagnosis::of(&secrets, &request.headers, &request.body)
        .tolerance(args.receiver.tolerance());
    if let Some(family) = args.receiver.family() {
        examination = examination.header_family(family);
    }
    examination.at(unix_seconds)
}

/// Whether the delivery is rejected for its time, before its signature is looked at.
fn is_about_time(diagnosis: &Diagnosis) -> bool {
    let code = diagnosis.verdict().err().map(Failure::code);
    matches!(code, Some("timestamp-too-old" | "timestamp-too-new"))
}

fn document(diagnosis: &Diagnosis) -> serde_json::Value {
    let Explanation {
        remarks,
        findings,
        suspicions,
    } = diagnosis.into();
    let failure = diagnosis.verdict().err();
    json!({
        "valid": failure.is_none(),
        "code": failure.map(Failure::code),
        "message": failure.map(ToString::to_string),
        "remarks": remarks,
        "findings": findings,
        "suspicions": suspicions,
    })
}
