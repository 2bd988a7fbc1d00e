//! The test suite for stores finds each way to break the contract, and names the rule.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Mutex;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::task::yield_now;
use tower_svix::idempotency::{
    BoxFuture, ClaimStatus, ClaimToken, EventKey, Fingerprint, Settlement, Store, StoreError,
};
use tower_svix::test_util::conformance;

/// A flaw of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flaw {
    Nothing,
    ClaimFails,
    ClaimIsShared,
    ClaimCannotBeRepeated,
    ClaimLooksFirstAndInsertsLater,
    LeaseIsLongerThanAskedFor,
    LeaseNeverPasses,
    LeaseIsNotTakenOver,
    CompletionFails,
    CompletionIsRejected,
    CompletionCannotBeRepeated,
    CompletedIsClaimedByStrangers,
    CompletedIsClaimedByItsHolder,
    CompletedIsReleasedByStrangers,
    CompletedIsReleasedByItsHolder,
    CompletedIsCompletedByStrangers,
    CompletedIsForgottenWhenAStrangerCompletes,
    CompletedIsCompletedByALateHolder,
    RetentionNeverPasses,
    FingerprintIsLost,
    FingerprintIsChangedByStrangers,
    ReleaseFails,
    ReleaseIsRejected,
    ReleaseCannotBeRepeated,
    ReleaseChangesNothing,
    ClaimIsReleasedByStrangers,
    ClaimIsForgottenWhenAStrangerReleases,
    ClaimIsCompletedByStrangers,
    ClaimCannotBeCompletedAfterAStrangerTried,
    ClaimIsCompletedByALateHolder,
    ClaimIsReleasedByALateHolder,
    ClaimIsForgottenWhenALateHolderReleases,
    SuccessorCannotComplete,
    LateCompletionIsRejected,
    LateCompletionIsForgotten,
    ForgetFails,
    ForgetChangesNothing,
    ForgetSparesClaims,
    ForgetSparesWhatIsCompleted,
    ForgetIsAlwaysSure,
    ForgetIsNeverSure,
    ForgetSeesWhatHasPassed,
    ForgetTakesAll,
    KeysIgnoreCase,
    KeysAreCut,
    KeysLackTheTenant,
    KeysAreNotFoundAgain,
}

use Flaw as F;

#[derive(Clone, Copy)]
struct Record {
    token: ClaimToken,
    completed: Option<Fingerprint>,
    ends: Duration,
    /// The token of an earlier claim whose lease has passed.
    late: Option<ClaimToken>,
    /// Whether a delivery without the claim tried to complete it.
    was_tried: bool,
}

struct Flawed {
    flaw: Flaw,
    records: Mutex<HashMap<String, Record>>,
    now: Mutex<Duration>,
    operations: Mutex<usize>,
}

impl Flawed {
    fn new(flaw: Flaw) -> Self {
        Self {
            flaw,
            records: Mutex::default(),
            now: Mutex::default(),
            operations: Mutex::default(),
        }
    }

    fn pass(&self, time: Duration) {
        *self.now.lock().unwrap() += time;
    }

    fn now(&self) -> Duration {
        *self.now.lock().unwrap()
    }

    fn name(&self, key: &EventKey) -> String {
        let key = key.as_str();
        match self.flaw {
            F::KeysIgnoreCase => key.to_lowercase(),
            F::KeysAreCut => key.chars().take(512).collect(),
            F::KeysLackTheTenant => key.split_once("conformance").unwrap().1.into(),
            F::KeysAreNotFoundAgain if key.contains("conformance") && key.ends_with("_*") => {
                let mut operations = self.operations.lock().unwrap();
                *operations += 1;
                format!("{key}{operations}")
            }
            _ => key.into(),
        }
    }

    fn live(&self, name: &str) -> Option<Record> {
        let record = *self.records.lock().unwrap().get(name)?;
        let endless = if record.completed.is_some() {
            F::RetentionNeverPasses
        } else {
            F::LeaseNeverPasses
        };
        let lasts = self.flaw == endless;
        (lasts || record.ends > self.now()).then_some(record)
    }

