//! The search for the key that signed a delivery.

use std::sync::Arc;

use super::check::Check;
use super::headers::SignatureHeaders;
use super::keys::{KeySet, Keyring};

/// A search that tries one key after another. Each makes passes over the body, which advance as the body arrives.
pub(crate) struct Search {
    keys: KeySet,
    /// `false` for a decoy, whose keys verify no delivery.
    is_genuine: bool,
    /// The current pass.
    pass: Option<Pass>,
    /// Where the next pass starts.
    next: Position,
}

/// A pass over the body. A secret makes one, and a public key makes one for each listed signature.
struct Pass {
    key_index: usize,
    check: Check,
    /// How many bytes of the body have gone through `check`.
    checked: usize,
}

#[derive(Default)]
struct Position {
    key_index: usize,
    /// How many attempts have been made with this key.
    attempt: usize,
}

/// The progress of a search.
pub(super) enum Progress {
    /// There are more bytes to [advance](Search::advance) through, or more keys to try.
    Unfinished {
        /// The work of this step beyond the bytes of the body, in bytes that could be hashed in the same time.
        cost: usize,
    },
    /// The key at this index signed the delivery.
    Found(usize),
    /// None of the keys signed the delivery.
    NotFound,
}

impl Search {
    /// Creates a search among these keys.
    #[inline]
    pub(crate) fn among(keyring: &Keyring) -> Self {
        Self {
            keys: keyring.snapshot(),
            is_genuine: true,
            pass: None,
            next: Position::default(),
        }
    }

    /// Creates a search with the keys of a decoy. It takes as long as a real search, and never finds a key.
    pub(crate) fn with_decoy(decoy: &Keyring) -> Self {
        Self {
            is_genuine: false,
            ..Self::among(decoy)
        }
    }

    /// Whether a listed signature has a form that one of the keys makes.
    #[inline]
    pub(super) fn can_succeed<V: AsRef<[u8]>>(&self, headers: &SignatureHeaders<V>) -> bool {
        let mut keys = self.keys.keys().iter();
        keys.any(|key| headers.signatures.holds(key.form()))
    }

    /// Prepares the search for a wait.
    pub(super) fn keep(&mut self) {
        self.keys.keep();
    }

    /// Returns the tenant whose keys these are. Call at most once.
    pub(super) fn take_tenant(&mut self) -> Option<Arc<str>> {
        self.keys.tenant.take()
    }

    /// Checks at most `budget` bytes of `body` that are not checked yet, and returns their number. `body` must start
    /// with the bytes of earlier calls.
    #[inline]
    pub(super) fn advance<V: AsRef<[u8]>>(
        &mut self,
        headers: &SignatureHeaders<V>,
        body: &[u8],
        budget: usize,
    ) -> usize {
        let Some(pass) = self.pass(headers) else {
            return 0;
        };
        let rest = &body[pass.checked..];
        let part = &rest[..rest.len().min(budget)];
        pass.check.update(part);
        pass.checked += part.len();
        part.len()
    }

    /// Ends the current pass, once a body of `len` bytes has gone through it.
    #[inline]
    pub(super) fn conclude<V: AsRef<[u8]>>(
        &mut self,
        headers: &SignatureHeaders<V>,
        len: usize,
    ) -> Progress {
        let Some(pass) = self.pass(headers) else {
            return Progress::NotFound;
        };
        if pass.checked < len {
            return Progress::Unfinished { cost: 0 };
        }
        let key_index = pass.key_index;
        let cost = pass.check.cost();
        let is_match = pass.check.is_match(&headers.signatures);
        // A finished check is as good as the key. It is dropped in place and not moved, so that it is wiped.
        self.pass = None;
        if is_match && self.is_genuine {
            Progress::Found(key_index)
        } else {
            Progress::Unfinished {
                cost: cost + headers.cost_of_pass(),
            }
        }
    }

    /// Returns the current pass, or otherwise the next one, if any is left.
    #[inline]
    fn pass<V: AsRef<[u8]>>(&mut self, headers: &SignatureHeaders<V>) -> Option<&mut Pass> {
        if self.pass.is_none() {
            self.start_next_pass(headers);
        }
        self.pass.as_mut()
    }

    fn start_next_pass<V: AsRef<[u8]>>(&mut self, headers: &SignatureHeaders<V>) {
        while let Some(key) = self.keys.keys().get(self.next.key_index) {
            let key_index = self.next.key_index;
            if let Some(check) = key.check(&headers.signatures, &mut self.next.attempt) {
                let pass = self.pass.insert(Pass {
                    key_index,
                    check,
                    checked: 0,
                });
                start(
                    &mut pass.check,
                    headers.id.as_ref(),
                    headers.timestamp.as_ref(),
                );
                return;
            }
            self.next = Position {
                key_index: key_index + 1,
                attempt: 0,
            };
        }
    }
}

/// Feeds a check with what precedes the body in the signed text: in one piece if it is short, as usual.
#[inline]
fn start(check: &mut Check, id: &[u8], timestamp: &[u8]) {
    let mut piece = [0; 64];
    let len = id.len() + timestamp.len() + 2;
    if let Some(piece) = piece.get_mut(..len) {
        piece[..id.len()].copy_from_slice(id);
        piece[id.len()] = b'.';
        piece[id.len() + 1..len - 1].copy_from_slice(timestamp);
        piece[len - 1] = b'.';
        check.update(piece);
    } else {
        for part in [id, b".", timestamp, b"."] {
            check.update(part);
        }
    }
}
