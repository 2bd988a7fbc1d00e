//! How requests are signed.

use std::sync::Arc;

use tower_layer::Layer;

use super::into_signing_keys::IntoSigningKeys;
use super::service::SvixSign;
use super::signer::Signer;
use crate::clock::Clock;
use crate::signature::{HeaderFamily, SigningKey};

/// Layer that applies [`SvixSign`], which signs requests on their way out.
///
/// See the [module docs](crate::sign) for an example.
#[derive(Clone, Debug)]
#[must_use]
pub struct SvixSignLayer {
    signer: Signer,
}

impl SvixSignLayer {
    /// Signs with `keys`: a [`Secret`](crate::Secret), a private key, a [`SigningKey`], or an array or `Vec` of these.
    ///
    /// During a rotation, these are the new key and the old one. Without any key, no request is sent: each is the error
    /// [`SignError::NoKey`](crate::SignError::NoKey).
    pub fn new(keys: impl IntoSigningKeys) -> Self {
        Self {
            signer: Signer::new(keys.into_signing_keys()),
        }
    }

    /// Signs with `key` too, as a sender does during a rotation, until all receivers know the new key.
    pub fn also_sign_with(mut self, key: impl Into<SigningKey>) -> Self {
        self.signer.keys.push(key.into());
        self
    }

    /// Sets the family of headers that requests get. Default: [`HeaderFamily::WEBHOOK`], which receivers of both read.
    pub fn header_family(mut self, family: HeaderFamily) -> Self {
        self.signer.family = family;
        self
    }

    /// Sets what makes the id of a request that has none yet. Default: `msg_` and 128 random bits in hexadecimal digits.
    ///
    /// An id must be unique, and visible ASCII without a full stop.
    pub fn id_generator(mut self, generate: impl Fn() -> String + Send + Sync + 'static) -> Self {
        self.signer.id_generator = Some(Arc::new(generate));
        self
    }

    /// Sets the clock that tells the timestamp. Default: [`SystemClock`](crate::SystemClock).
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.signer.clock = Arc::new(clock);
        self
    }
}

impl<S> Layer<S> for SvixSignLayer {
    type Service = SvixSign<S>;

    fn layer(&self, inner: S) -> Self::Service {
        SvixSign::new(inner, Arc::new(self.signer.clone()))
    }
}