    fn put(&self, name: &str, token: ClaimToken, completed: Option<Fingerprint>, lasts: Duration) {
        let mut records = self.records.lock().unwrap();
        let before = records.get(name);
        let late = before.and_then(|before| {
            if before.token == token {
                before.late
            } else {
                Some(before.token)
            }
        });
        let record = Record {
            token,
            completed,
            ends: self.now() + lasts,
            late,
            was_tried: false,
        };
        records.insert(name.into(), record);
    }

    fn remove(&self, name: &str) {
        self.records.lock().unwrap().remove(name);
    }

    fn mark_as_tried(&self, name: &str) {
        self.records
            .lock()
            .unwrap()
            .get_mut(name)
            .unwrap()
            .was_tried = true;
    }
}

fn done_if(is_done: bool) -> Settlement {
    if is_done {
        Settlement::Done
    } else {
        Settlement::Superseded
    }
}

impl Store for Flawed {
    async fn claim(
        &self,
        key: &EventKey,
        token: ClaimToken,
        lease: Duration,
    ) -> Result<ClaimStatus, StoreError> {
        let name = self.name(key);
        let live = self.live(&name);
        match self.flaw {
            F::ClaimFails => return Err(StoreError::new("broken")),
            F::ClaimLooksFirstAndInsertsLater => yield_now().await,
            _ => {}
        }
        let Some(record) = live else {
            if self.flaw == F::LeaseIsNotTakenOver
                && self.records.lock().unwrap().contains_key(&name)
            {
                return Ok(ClaimStatus::Claimed);
            }
            self.put(&name, token, None, lease);
            return Ok(ClaimStatus::Claimed);
        };
        let is_own = record.token == token;
        let is_claimed_again = match (record.completed.is_some(), is_own) {
            (false, true) => self.flaw != F::ClaimCannotBeRepeated,
            (false, false) => self.flaw == F::ClaimIsShared,
            (true, true) => self.flaw == F::CompletedIsClaimedByItsHolder,
            (true, false) => self.flaw == F::CompletedIsClaimedByStrangers,
        };
        Ok(match record.completed {
            _ if is_claimed_again => ClaimStatus::Claimed,
            Some(fingerprint) => ClaimStatus::Completed {
                fingerprint: match self.flaw {
                    F::FingerprintIsLost => Fingerprint::from_bytes([0; 16]),
                    _ => fingerprint,
                },
            },
            None => {
                let left = record.ends.saturating_sub(self.now());
                let expires_in = match self.flaw {
                    F::LeaseIsLongerThanAskedFor => 2 * left,
                    _ => left,
                };
                ClaimStatus::InProgress { expires_in }
            }
        })
    }

    async fn complete(
        &self,
        key: &EventKey,
        token: ClaimToken,
        fingerprint: Fingerprint,
        retention: Duration,
    ) -> Result<Settlement, StoreError> {
        let name = self.name(key);
        if self.flaw == F::CompletionFails {
            return Err(StoreError::new("broken"));
        }
        let Some(record) = self.live(&name) else {
            if self.flaw != F::LateCompletionIsForgotten {
                self.put(&name, token, Some(fingerprint), retention);
            }
            return Ok(done_if(self.flaw != F::LateCompletionIsRejected));
        };
        let is_late = record.late == Some(token);
        let is_done = match (record.completed.is_some(), record.token == token) {
            (false, true) => match self.flaw {
                F::CompletionIsRejected => false,
                F::SuccessorCannotComplete => record.late.is_none(),
                F::ClaimCannotBeCompletedAfterAStrangerTried => !record.was_tried,
                _ => true,
            },
            (true, true) => self.flaw != F::CompletionCannotBeRepeated,
            (false, false) => match self.flaw {
                F::ClaimIsCompletedByStrangers => true,
                F::ClaimIsCompletedByALateHolder => is_late,
                _ => false,
            },
            (true, false) => match self.flaw {
                F::CompletedIsCompletedByStrangers => true,
                F::CompletedIsCompletedByALateHolder => is_late,
                _ => false,
            },
        };
        if is_done {
            self.put(&name, token, Some(fingerprint), retention);
        } else if self.flaw == F::CompletedIsForgottenWhenAStrangerCompletes
            && record.completed.is_some()
        {
            self.remove(&name);
        } else if self.flaw == F::FingerprintIsChangedByStrangers && record.completed.is_some() {
            self.put(&name, record.token, Some(fingerprint), retention);
        } else {
            self.mark_as_tried(&name);
        }
        Ok(done_if(is_done))
    }

