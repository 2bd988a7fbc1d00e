//! The body of a signed request.

use crate::body::define_fixed_body;

define_fixed_body! {
    /// The body of a signed request: the bytes that the signature covers, in one frame.
    ///
    /// See [`sign`](crate::sign#example) for an example.
    SignedBody
}
