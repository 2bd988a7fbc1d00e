//! A receiver as a process that is stopped and started again.

use std::collections::HashMap;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use tower_svix_tests::process::{Server, Signal};

use super::memory::Resident;
use super::processes::Store;
use super::sender::Endpoint;

const TIMEOUT: Duration = Duration::from_secs(30);

pub(crate) struct Receiver {
    pub(crate) name: &'static str,
    pub(crate) endpoint: Arc<Endpoint>,
    pub(crate) store: Store,
    /// The URL of the database with its effects, if it has one.
    pub(crate) database: Option<String>,
    command: Command,
    server: Option<Server>,
    /// How often the handler ran for each id.
    pub(crate) processings: HashMap<String, u64>,
    /// The peak memory.
    pub(crate) peak_kib: u64,
}

impl Receiver {
    pub(crate) fn start(
        name: &'static str,
        store: Store,
        database: Option<String>,
        command: Command,
    ) -> Self {
        let mut receiver = Self {
            name,
            endpoint: Arc::new(Endpoint::new()),
            store,
            database,
            command,
            server: None,
            processings: HashMap::new(),
            peak_kib: 0,
        };
        receiver.restart();
        receiver
    }

    pub(crate) fn restart(&mut self) {
        let server = Server::start(&mut self.command);
        self.endpoint.is_at(Some(server.address));
        self.server = Some(server);
    }

    pub(crate) fn kill(&mut self) {
        self.end(Signal::KILL);
    }

    /// Tells it to exit. It answers the open requests first, and waits for its handlers.
    pub(crate) fn stop(&mut self) {
        self.end(Signal::TERM);
    }

    fn end(&mut self, signal: Signal) {
        self.peak_kib = self.peak_kib.max(self.resident().peak_kib);
        let mut server = self.server.take().expect("it runs");
        server.signal(signal);
        let status = server.wait(TIMEOUT).expect("it ends");
        assert_eq!(
            status.success(),
            signal == Signal::TERM,
            "{}: {status}",
            self.name
        );
        self.endpoint.is_at(None);
        for line in server.rest() {
            // A line such as `event job.completed msg_1 (delivery 1)`.
            if let Some(event) = line.strip_prefix("event ") {
                let id = event.split(' ').nth(1).expect("a type and an id");
                *self.processings.entry(id.to_owned()).or_default() += 1;
            }
        }
    }

    pub(crate) fn resident(&self) -> Resident {
        let server = self.server.as_ref().expect("it runs");
        Resident::of(server.process_id())
    }
}
