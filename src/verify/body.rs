//! The body that the inner service gets.

use crate::body::define_fixed_body;

define_fixed_body! {
    /// The body of a verified request: the signed bytes, all of them, in one frame.
    ///
    /// Trailers of the request as it was received are gone, since no signature covers them.
    VerifiedBody
}
