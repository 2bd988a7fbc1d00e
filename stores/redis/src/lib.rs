// The first definition of a link counts: in these docs, the links of the README lead to the items themselves.
//! [`RedisStore`]: RedisStore
//! [tower-svix]: tower_svix
//! [`examples/receive.rs`]: https://github.com/tower-svix/tower-svix/blob/main/stores/redis/examples/receive.rs
//! [`examples/cluster.rs`]: https://github.com/tower-svix/tower-svix/blob/main/stores/redis/examples/cluster.rs
#![doc = include_str!("../README.md")]

mod store;

pub use self::store::RedisStore;
