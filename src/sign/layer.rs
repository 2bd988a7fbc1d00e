//! The layer, and how it is configured.

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
#[doc(alias = "webhook")]
#[doc(alias = "sender")]
#[doc(alias = "hmac")]
#[doc(alias = "standard webhooks")]
#[doc(alias = "signature")]
pub struct SvixSignLayer {
    signer: Signer,
}

impl SvixSignLayer {
    /// Creates a layer that signs with `keys`: a [`Secret`](crate::Secret), a [`PrivateKey`](crate::PrivateKey), a
    /// [`SigningKey`], or an array or [`Vec`] of these.
    ///
    /// During a rotation, pass the new key and the old one. With an empty list, no request is sent: each fails with
    /// [`SignError::NoKey`](crate::SignError::NoKey).
    pub fn new(keys: impl IntoSigningKeys) -> Self {
        Self {
            signer: Signer::new(keys.into_signing_keys()),
        }
    }

    /// Adds a key to sign with, as a sender does during a rotation, until all receivers have the new key.
    pub fn also_sign_with(mut self, key: impl Into<SigningKey>) -> Self {
        self.signer.keys.push(key.into());
        self
    }

    /// Sets the family of the headers. Default: [`HeaderFamily::WEBHOOK`], which receivers of both families read.
    pub fn header_family(mut self, family: HeaderFamily) -> Self {
        self.signer.family = family;
        self
    }

    /// Sets the function that makes the id of a request without one. Default: `msg_` and 128 random bits in hexadecimal
    /// digits.
    ///
    /// An id must be unique, and consist of visible ASCII without a full stop.
    pub fn id_generator(mut self, generate: impl Fn() -> String + Send + Sync + 'static) -> Self {
        self.signer.id_generator = Some(Arc::new(generate));
        self
    }

    /// Sets the clock that provides the timestamps. Default: [`SystemClock`](crate::SystemClock).
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
