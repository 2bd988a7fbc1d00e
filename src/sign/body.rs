//! The body of a signed request.

use crate::whole_body::define_whole_body;

define_whole_body! {
    /// The body of a signed request: the bytes that the signature covers, in one frame.
    SignedBody
}
