//! The proof that a delivery was verified.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;

use super::header_family::HeaderFamily;
use super::timestamp;

/// An event from a delivery whose headers, timestamp and signature were verified.
///
/// Only verification creates one, so having it is the proof. [`SvixVerifyLayer`](crate::SvixVerifyLayer) puts it into
/// the extensions of each request that it lets through, and [`Verifier::verify`](crate::Verifier::verify) returns it. A
/// clone shares the payload.
///
/// A handler of axum takes it as an argument: `VerifiedEvent` with the feature `axum`, and `Extension<VerifiedEvent>`
/// without that feature. If the compiler says that a handler with an argument `VerifiedEvent` does not implement
/// `Handler`, enable the feature.
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
///
/// For examples that run, see [`verify`](crate::verify#examples) and, without Tower, [`Verifier`](crate::Verifier).
#[doc(alias = "webhook")]
#[doc(alias = "message")]
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
    /// Returns the unique id of the event. A retry of the sender has the same id.
    #[must_use]
    pub fn id(&self) -> &str {
        self.id.as_str()
    }

    /// Returns the time at which the sender made this delivery of the event.
    #[must_use]
    pub fn timestamp(&self) -> SystemTime {
        timestamp::system_time(self.unix_seconds)
            .expect("the headers take representable times only")
    }

    /// Returns the [`timestamp`](Self::timestamp) in seconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn unix_seconds(&self) -> u64 {
        self.unix_seconds
    }

    /// Returns the payload: the bytes of the body, exactly as they were signed.
    #[doc(alias = "body")]
    #[must_use]
    pub fn payload(&self) -> &Bytes {
        &self.payload
    }

    /// Copies the payload into a separate buffer, for an event that outlives its request, as in a queue or a cache.
    ///
    /// A payload that arrived in one piece is a part of the buffer that the server read it into. It keeps all of that
    /// buffer in memory: 16 KiB and more for a few bytes.
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

    /// Returns the index in the [`Keyring`](crate::Keyring) of the first key that verifies the delivery.
    ///
    /// During a rotation, it tells whether the sender already uses the new key.
    #[must_use]
    pub fn key_index(&self) -> usize {
        self.key_index
    }

    /// Returns the [tenant](crate::Keyring::tenant) whose keyring verified the delivery, if the keyring names one.
    #[must_use]
    pub fn tenant(&self) -> Option<&str> {
        self.tenant.as_deref()
    }

    /// Returns the family of headers that the delivery came with.
    #[must_use]
    pub fn header_family(&self) -> HeaderFamily {
        self.header_family
    }
}

/// The text of an id. It is a copy, so that an event in memory does not keep all the headers that arrived with it.
#[derive(Clone)]
pub(super) enum EventId {
    /// Nearly all ids are short, and need no allocation.
    Short {
        len: u8,
        text: [u8; Self::SHORT],
    },
    Long(Arc<str>),
}

impl EventId {
    /// With the length and the discriminant, an id takes 40 bytes, as a `HeaderValue` does.
    const SHORT: usize = 38;

    /// Copies an id, which is visible ASCII.
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

/// Omits the payload: it is the sender's data, and does not belong in a log.
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
