//! What the fuzz targets, the forger and the generator of seeds share.
//!
//! [`reference`] judges deliveries by the documentation alone, and has nothing of the crate in it. [`encoding`] makes
//! inputs that can be written as well as read; [`keys`], [`headers`], [`body`] and [`receiver`] are what inputs consist of.
//! [`inner`] is a service that keeps what reached it, [`drive`] runs a future without any runtime, [`vectors`] are the
//! cases of `tests/vectors`, and [`model`] is the simplest store of ids. [`input`] has the inputs that seeds are made for.

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
