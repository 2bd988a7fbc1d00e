//! Senders that deliver to receivers with a Redis Cluster without a pause, and record the outcomes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tower_svix::idempotency::Outcome;
use tower_svix_tests::receivers::{Effects, Receiver, deliver_until_acknowledged};
use tower_svix_tests::redis_cluster::RedisCluster;

const TIMEOUT: Duration = Duration::from_secs(120);

/// Returns a hash tag for each master. Ids with a tag stay on its master.
pub(crate) async fn tags(cluster: &RedisCluster) -> Vec<String> {
    let mut tags = vec![None; cluster.masters()];
    for number in 0.. {
        let tag = format!("{{{number}}}");
        let slot = cluster.slot_of(&tag).await;
        let master = cluster.master_of(slot).await.unwrap();
        tags[master].get_or_insert(tag);
        if tags.iter().all(Option::is_some) {
            break;
        }
    }
    tags.into_iter().flatten().collect()
}

/// Senders that each deliver one new event after another. They deliver each event twice, as if the first response was
/// lost.
pub(crate) struct Senders {
    stop: Arc<AtomicBool>,
    /// The number of acknowledged events of each master.
    acknowledged: Vec<Arc<AtomicUsize>>,
    tasks: JoinSet<Vec<Event>>,
}

#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) master: usize,
    pub(crate) id: String,
    pub(crate) outcomes: Vec<Outcome>,
}

impl Senders {
    /// Starts `of_each` senders for each tag, which means for each master.
    pub(crate) fn start(
        name: &str,
        tags: &[String],
        of_each: usize,
        receivers: &[Receiver],
        effects: &Effects,
    ) -> Self {
        let mut senders = Self {
            stop: Arc::default(),
            acknowledged: tags.iter().map(|_| Arc::default()).collect(),
            tasks: JoinSet::new(),
        };
        for number in 0..tags.len() * of_each {
            let master = number % tags.len();
            let prefix = format!("msg_{name}_{}_{number}", tags[master]);
            let (receivers, effects) = (receivers.to_vec(), effects.clone());
            let stop = Arc::clone(&senders.stop);
            let acknowledged = Arc::clone(&senders.acknowledged[master]);
            senders.tasks.spawn(async move {
                let mut events = Vec::new();
                while !stop.load(Ordering::SeqCst) {
                    let id = format!("{prefix}_{}", events.len());
                    let mut outcomes = deliver_until_acknowledged(&receivers, &id).await;
                    assert!(
                        effects.of(&id) >= 1,
                        "{id} is acknowledged after its effect"
                    );
                    outcomes.extend(deliver_until_acknowledged(&receivers, &id).await);
                    acknowledged.fetch_add(1, Ordering::SeqCst);
                    events.push(Event {
                        master,
                        id,
                        outcomes,
                    });
                }
                events
            });
        }
        senders
    }

    /// Waits until `more` further events of each master are acknowledged.
    pub(crate) async fn wait_for(&self, more: usize) {
        for acknowledged in &self.acknowledged {
            let enough = acknowledged.load(Ordering::SeqCst) + more;
            timeout(TIMEOUT, async {
                while acknowledged.load(Ordering::SeqCst) < enough {
                    sleep(Duration::from_millis(5)).await;
                }
            })
            .await
            .expect("events are acknowledged");
        }
    }

    pub(crate) async fn stop(self) -> Vec<Event> {
        self.stop.store(true, Ordering::SeqCst);
        let events = timeout(TIMEOUT, self.tasks.join_all()).await;
        events
            .expect("each event is acknowledged")
            .into_iter()
            .flatten()
            .collect()
    }
}

impl Event {
    pub(crate) fn was_rejected(&self) -> bool {
        self.outcomes.contains(&Outcome::StoreUnavailable)
    }

    /// Returns how often the completion of the event could not be recorded.
    pub(crate) fn unsure(&self) -> usize {
        let unsure =
            |outcome: &&Outcome| matches!(outcome, Outcome::Unsettled | Outcome::Superseded);
        self.outcomes.iter().filter(unsure).count()
    }
}
