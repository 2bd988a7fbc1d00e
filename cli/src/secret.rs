//! `webhook secret`, which makes secrets and key pairs.

use serde_json::json;
use tower_svix::sign::generate;

use crate::output::{say, say_json};
use crate::{Answer, Failure};

/// Prints a new secret, which a sender and its receivers share.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Make an ed25519 key pair: the sender signs with the private key, and receivers verify with the public one
    #[arg(long)]
    key_pair: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> Result<Answer, Failure> {
    if args.key_pair {
        return key_pair(args.json);
    }
    let secret = generate::secret()?;
    if args.json {
        say_json(&json!({"secret": secret.expose()}));
    } else {
        say(format_args!("{}", secret.expose()));
    }
    Ok(Answer::Yes)
}

#[cfg(feature = "ed25519")]
fn key_pair(as_json: bool) -> Result<Answer, Failure> {
    let pair = generate::key_pair()?;
    let (private, public) = (pair.private().expose(), pair.public());
    if as_json {
        say_json(&json!({"private_key": private, "public_key": public}));
    } else {
        say(format_args!("{private}"));
        say(format_args!("{public}"));
    }
    Ok(Answer::Yes)
}

#[cfg(not(feature = "ed25519"))]
fn key_pair(_: bool) -> Result<Answer, Failure> {
    Err("this program was built without ed25519: build it with `--features ed25519`".into())
}
