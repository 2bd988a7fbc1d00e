//! The front page and the pages of `docs` with samples in Rust, so that these are compiled and run as doctests.

#[doc = include_str!("../../README.md")]
struct Readme;

#[doc = include_str!("../../docs/DUPLICATES.md")]
struct Duplicates;

#[doc = include_str!("../../docs/FRAMEWORKS.md")]
struct Frameworks;

#[doc = include_str!("../../docs/KEYS.md")]
struct Keys;
