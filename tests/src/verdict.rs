//! Checks that the result of a case is the expected one.

use std::fmt::Debug;
use std::time::{Duration, UNIX_EPOCH};

use http::StatusCode;
use tower_svix::{KeyError, VerifiedEvent};

use crate::case::{Case, Expect, REJECTED_FOR_THEIR_KEY};
use crate::recorder::Call;

/// Checks each case. Fails with the names of all cases that fail.
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
    /// Checks that the case expects one of the keys to be rejected.
    pub fn judge_rejected_key(&self, error: KeyError) -> Result<(), String> {
        // Without ed25519, every public key is rejected, also in cases that expect another rejection.
        let is_unsupported = error == KeyError::Ed25519Unsupported && !cfg!(feature = "ed25519");
        let is_no_key = REJECTED_FOR_THEIR_KEY.contains(&&*self.name);
        if self.expect == Expect::Reject && (is_no_key || is_unsupported) {
            Ok(())
        } else {
            Err(format!("a key was rejected: {error}"))
        }
    }

    /// Checks that the middleware did with a request what this case expects.
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

    /// Checks that an event has what this case has.
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

/// Like `assert_eq!`, for a check that continues with the other cases.
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