    async fn release(&self, key: &EventKey, token: ClaimToken) -> Result<Settlement, StoreError> {
        let name = self.name(key);
        if self.flaw == F::ReleaseFails {
            return Err(StoreError::new("broken"));
        }
        let Some(record) = self.live(&name) else {
            return Ok(done_if(self.flaw != F::ReleaseCannotBeRepeated));
        };
        let is_late = record.late == Some(token);
        let is_done = match (record.completed.is_some(), record.token == token) {
            (false, true) => self.flaw != F::ReleaseIsRejected,
            (true, true) => self.flaw == F::CompletedIsReleasedByItsHolder,
            (false, false) => match self.flaw {
                F::ClaimIsReleasedByStrangers => true,
                F::ClaimIsReleasedByALateHolder => is_late,
                _ => false,
            },
            (true, false) => self.flaw == F::CompletedIsReleasedByStrangers,
        };
        let is_forgotten = match self.flaw {
            F::ReleaseChangesNothing => false,
            F::ClaimIsForgottenWhenAStrangerReleases => is_done || record.completed.is_none(),
            F::ClaimIsForgottenWhenALateHolderReleases => is_done || is_late,
            _ => is_done,
        };
        if is_forgotten {
            self.remove(&name);
        }
        Ok(done_if(is_done))
    }

    async fn forget(&self, key: &EventKey) -> Result<bool, StoreError> {
        let name = self.name(key);
        let record = match self.flaw {
            F::ForgetFails => return Err(StoreError::new("broken")),
            F::ForgetSeesWhatHasPassed => self.records.lock().unwrap().get(&name).copied(),
            _ => self.live(&name),
        };
        let is_completed = record.is_some_and(|record| record.completed.is_some());
        match self.flaw {
            F::ForgetChangesNothing => {}
            F::ForgetSparesClaims if !is_completed => {}
            F::ForgetSparesWhatIsCompleted if is_completed => {}
            F::ForgetTakesAll => self.records.lock().unwrap().clear(),
            _ => self.remove(&name),
        }
        Ok(match self.flaw {
            F::ForgetIsAlwaysSure => true,
            F::ForgetIsNeverSure => false,
            _ => record.is_some(),
        })
    }

    fn spawn(&self, _: BoxFuture<()>) {}
}

/// Returns the complaint of the suite about a store with this flaw.
async fn complaint(flaw: Flaw) -> Option<String> {
    let store = Flawed::new(flaw);
    let check = conformance::check(&store, async |time| store.pass(time));
    let panic = AssertUnwindSafe(check).catch_unwind().await.err()?;
    Some(match panic.downcast::<String>() {
        Ok(text) => *text,
        Err(panic) => (*panic.downcast::<&str>().unwrap()).into(),
    })
}

#[tokio::test]
async fn a_store_that_keeps_every_rule_conforms() {
    assert_eq!(complaint(F::Nothing).await, None);
}

