//! The program `webhook`: what one needs beside a receiver of webhooks while developing it.

mod capture;
mod client;
mod curl;
mod explain;
mod explanation;
mod family;
mod fixture;
mod input;
mod keys;
mod listen;
mod output;
mod secret;
mod send;
mod sign;
mod time;
#[cfg(feature = "tls")]
mod tls;
#[cfg(not(feature = "tls"))]
#[path = "no_tls.rs"]
mod tls;
mod verify;

use std::error::Error;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};
use clap_complete::Shell;

use self::output::{complain, print};

/// What stopped a command. The text never holds a secret.
pub(crate) type Failure = Box<dyn Error + Send + Sync>;

/// Send, sign, verify and explain webhooks (Svix and Standard Webhooks), and see them arrive.
#[derive(Parser)]
#[command(name = "webhook", version, after_help = EXIT_CODES, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "\
Exit codes:
  0  It worked: the delivery is valid, or the answer was a 2xx status
  1  The answer is no: the delivery is rejected, or the answer was another status
  2  It could not be done: an argument, a secret, a file or the network is at fault

The secret is read from --secret-file, else from WEBHOOK_SECRET. Everyone on this machine can see that of --secret.";

#[derive(Subcommand)]
enum Command {
    /// Send a signed delivery, or many to measure a receiver with
    Send(send::Args),
    /// Print the headers that sign a body
    Sign(sign::Args),
    /// Tell by the exit code whether a saved request is a valid delivery
    Verify(verify::Args),
    /// Tell why a saved request is rejected, and what to do about it
    Explain(explain::Args),
    /// Make a new secret, or a new key pair
    Secret(secret::Args),
    /// Receive deliveries, show them on a local page, and forward them to an application
    Listen(listen::Args),
    /// Print the completion script of a shell
    Completions {
        /// The shell to complete commands in
        shell: Shell,
    },
}

/// What a command has found out, if it could be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Yes,
    No,
}

impl From<bool> for Answer {
    fn from(yes: bool) -> Self {
        if yes { Self::Yes } else { Self::No }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let answer = match Cli::parse().command {
        Command::Send(args) => send::run(args).await,
        Command::Sign(args) => sign::run(&args),
        Command::Verify(args) => verify::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Secret(args) => secret::run(&args),
        Command::Listen(args) => listen::run(args).await,
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "webhook", &mut script);
            print(&String::from_utf8_lossy(&script));
            Ok(Answer::Yes)
        }
    };
    match answer {
        Ok(Answer::Yes) => ExitCode::SUCCESS,
        Ok(Answer::No) => ExitCode::from(1),
        Err(error) => {
            complain(&*error);
            ExitCode::from(2)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Cli::command().debug_assert();
    }
}
