//! `webhook secret`: new secrets and key pairs.

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
        let pair = generate::key_pair()?;
        let (private, public) = (pair.private().expose(), pair.public());
        if args.json {
            say_json(&json!({"private_key": private, "public_key": public}));
        } else {
            say(format_args!("{private}"));
            say(format_args!("{public}"));
        }
    } else {
        let secret = generate::secret()?;
        if args.json {
            say_json(&json!({"secret": secret.expose()}));
        } else {
            say(format_args!("{}", secret.expose()));
        }
    }
    Ok(Answer::Yes)
}
