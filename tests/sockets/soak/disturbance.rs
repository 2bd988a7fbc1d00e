//! The disturbances of the receivers and the stores.

use std::fmt;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rand::RngExt as _;
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;

use super::history::{Attempt, now};
use super::processes::Processes;
use super::receiver::Receiver;

/// With `appendfsync everysec`, Redis answers before it writes if the disk has been busy for up to two seconds. If it
/// is killed, it may forget that much. The rest is a margin.
const FORGOTTEN: Duration = Duration::from_secs(5);
const MAX_DOWN: Duration = Duration::from_secs(1);
/// Longer than a receiver waits for its store.
const MAX_OUTAGE: Duration = Duration::from_secs(4);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// SIGTERM.
    ReceiverStopped(usize),
    /// SIGKILL.
    ReceiverKilled(usize),
    /// As an operator stops them: they write everything to disk.
    StoresStopped,
    /// SIGKILL.
    StoresKilled,
    /// SIGSTOP, and SIGCONT later. Then they receive everything that was sent to them.
    StoresFrozen,
    /// SIGKILL for the stores and all receivers.
    AllKilled,
}

impl Kind {
    pub(crate) const ALL: [Self; 10] = [
        Self::ReceiverStopped(0),
        Self::ReceiverStopped(1),
        Self::ReceiverStopped(2),
        Self::ReceiverKilled(0),
        Self::ReceiverKilled(1),
        Self::ReceiverKilled(2),
        Self::StoresStopped,
        Self::StoresKilled,
        Self::StoresFrozen,
        Self::AllKilled,
    ];

    fn is_of_stores(self) -> bool {
        match self {
            Self::StoresStopped | Self::StoresKilled | Self::StoresFrozen | Self::AllKilled => true,
            Self::ReceiverStopped(_) | Self::ReceiverKilled(_) => false,
        }
    }

    /// Returns how far back Redis may have forgotten what it was told.
    fn forgotten(self) -> Duration {
        match self {
            Self::StoresKilled | Self::AllKilled => FORGOTTEN,
            _ => Duration::ZERO,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ReceiverStopped(_) => "receiver stopped",
            Self::ReceiverKilled(_) => "receiver killed",
            Self::StoresStopped => "store stopped",
            Self::StoresKilled => "store killed",
            Self::StoresFrozen => "store frozen",
            Self::AllKilled => "all killed",
        })
    }
}

/// A disturbance, from before the first signal until everything runs again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Disturbance {
    pub(crate) kind: Kind,
    from: Duration,
    to: Duration,
}

impl Disturbance {
    fn overlaps(&self, attempt: &Attempt, lingering: Duration) -> bool {
        attempt.sent <= self.to && self.from <= attempt.ended + lingering
    }

    /// Returns whether Redis may not know the result of this attempt because of the disturbance.
    pub(crate) fn unsettles(&self, attempt: &Attempt) -> bool {
        self.kind.is_of_stores() && self.overlaps(attempt, self.kind.forgotten())
    }

    /// Returns whether the disturbance may have ended this attempt at the receiver with this number.
    pub(crate) fn cuts_off(&self, attempt: &Attempt, receiver: usize) -> bool {
        let is_there = match self.kind {
            Kind::ReceiverStopped(stopped) => stopped == receiver,
            Kind::ReceiverKilled(_) | Kind::AllKilled => self.kills(receiver),
            Kind::StoresStopped | Kind::StoresKilled | Kind::StoresFrozen => false,
        };
        is_there && self.overlaps(attempt, Duration::ZERO)
    }

    pub(crate) fn kills(&self, receiver: usize) -> bool {
        self.kind == Kind::AllKilled || self.kind == Kind::ReceiverKilled(receiver)
    }
}

/// Makes disturbances of each kind in random order for this time, and at least one of each.
pub(crate) fn disturb(
    at_least: Duration,
    max_pause: Duration,
    processes: &mut Processes,
    rng: &mut StdRng,
) -> Vec<Disturbance> {
    let started = Instant::now();
    let mut disturbances = Vec::new();
    loop {
        let mut round = Kind::ALL;
        round.shuffle(rng);
        for kind in round {
            sleep(rng.random_range(max_pause / 4..=max_pause));
            let from = now();
            happen(kind, processes, rng);
            let to = now();
            println!("{from:.1?} to {to:.1?}: {kind:?}");
            disturbances.push(Disturbance { kind, from, to });
        }
        if started.elapsed() >= at_least {
            return disturbances;
        }
    }
}

fn happen(kind: Kind, processes: &mut Processes, rng: &mut StdRng) {
    let Processes { stores, receivers } = processes;
    let down = rng.random_range(Duration::ZERO..MAX_DOWN);
    let outage = rng.random_range(Duration::ZERO..MAX_OUTAGE);
    match kind {
        Kind::ReceiverStopped(number) => {
            receivers[number].stop();
            sleep(down);
            receivers[number].restart();
        }
        Kind::ReceiverKilled(number) => {
            receivers[number].kill();
            sleep(down);
            receivers[number].restart();
        }
        Kind::StoresStopped => {
            stores.stop();
            sleep(outage);
            stores.restart();
        }
        Kind::StoresKilled => {
            stores.kill();
            sleep(outage);
            stores.restart();
        }
        Kind::StoresFrozen => {
            stores.freeze();
            sleep(outage);
            stores.thaw();
        }
        Kind::AllKilled => {
            stores.kill();
            receivers.iter_mut().for_each(Receiver::kill);
            sleep(down);
            stores.restart();
            receivers.iter_mut().for_each(Receiver::restart);
        }
    }
}
