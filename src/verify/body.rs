//! The body that the inner service receives.

use crate::body::define_fixed_body;

define_fixed_body! {
    /// The body of a verified request: all the signed bytes, in one frame.
    ///
    /// The trailers of the request are dropped, because no signature covers them.
    ///
    /// [`VerifiedEvent::payload`](crate::VerifiedEvent::payload) returns the same bytes. See
    /// [`verify`](crate::verify#examples) for an example.
    VerifiedBody
}
