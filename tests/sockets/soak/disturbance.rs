//! What happens to the receivers and to Redis, and when.

use std::fmt;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rand::RngExt as _;
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use tower_svix_tests::redis_server::RedisServer;

use super::history::{Attempt, now};
use super::receiver::Receiver;

/// With `appendfsync everysec`, Redis answers before it writes if the disk has been busy for up to two seconds. So a Redis
/// that is killed may forget that much, and a little more to be safe.
const FORGOTTEN: Duration = Duration::from_secs(5);
const MAX_DOWN: Duration = Duration::from_secs(1);
/// Longer than a store waits for an answer.
const MAX_OUTAGE: Duration = Duration::from_secs(4);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// SIGTERM.
    ReceiverStopped(usize),
    /// SIGKILL.
    ReceiverKilled(usize),
    /// SIGTERM: it writes down all that it knows.
    RedisStopped,
    /// SIGKILL.
    RedisKilled,
    /// SIGSTOP, and SIGCONT later: it gets all that it was sent meanwhile.
    RedisFrozen,
    /// SIGKILL for Redis and all receivers.
    AllKilled,
}

impl Kind {
    pub(crate) const ALL: [Self; 8] = [
        Self::ReceiverStopped(0),
        Self::ReceiverStopped(1),
        Self::ReceiverKilled(0),
        Self::ReceiverKilled(1),
        Self::RedisStopped,
        Self::RedisKilled,
        Self::RedisFrozen,
        Self::AllKilled,
    ];

    fn is_of_redis(self) -> bool {
        match self {
            Self::RedisStopped | Self::RedisKilled | Self::RedisFrozen | Self::AllKilled => true,
            Self::ReceiverStopped(_) | Self::ReceiverKilled(_) => false,
        }
    }

    /// How long before it Redis may have been told something that it then forgets.
    fn forgotten(self) -> Duration {
        match self {
            Self::RedisKilled | Self::AllKilled => FORGOTTEN,
            _ => Duration::ZERO,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ReceiverStopped(_) => "receiver stopped",
            Self::ReceiverKilled(_) => "receiver killed",
            Self::RedisStopped => "Redis stopped",
            Self::RedisKilled => "Redis killed",
            Self::RedisFrozen => "Redis frozen",
            Self::AllKilled => "all killed",
        })
    }
}

/// What happened, from before the first signal until all is up again.
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

    /// Whether it can have kept Redis from knowing what became of this attempt.
    pub(crate) fn unsettles(&self, attempt: &Attempt) -> bool {
        self.kind.is_of_redis() && self.overlaps(attempt, self.kind.forgotten())
    }

    /// Whether it can have ended this attempt at the receiver with this number.
    pub(crate) fn cuts_off(&self, attempt: &Attempt, receiver: usize) -> bool {
        let is_there = match self.kind {
            Kind::ReceiverStopped(stopped) => stopped == receiver,
            Kind::ReceiverKilled(_) | Kind::AllKilled => self.kills(receiver),
            Kind::RedisStopped | Kind::RedisKilled | Kind::RedisFrozen => false,
        };
        is_there && self.overlaps(attempt, Duration::ZERO)
    }

    pub(crate) fn kills(&self, receiver: usize) -> bool {
        self.kind == Kind::AllKilled || self.kind == Kind::ReceiverKilled(receiver)
    }
}

/// Has each kind happen in random order, again and again for so long, and at least once.
pub(crate) fn disturb(
    at_least: Duration,
    max_pause: Duration,
    redis: &mut RedisServer,
    receivers: &mut [Receiver; 2],
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
            happen(kind, redis, receivers, rng);
            let to = now();
            println!("{from:.1?} to {to:.1?}: {kind:?}");
            disturbances.push(Disturbance { kind, from, to });
        }
        if started.elapsed() >= at_least {
            return disturbances;
        }
    }
}

fn happen(kind: Kind, redis: &mut RedisServer, receivers: &mut [Receiver; 2], rng: &mut StdRng) {
    match kind {
        Kind::ReceiverStopped(number) => {
            receivers[number].stop();
            sleep(rng.random_range(Duration::ZERO..MAX_DOWN));
            receivers[number].restart();
        }
        Kind::ReceiverKilled(number) => {
            receivers[number].kill();
            sleep(rng.random_range(Duration::ZERO..MAX_DOWN));
            receivers[number].restart();
        }
        Kind::RedisStopped => {
            redis.stop();
            sleep(rng.random_range(Duration::ZERO..MAX_OUTAGE));
            redis.restart();
        }
        Kind::RedisKilled => {
            redis.kill();
            sleep(rng.random_range(Duration::ZERO..MAX_OUTAGE));
            redis.restart();
        }
        Kind::RedisFrozen => {
            redis.freeze();
            sleep(rng.random_range(Duration::ZERO..MAX_OUTAGE));
            redis.thaw();
        }
        Kind::AllKilled => {
            redis.kill();
            receivers.iter_mut().for_each(Receiver::kill);
            sleep(rng.random_range(Duration::ZERO..MAX_DOWN));
            redis.restart();
            receivers.iter_mut().for_each(Receiver::restart);
        }
    }
}
