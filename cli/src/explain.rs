//! `webhook explain`, which explains why a saved request is rejected.

use serde_json::json;
use tower_svix::diagnose::{Diagnosis, Failure};

use crate::Answer;
use crate::capture::{Capture, RequestArgs};
use crate::explanation::{self, Explanation};
use crate::keys::{KeyArgs, KeysText};
use crate::output::{say, say_json};
use crate::verify::{self, Receiver};

/// Explains why a saved request is rejected, and what to do about it. The exit code is 0 if it is valid, 1 if it is
/// rejected.
///
/// A saved request is soon too old. If its timestamp is rejected, this also verifies the request as of the time when it
/// was signed.
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
    let (diagnosis, explanation) = diagnose(args, &keys, &request, moment);
    let when_signed = args
        .receiver
        .signed_at(&request)
        .filter(|_| is_about_time(&diagnosis))
        .map(|signed| diagnose(args, &keys, &request, signed));
    let is_valid = diagnosis.verdict().is_ok();
    if args.json {
        let mut shown = document(&diagnosis, explanation);
        let when_signed =
            when_signed.map(|(diagnosis, explanation)| document(&diagnosis, explanation));
        shown["when_signed"] = when_signed.into();
        say_json(&shown);
    } else {
        say(format_args!("{}", text(&diagnosis, &explanation)));
        if let Some((diagnosis, explanation)) = &when_signed {
            let rest = match diagnosis.verdict() {
                Ok(_) => {
                    "When it was signed, it was valid: its age is all that is wrong.".to_owned()
                }
                Err(_) => format!("Its age aside:\n{}", text(diagnosis, explanation)),
            };
            say(format_args!("{rest}"));
        }
    }
    Ok(is_valid.into())
}

fn text(diagnosis: &Diagnosis, explanation: &Explanation) -> String {
    let diagnosis = diagnosis.to_string();
    let verdict = diagnosis.lines().next().unwrap_or_default();
    format!("{verdict}{explanation}")
}

fn diagnose(
    args: &Args,
    keys: &KeysText,
    request: &Capture,
    unix_seconds: u64,
) -> (Diagnosis, Explanation) {
    explanation::diagnose(keys, |secrets| {
        let mut examination = Diagnosis::of(secrets, &request.headers, &request.body)
            .tolerance(args.receiver.tolerance());
        if let Some(family) = args.receiver.family() {
            examination = examination.header_family(family);
        }
        examination.at(unix_seconds)
    })
}

/// Returns whether the delivery is rejected because of its timestamp, before its signature is checked.
fn is_about_time(diagnosis: &Diagnosis) -> bool {
    let code = diagnosis.verdict().err().map(Failure::code);
    matches!(code, Some("timestamp-too-old" | "timestamp-too-new"))
}

fn document(diagnosis: &Diagnosis, explanation: Explanation) -> serde_json::Value {
    let Explanation {
        remarks,
        findings,
        suspicions,
    } = explanation;
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
