//! The program `webhook`, a workbench for developing receivers of webhooks.

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

/// The error that stopped a command. Its text never contains a secret.
pub(crate) type Failure = Box<dyn Error + Send + Sync>;

/// Send, receive, sign, verify and explain webhooks (Svix and Standard Webhooks).
#[derive(Parser)]
#[command(name = "webhook", version, after_help = EXIT_CODES, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "\
Exit codes:
  0  The delivery is valid, or the response had a 2xx status
  1  The delivery is rejected, or the response had another status
  2  The command could not run: an argument, a secret, a file or the network is at fault

The secret is read from --secret-file, or else from WEBHOOK_SECRET. Everyone on this machine can see --secret.";

#[derive(Subcommand)]
enum Command {
    /// Send a signed delivery, or many to measure a receiver
    Send(send::Args),
    /// Print the headers that sign a body
    Sign(sign::Args),
    /// Tell with the exit code whether a saved request is a valid delivery
    Verify(verify::Args),
    /// Explain why a saved request is rejected, and what to do about it
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

/// The result of a command that could run. It decides the exit code.
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
