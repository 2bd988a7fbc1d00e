//! The proof that a delivery was verified.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;

use super::header_family::HeaderFamily;
use super::timestamp;

/// A delivery whose signature, timestamp and headers were verified.
///
/// Only verification makes one, so to hold it is the proof. [`SvixVerify`](crate::verify::SvixVerify) puts it into the
/// extensions of the request that it lets through; [`Verifier::verify`](crate::Verifier::verify) returns it. A clone
/// shares the payload and allocates nothing.
///
/// A handler of axum takes it as an argument with the feature `axum`, and as `Extension<VerifiedEvent>` without. If the compiler
/// says that a handler with this argument does not implement `Handler`, that feature is missing.
///
/// # Example
///
/// ```
/// use tower_svix::VerifiedEvent;
///
/// fn handle<B>(request: &http::Request<B>) {
///     let event: &VerifiedEvent = request.extensions().get().expect("behind SvixVerifyLayer");
///     println!("{}: {} bytes", event.id(), event.payload().len());
/// }
/// ```
#[derive(Clone)]
pub struct VerifiedEvent {
    pub(super) id: EventId,
    pub(super) unix_seconds: u64,
    pub(super) payload: Bytes,
    pub(super) key_index: usize,
    pub(super) tenant: Option<Arc<str>>,
    pub(super) header_family: HeaderFamily,
}

impl VerifiedEvent {
    /// The unique id of the event. A sender that retries uses the same id again.
    #[must_use]
    pub fn id(&self) -> &str {
        self.id.as_str()
    }

    /// When the sender made this attempt to deliver the event.
    #[must_use]
    pub fn timestamp(&self) -> SystemTime {
        timestamp::system_time(self.unix_seconds)
            .expect("the headers take representable times only")
    }

    /// The same as [`timestamp`](Self::timestamp), in seconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn unix_seconds(&self) -> u64 {
        self.unix_seconds
    }

    /// The body, exactly as it was signed.
    #[must_use]
    pub fn payload(&self) -> &Bytes {
        &self.payload
    }

    /// Returns the event with a payload of its own, to be kept.
    ///
    /// A payload that arrived in one piece is a part of the buffer that the server read it into, and keeps all of that
    /// in memory: 16 KiB and more for a few bytes. This copies it, which is worth it for an event that outlives its
    /// request, in a queue or a cache for example.
    ///
    /// ```
    /// use std::sync::mpsc::Sender;
    /// use tower_svix::VerifiedEvent;
    ///
    /// fn enqueue<B>(request: &http::Request<B>, queue: &Sender<VerifiedEvent>) {
    ///     let event: &VerifiedEvent = request.extensions().get().expect("behind SvixVerifyLayer");
    ///     queue.send(event.clone().compact()).expect("the worker runs");
    /// }
    /// ```
    #[must_use]
    pub fn compact(mut self) -> Self {
        self.payload = Bytes::copy_from_slice(&self.payload);
        self
    }

    /// The position in the [`Keyring`](crate::Keyring) of the key that signed the delivery, counted from 0.
    ///
    /// During a rotation it tells whether the sender uses the new key yet.
    #[must_use]
    pub fn key_index(&self) -> usize {
        self.key_index
    }

    /// The [tenant](crate::Keyring::tenant) whose keyring verified the delivery, if the keyring names one.
    #[must_use]
    pub fn tenant(&self) -> Option<&str> {
        self.tenant.as_deref()
    }

    /// The family of headers that the delivery came with.
    #[must_use]
    pub fn header_family(&self) -> HeaderFamily {
        self.header_family
    }
}

/// The text of an id: a copy, so that an event that is kept does not keep all headers that arrived with it.
#[derive(Clone)]
pub(super) enum EventId {
    /// Nearly all ids are short, and take no allocation.
    Short {
        len: u8,
        text: [u8; Self::SHORT],
    },
    Long(Arc<str>),
}

impl EventId {
    /// With the length and the kind, 40 bytes, as many as a `HeaderValue` has.
    const SHORT: usize = 38;

    /// Takes visible ASCII.
    #[inline]
    pub(super) fn new(id: &[u8]) -> Self {
        let mut text = [0; Self::SHORT];
        if let (Some(start), Ok(len)) = (text.get_mut(..id.len()), id.len().try_into()) {
            start.copy_from_slice(id);
            Self::Short { len, text }
        } else {
            Self::Long(ascii(id).into())
        }
    }

    fn as_str(&self) -> &str {
        match self {
            Self::Short { len, text } => ascii(&text[..usize::from(*len)]),
            Self::Long(text) => text,
        }
    }
}

fn ascii(text: &[u8]) -> &str {
    str::from_utf8(text).expect("the headers take visible ASCII only")
}

/// Leaves the payload out: it is the sender's data, and does not belong in a log.
impl fmt::Debug for VerifiedEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifiedEvent")
            .field("id", &self.id())
            .field("unix_seconds", &self.unix_seconds)
            .field("payload_len", &self.payload.len())
            .field("key_index", &self.key_index)
            .field("tenant", &self.tenant)
            .field("header_family", &self.header_family)
            .finish()
    }
}
