//! The search for the key that signed a delivery.

use std::sync::Arc;

use super::check::Check;
use super::headers::SignatureHeaders;
use super::keys::{KeySet, Keyring};

/// Tries keys, one after another, each with a pass over the body that goes along as the body arrives.
pub(crate) struct Search {
    keys: KeySet,
    /// Whether the keys are anyone's: a decoy vouches for nothing.
    is_genuine: bool,
    /// The pass that is under way.
    pass: Option<Pass>,
    /// Where to look for the pass after it.
    next: Position,
}

/// A pass over the body: with a secret there is one, and with a public key one for each listed signature.
struct Pass {
    key_index: usize,
    check: Check,
    /// How many bytes of the body went through `check`.
    checked: usize,
}

#[derive(Default)]
struct Position {
    key_index: usize,
    /// How many attempts were made with this key.
    attempt: usize,
}

/// How far a search has come.
pub(super) enum Progress {
    /// There are bytes left to [advance](Search::advance) through, or other keys to try.
    Unfinished {
        /// What was done for this beyond the bytes of the body, in bytes that could be hashed in the same time.
        cost: usize,
    },
    /// The key at this index signed the delivery.
    Found(usize),
    /// None of the keys did.
    NotFound,
}

impl Search {
    /// A search among these keys.
    #[inline]
    pub(crate) fn among(keyring: &Keyring) -> Self {
        Self {
            keys: keyring.snapshot(),
            is_genuine: true,
            pass: None,
            next: Position::default(),
        }
    }

    /// A search with the keys of a decoy: it takes as long as a real one, and never finds a key.
    pub(crate) fn with_decoy(decoy: &Keyring) -> Self {
        Self {
            is_genuine: false,
            ..Self::among(decoy)
        }
    }

    /// Whether one of the keys can have made one of the listed signatures, as far as their form goes.
    #[inline]
    pub(super) fn can_succeed<V: AsRef<[u8]>>(&self, headers: &SignatureHeaders<V>) -> bool {
        let mut keys = self.keys.keys().iter();
        keys.any(|key| headers.signatures.holds(key.form()))
    }

    /// Makes the search fit to be held over a wait.
    pub(super) fn keep(&mut self) {
        self.keys.keep();
    }

    /// Whose keys these are. Call at most once.
    pub(super) fn take_tenant(&mut self) -> Option<Arc<str>> {
        self.keys.tenant.take()
    }

    /// Checks at most `budget` bytes of `body` that are not checked yet, and returns how many those were. `body` starts with
    /// the bytes that earlier calls were given.
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

    /// Ends the pass that is under way, once a body of `len` bytes has gone through it.
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
        // What a check leaves behind is as good as the key: it is replaced where it is, not moved, so that it is wiped.
        self.pass = None;
        if is_match && self.is_genuine {
            Progress::Found(key_index)
        } else {
            Progress::Unfinished {
                cost: cost + headers.cost_of_pass(),
            }
        }
    }

    /// The pass that is under way, or else the next one, if any is left.
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

/// Begins with what precedes the body in the text that is signed: in one piece if it is as short as usual.
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
