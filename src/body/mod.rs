//! The body types of the crate, and the claimed length of a request's body.

mod buffer;
mod fixed;
mod length;
mod response;

pub(crate) use self::buffer::BodyBuffer;
pub(crate) use self::fixed::{FixedBody, define_fixed_body};
pub(crate) use self::length::claimed_len;
pub use self::response::ResponseBody;