/// The complaint about each flaw.
const RULES: [(Flaw, &str); 46] = [
    (F::ClaimFails, "the store claims"),
    (F::ClaimIsShared, "a claimed event is in progress"),
    (F::ClaimCannotBeRepeated, "a claim can be repeated"),
    (
        F::ClaimLooksFirstAndInsertsLater,
        "one of many concurrent claims wins",
    ),
    (
        F::LeaseIsLongerThanAskedFor,
        "a lease is no longer than asked for",
    ),
    (
        F::LeaseNeverPasses,
        "after its lease an event can be claimed again",
    ),
    (F::LeaseIsNotTakenOver, "it is still in progress"),
    (F::CompletionFails, "the store completes"),
    (F::CompletionIsRejected, "a holder can complete"),
    (
        F::CompletionCannotBeRepeated,
        "a completion can be repeated",
    ),
    (
        F::CompletedIsClaimedByStrangers,
        "a stranger cannot claim it again",
    ),
    (
        F::CompletedIsClaimedByItsHolder,
        "the holder cannot claim it again",
    ),
    (
        F::CompletedIsReleasedByStrangers,
        "a stranger cannot release it",
    ),
    (
        F::CompletedIsReleasedByItsHolder,
        "the holder cannot release it",
    ),
    (
        F::CompletedIsCompletedByStrangers,
        "a stranger cannot complete it again",
    ),
    (
        F::CompletedIsForgottenWhenAStrangerCompletes,
        "it stays completed",
    ),
    (
        F::CompletedIsCompletedByALateHolder,
        "a late holder does not complete what is completed",
    ),
    (
        F::RetentionNeverPasses,
        "after its retention an event can be claimed again",
    ),
    (F::FingerprintIsLost, "a stranger cannot claim it again"),
    (
        F::FingerprintIsChangedByStrangers,
        "a stranger cannot change the fingerprint",
    ),
    (F::ForgetFails, "the store forgets"),
    (
        F::ForgetChangesNothing,
        "a forgotten event is not there to be forgotten",
    ),
    (
        F::ForgetSparesClaims,
        "a forgotten event is not there to be forgotten",
    ),
    (
        F::ForgetSparesWhatIsCompleted,
        "a forgotten event is not there to be forgotten",
    ),
    (F::ForgetIsAlwaysSure, "there is nothing to forget"),
    (
        F::ForgetIsNeverSure,
        "a claimed event was there to be forgotten",
    ),
    (
        F::ForgetSeesWhatHasPassed,
        "after its lease an event is not there to be forgotten",
    ),
    (F::ForgetTakesAll, "no other event is forgotten"),
    (F::ReleaseFails, "the store releases"),
    (F::ReleaseIsRejected, "a holder can release"),
    (F::ReleaseCannotBeRepeated, "a release can be repeated"),
    (F::ReleaseChangesNothing, "a released event can be claimed"),
    (
        F::ClaimIsReleasedByStrangers,
        "a stranger cannot release a claim",
    ),
    (
        F::ClaimIsForgottenWhenAStrangerReleases,
        "a stranger cannot complete a claim",
    ),
    (
        F::ClaimIsCompletedByStrangers,
        "a stranger cannot complete a claim",
    ),
    (
        F::ClaimCannotBeCompletedAfterAStrangerTried,
        "the holder still can",
    ),
    (
        F::ClaimIsCompletedByALateHolder,
        "a late holder cannot complete",
    ),
    (
        F::ClaimIsReleasedByALateHolder,
        "a late holder cannot release",
    ),
    (
        F::ClaimIsForgottenWhenALateHolderReleases,
        "it is still in progress",
    ),
    (F::SuccessorCannotComplete, "its successor can complete"),
    (
        F::LateCompletionIsRejected,
        "a late holder that nobody succeeded can complete",
    ),
    (F::LateCompletionIsForgotten, "that counts as completed"),
    (F::KeysIgnoreCase, "keys are compared whole"),
    (F::KeysAreCut, "keys are compared whole"),
    (F::KeysLackTheTenant, "keys are compared whole"),
    (F::KeysAreNotFoundAgain, "keys are found again"),
];

#[tokio::test]
async fn a_store_that_breaks_a_rule_is_told_which() {
    for (flaw, rule) in RULES {
        let complaint = complaint(flaw).await;
        let complaint = complaint.unwrap_or_else(|| panic!("{flaw:?} is not found"));
        assert!(complaint.contains(rule), "{flaw:?}: {complaint}");
    }
}
