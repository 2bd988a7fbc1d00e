//! The names of keys in Redis: no two events share one, whatever their prefixes, tenants and ids are.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use proptest::prelude::*;
use redis::AsyncCommands as _;
use redis::aio::ConnectionManager;
use tower_svix::idempotency::{ClaimStatus, EventKey, Store as _};
use tower_svix_redis::RedisStore;
use tower_svix_tests::redis_server::RedisServer;
use tower_svix_tests::stores::{LEASE, token};

use super::blocking;

/// A prefix, a tenant and an id.
type Event = (String, Option<String>, String);

/// Claims all events, which are different, and returns the names of their keys.
async fn claim_all(connection: &ConnectionManager, events: &BTreeSet<Event>) -> Vec<String> {
    let mut connection = connection.clone();
    let () = redis::cmd("FLUSHALL")
        .query_async(&mut connection)
        .await
        .unwrap();
    for event in events {
        let (prefix, tenant, id) = event;
        let store = RedisStore::new(connection.clone(), &**prefix);
        let key = EventKey::new(tenant.as_deref(), id);
        let claim = store.claim(&key, token(), LEASE).await.unwrap();
        assert_eq!(claim, ClaimStatus::Claimed, "{event:?} of {events:?}");
    }
    connection.keys("*").await.unwrap()
}

#[tokio::test]
async fn two_prefixes_never_make_one_key() {
    let event = |prefix: &str, tenant: Option<&str>, id: &str| {
        (prefix.into(), tenant.map(Into::into), id.into())
    };
    let server = RedisServer::start();
    let connection = server.connect().await;
    for (name, one, other) in [
        (
            "the length of a tenant",
            event("billing", Some("acme"), "msg_1"),
            event("billing4", None, "acme:msg_1"),
        ),
        (
            "a separator",
            event("billing", None, "b:msg_1"),
            event("billing:b", None, "msg_1"),
        ),
        (
            "the end of a name",
            event("billing", None, "msg_1"),
            event("billing::msg_1:7", None, "msg_1"),
        ),
        (
            "no prefix",
            event("", Some("a"), "msg_1"),
            event("1", None, "a:msg_1"),
        ),
    ] {
        let names = claim_all(&connection, &BTreeSet::from([one, other])).await;
        assert_eq!(names.len(), 2, "{name}");
    }
}

/// The prefix distinguishes the names from those of other programs, and keeps its hash tag.
#[tokio::test]
async fn a_name_begins_with_the_prefix() {
    let server = RedisServer::start();
    let connection = server.connect().await;
    for (prefix, tenant, expected) in [
        ("billing:", None, "billing::msg_1:8"),
        ("billing:", Some("acme"), "billing:4:acme:msg_1:8"),
        ("{billing}:", None, "{billing}::msg_1:10"),
        ("", None, ":msg_1:0"),
        ("\u{fc}", None, "\u{fc}:msg_1:2"),
        // The text is not escaped.
        ("a", Some("\u{fc}\n"), "a3:\u{fc}\n:msg_1:1"),
    ] {
        let event = (
            prefix.to_owned(),
            tenant.map(str::to_owned),
            "msg_1".to_owned(),
        );
        let names = claim_all(&connection, &BTreeSet::from([event])).await;
        assert_eq!(names, [expected]);
    }
}

#[test]
fn no_two_events_share_a_key_whatever_they_are_called() {
    let (runtime, connection, _server) = blocking::start();
    // The alphabet is small, so that many events would have the same name if names were ambiguous.
    let any = || prop_oneof![4 => "[a12:]{0,4}", 1 => "\\PC{0,4}"];
    let event = (any(), proptest::option::of(any()), any());
    let events = proptest::collection::btree_set(event, 2..40);
    proptest!(ProptestConfig::with_cases(200), |(events in events)| {
        let names = runtime.block_on(claim_all(&connection, &events));
        prop_assert_eq!(names.len(), events.len());
    });
}
