//! Whether what became of a case is what it expects.

use std::fmt::Debug;
use std::time::{Duration, UNIX_EPOCH};

use http::StatusCode;
use tower_svix::{KeyError, VerifiedEvent};

use crate::case::{Case, Expect, REJECTED_FOR_THEIR_KEY};
use crate::recorder::Call;

/// Checks each case, and fails with the names of all that do not hold.
pub fn check_each(
    cases: impl IntoIterator<Item = Case>,
    check: impl Fn(&Case) -> Result<(), String>,
) {
    let mut checked = 0;
    let mut failures = Vec::new();
    for case in cases {
        checked += 1;
        if let Err(failure) = check(&case) {
            failures.push(format!(
                "{}: {failure} ({:?}: {})",
                case.name, case.strictness, case.reason
            ));
        }
    }
    assert!(checked > 0, "there is no case");
    assert!(
        failures.is_empty(),
        "{} of {checked} cases failed:\n{}",
        failures.len(),
        failures.join("\n")
    );
}

impl Case {
    /// Whether it is right that one of the keys was rejected.
    pub fn judge_rejected_key(&self, error: KeyError) -> Result<(), String> {
        // Without ed25519 all public keys are rejected, those of cases with something else to reject as well.
        let is_unsupported = error == KeyError::Ed25519Unsupported && !cfg!(feature = "ed25519");
        let is_no_key = REJECTED_FOR_THEIR_KEY.contains(&&*self.name);
        if self.expect == Expect::Reject && (is_no_key || is_unsupported) {
            Ok(())
        } else {
            Err(format!("a key was rejected: {error}"))
        }
    }

    /// Whether a request through the middleware went as this case expects.
    pub fn judge(&self, status: StatusCode, calls: &[Call]) -> Result<(), String> {
        match self.expect {
            Expect::Reject => {
                expect_eq("calls of the inner service", calls.len(), 0)?;
                let expected = self.rejection_status();
                expect_eq("status", status.as_u16(), expected)
            }
            Expect::Accept => {
                let [call] = calls else {
                    return Err(format!("{status}, {} calls", calls.len()));
                };
                expect_eq("status", status, StatusCode::OK)?;
                expect_eq("body is the signed one", call.body == self.body(), true)?;
                expect_eq("trailers", call.trailers.as_ref(), None)?;
                self.judge_event(&call.event)
            }
        }
    }

    /// Whether an event says what this case does.
    pub fn judge_event(&self, event: &VerifiedEvent) -> Result<(), String> {
        let headers = self.header_map();
        let [id, timestamp, _] = self.header_names().map(|name| &headers[name]);
        let timestamp = timestamp.to_str().expect("ASCII");
        let unix_seconds: u64 = timestamp.parse().expect("a number");
        expect_eq("payload", event.payload() == &self.body(), true)?;
        expect_eq("id", event.id().as_bytes(), id.as_bytes())?;
        expect_eq("seconds", event.unix_seconds(), unix_seconds)?;
        expect_eq(
            "timestamp",
            event.timestamp(),
            UNIX_EPOCH + Duration::from_secs(unix_seconds),
        )?;
        expect_eq("family", event.header_family(), self.family())
    }
}

/// Like `assert_eq!`, for a check that goes on with the other cases.
pub fn expect_eq<T, U>(what: &str, found: T, expected: U) -> Result<(), String>
where
    T: PartialEq<U> + Debug + Copy,
    U: Debug + Copy,
{
    if found == expected {
        Ok(())
    } else {
        Err(format!("{what}: {found:?}, expected {expected:?}"))
    }
}
