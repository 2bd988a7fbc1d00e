// The first definition of a link counts: in these docs, the links of the README lead to the items themselves.
//! [`RedisStore`]: RedisStore
//! [tower-svix]: tower_svix
#![doc = include_str!("../README.md")]

mod store;

pub use self::store::RedisStore;
