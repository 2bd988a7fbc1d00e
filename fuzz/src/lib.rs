//! What the fuzz targets, the forger and the generator of seeds share.
//!
//! [`reference`] judges deliveries by the documentation alone, and uses nothing of the crate. [`encoding`] makes inputs
//! that can also be written. [`keys`], [`headers`], [`body`] and [`receiver`] are the parts of inputs, and [`input`]
//! has the inputs of the targets with seeds. [`inner`] is a service that keeps what it gets, [`drive`] runs a future
//! without a runtime, [`vectors`] has the cases of `tests/vectors`, and [`model`] is the simplest store of ids.

pub mod body;
pub mod drive;
pub mod encoding;
pub mod headers;
pub mod inner;
pub mod input;
pub mod keys;
pub mod model;
pub mod receiver;
pub mod reference;
pub mod vectors;
