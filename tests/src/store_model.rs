//! The simplest store of ids, and random sequences of operations and waits. Every store must do the same.

use std::collections::HashMap;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use tower_svix::idempotency::{ClaimStatus, ClaimToken, EventKey, Fingerprint, Settlement, Store};

/// The unit of time, in seconds. While a case runs against Redis, real time passes too: less than a quarter of this.
const HOUR: u64 = 3600;

#[derive(Clone, Debug)]
pub enum Step {
    Claim {
        key: u8,
        token: u8,
        hours: u64,
    },
    Complete {
        key: u8,
        token: u8,
        payload: u8,
        hours: u64,
    },
    Release {
        key: u8,
        token: u8,
    },
    Forget {
        key: u8,
    },
    Pass {
        hours: u64,
    },
}

pub fn steps() -> impl Strategy<Value = Vec<Step>> {
    let (key, token, hours) = (0..3_u8, 0..4_u8, 0..5_u64);
    let step = prop_oneof![
        4 => (key.clone(), token.clone(), hours.clone())
            .prop_map(|(key, token, hours)| Step::Claim { key, token, hours }),
        3 => (key.clone(), token.clone(), 0..2_u8, hours.clone())
            .prop_map(|(key, token, payload, hours)| Step::Complete { key, token, payload, hours }),
        2 => (key.clone(), token).prop_map(|(key, token)| Step::Release { key, token }),
        1 => key.prop_map(|key| Step::Forget { key }),
        2 => hours.prop_map(|hours| Step::Pass { hours }),
    ];
    prop::collection::vec(step, 1..60)
}

/// The result of a step, and when it would expire.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Reply {
    /// The time until the lease ends is rounded.
    Claim(Answer),
    Settlement(Settlement),
    Forgotten(bool),
    Passed,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Answer {
    Claimed,
    Completed { payload: u8 },
    InProgress { half_hours: u64 },
}

/// The rules in their simplest form. Time is in half hours. Leases and retentions end at odd times, and everything else
/// happens at even ones.
#[derive(Default)]
struct Model {
    now: u64,
    records: HashMap<u8, Record>,
}

#[derive(Clone, Copy)]
struct Record {
    token: u8,
    /// The payload that was processed, if the event is completed.
    completed: Option<u8>,
    expiry: u64,
}

impl Model {
    fn step(&mut self, step: &Step) -> Reply {
        let now = self.now;
        self.records.retain(|_, record| record.expiry > now);
        match *step {
            Step::Claim { key, token, hours } => Reply::Claim(match self.records.get(&key) {
                None => {
                    self.put(key, token, None, hours);
                    Answer::Claimed
                }
                Some(record) => match record.completed {
                    Some(payload) => Answer::Completed { payload },
                    None if record.token == token => Answer::Claimed,
                    None => Answer::InProgress {
                        half_hours: record.expiry - now,
                    },
                },
            }),
            Step::Complete {
                key,
                token,
                payload,
                hours,
            } => Reply::Settlement(match self.records.get(&key) {
                Some(record) if record.token != token => Settlement::Superseded,
                _ => {
                    self.put(key, token, Some(payload), hours);
                    Settlement::Done
                }
            }),
            Step::Release { key, token } => Reply::Settlement(match self.records.get(&key) {
                Some(record) if record.completed.is_some() || record.token != token => {
                    Settlement::Superseded
                }
                _ => {
                    self.records.remove(&key);
                    Settlement::Done
                }
            }),
            Step::Forget { key } => Reply::Forgotten(self.records.remove(&key).is_some()),
            Step::Pass { hours } => {
                self.now += 2 * hours;
                Reply::Passed
            }
        }
    }

    fn put(&mut self, key: u8, token: u8, completed: Option<u8>, hours: u64) {
        let expiry = self.now + 2 * hours + 1;
        self.records.insert(
            key,
            Record {
                token,
                completed,
                expiry,
            },
        );
    }
}

/// Returns the length of a claim or a completion of so many hours, plus half an hour, so that no step falls on its end.
fn duration(hours: u64) -> Duration {
    Duration::from_secs(hours * HOUR + HOUR / 2)
}

async fn take<St: Store>(
    store: &St,
    case: ClaimToken,
    step: &Step,
    pass: impl AsyncFn(Duration),
) -> Reply {
    let key = |key: u8| EventKey::new(Some("model"), &format!("{case}_{key}"));
    let token = |token: u8| ClaimToken::from_bytes([token; 16]);
    let of = |payload: u8| Fingerprint::from_bytes([payload; 16]);
    match *step {
        Step::Claim {
            key: id,
            token: by,
            hours,
        } => {
            let claim = store.claim(&key(id), token(by), duration(hours)).await;
            Reply::Claim(match claim.unwrap() {
                ClaimStatus::Claimed => Answer::Claimed,
                ClaimStatus::Completed { fingerprint } => {
                    let mut payloads = 0..=u8::MAX;
                    let payload = payloads.find(|payload| of(*payload) == fingerprint);
                    let payload = payload.expect("one of the model's payloads");
                    Answer::Completed { payload }
                }
                // Up to a quarter of an hour of it is real time.
                ClaimStatus::InProgress { expires_in } => Answer::InProgress {
                    half_hours: (expires_in.as_secs() + HOUR / 4) / (HOUR / 2),
                },
                other => panic!("the model does not know {other:?}"),
            })
        }
        Step::Complete {
            key: id,
            token: by,
            payload,
            hours,
        } => {
            let completed = store
                .complete(&key(id), token(by), of(payload), duration(hours))
                .await;
            Reply::Settlement(completed.unwrap())
        }
        Step::Release { key: id, token: by } => {
            Reply::Settlement(store.release(&key(id), token(by)).await.unwrap())
        }
        Step::Forget { key: id } => Reply::Forgotten(store.forget(&key(id)).await.unwrap()),
        Step::Pass { hours } => {
            pass(Duration::from_secs(hours * HOUR)).await;
            Reply::Passed
        }
    }
}

pub async fn compare<St: Store>(
    store: &St,
    steps: &[Step],
    pass: impl AsyncFn(Duration),
) -> Result<(), TestCaseError> {
    let case = ClaimToken::random().unwrap();
    let mut model = Model::default();
    for (index, step) in steps.iter().enumerate() {
        let expected = model.step(step);
        let reply = take(store, case, step, &pass).await;
        prop_assert_eq!(reply, expected, "step {}: {:?}", index, step);
    }
    Ok(())
}
