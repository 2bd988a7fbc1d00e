//! `webhook listen`, which receives deliveries, shows them, and forwards them to an application.

mod answer;
mod bench;
mod delivery;
mod forward;
mod headers;
mod history;
mod journal;
mod judge;
mod line;
mod page;
mod webhook;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::{env, io};

use hyper::Uri;
use serde_json::json;
use tokio::net::TcpListener;
use tower_svix::HeaderFamily;
use tower_svix::sign::generate;

use self::bench::Bench;
use self::forward::Application;
use self::history::History;
use self::journal::Journal;
use self::judge::Judge;
use self::line::Lines;
use crate::client::{self, Client};
use crate::keys::{KeyArgs, KeysText};
use crate::output::{say, say_json};
use crate::tls::TlsArgs;
use crate::{Answer, Failure, family};

/// Receives and verifies deliveries, for example from a tunnel. Prints a line for each, explains rejections, and
/// forwards valid deliveries to your application, whose response the sender gets. A page on this machine shows all of
/// it.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Forward deliveries to this address of your application, such as `http://localhost:5000/webhook`. By default,
    /// valid deliveries are answered with 200
    #[arg(long, value_name = "URL", value_parser = client::url)]
    forward: Option<Uri>,
    /// Forward rejected deliveries too, to see what the application makes of them
    #[arg(long, requires = "forward")]
    forward_rejected: bool,
    #[command(flatten)]
    tls: TlsArgs,
    #[command(flatten)]
    keys: KeyArgs,
    /// The address to receive deliveries at; point your tunnel to it
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:4000")]
    address: SocketAddr,
    /// The names of the headers: `svix`, `webhook`, or the sender's prefix, such as `x-webhook-`. Default: `svix` or
    /// `webhook`, whichever are complete
    #[arg(long, value_name = "NAMES", value_parser = family::parse)]
    family: Option<HeaderFamily>,
    /// The port of the page, on this machine only. By default, the first free port from 4040 on
    #[arg(long, value_name = "PORT")]
    page: Option<u16>,
    /// Do not serve the page
    #[arg(long, conflicts_with = "page")]
    no_page: bool,
    /// Keep the deliveries in this file, and show those that are already in it
    #[arg(long, value_name = "FILE")]
    store: Option<PathBuf>,
    /// The maximum body size, in bytes
    #[arg(long, value_name = "BYTES", default_value_t = 2 * 1024 * 1024)]
    body_limit: usize,
    /// Print JSON: a document at the start, and one for each delivery
    #[arg(long)]
    json: bool,
}

/// The ports that are tried if no port is given. The first is also that of ngrok's page, so it may be taken.
const PAGE_PORTS: std::ops::Range<u16> = 4040..4050;

pub(crate) async fn run(args: Args) -> Result<Answer, Failure> {
    let given = args.keys.find()?;
    let is_made_up = given.is_none();
    let keys = match given {
        Some(keys) => keys,
        None => KeysText::new(generate::secret()?.expose(), "the new secret"),
    };
    let (journal, earlier) = match &args.store {
        Some(path) => {
            let (journal, earlier) = Journal::open(path)
                .map_err(|error| format!("--store {}: {error}", path.display()))?;
            (Some(journal), earlier)
        }
        None => (None, Vec::new()),
    };
    let application = match &args.forward {
        Some(url) => Some(Application::new(Client::new(&args.tls, url)?, url.clone())),
        None => None,
    };
    let bench = Arc::new(Bench {
        judge: Judge::new(&keys, args.body_limit, args.family)?,
        signing_keys: keys.any_signing_keys(),
        application,
        family: args.family,
        forward_rejected: args.forward_rejected,
        is_secret_new: is_made_up,
        history: History::new(earlier),
        journal,
        lines: Lines::new(args.json),
    });

    let listener = bind(args.address).await?;
    let address = listener.local_addr()?;
    let page = match (args.no_page, args.page) {
        (true, _) => None,
        (false, Some(port)) => Some(bind(loopback(port)).await?),
        (false, None) => Some(bind_first(PAGE_PORTS).await?),
    };
    let stopped = stop_signal();
    let start = Start {
        address,
        page: match &page {
            Some(page) => Some(page.local_addr()?.port()),
            None => None,
        },
        forward: args.forward.as_ref(),
        new_secret: is_made_up.then(|| keys.expose()),
    };
    start.print(args.json);

    tokio::select! {
        () = webhook::serve(listener, Arc::clone(&bench), args.body_limit) => {}
        () = page::serve(page, bench, address) => {}
        () = stopped => {}
    }
    Ok(Answer::Yes)
}

/// The output at the start.
struct Start<'a> {
    address: SocketAddr,
    /// The port of the page.
    page: Option<u16>,
    forward: Option<&'a Uri>,
    new_secret: Option<&'a str>,
}

impl Start<'_> {
    fn print(&self, as_json: bool) {
        let address = self.address;
        let page = self.page.map(|port| format!("http://127.0.0.1:{port}/"));
        if as_json {
            say_json(&json!({
                "listening": format!("http://{address}"),
                "forward": self.forward.map(ToString::to_string),
                "page": page,
                "secret": self.new_secret,
            }));
            return;
        }
        say(format_args!("listening on http://{address}"));
        match self.forward {
            Some(url) => say(format_args!("forwarding to {url}")),
            None => say(format_args!(
                "answering with 200: --forward names an application"
            )),
        }
        if let Some(page) = page {
            say(format_args!("the page is {page}"));
        }
        if let Some(secret) = self.new_secret {
            let program = program();
            say(format_args!(
                "WEBHOOK_SECRET is not set, so a secret was made for now. Deliver a first event with\n\n  \
                 {program} send --url http://{address}/ --secret {secret}\n"
            ));
        }
    }
}

/// Returns the command that runs this program: its name, or cargo.
fn program() -> &'static str {
    if env::var_os("CARGO_PKG_NAME").is_some() {
        "cargo run -p tower-svix-cli --"
    } else {
        "webhook"
    }
}

fn loopback(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

async fn bind(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address)
        .await
        .map_err(|error| format!("cannot listen on {address}: {error}").into())
}

/// Binds the first free port of these, or else any free port.
async fn bind_first(ports: impl IntoIterator<Item = u16>) -> io::Result<TcpListener> {
    for port in ports {
        if let Ok(listener) = TcpListener::bind(loopback(port)).await {
            return Ok(listener);
        }
    }
    TcpListener::bind(loopback(0)).await
}

/// Returns a future that completes at Ctrl-C, or when a service manager sends SIGTERM. Signals count from this call on,
/// not only from the first poll.
fn stop_signal() -> impl Future<Output = ()> {
    #[cfg(unix)]
    let signals = {
        use tokio::signal::unix::{SignalKind, signal};
        [SignalKind::interrupt(), SignalKind::terminate()].map(|kind| signal(kind).ok())
    };
    async move {
        #[cfg(unix)]
        if let [Some(mut interrupt), Some(mut terminate)] = signals {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
        let _ = tokio::signal::ctrl_c().await;
    }
}
