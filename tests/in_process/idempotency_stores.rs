//! The memory store follows the contract, and stays within its bounds.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use tower_svix::idempotency::{
    ClaimStatus, ClaimToken, EventKey, Fingerprint, MemoryStore, Store, StoreError,
};
use tower_svix::test_util::conformance;
use tower_svix_tests::stores::{
    LEASE, ManualTime, RETENTION, completed, fingerprint, key, process, token,
};

#[tokio::test]
async fn the_memory_store_conforms() {
    let time = ManualTime::default();
    let store = MemoryStore::new().clock(time.clone());
    conformance::check(&store, async |duration| time.pass(duration)).await;
    // Also with the system's clock, and shared.
    conformance::check(&Arc::new(MemoryStore::new()), async |duration| {
        tokio::time::sleep(duration).await;
    })
    .await;
}

#[tokio::test]
async fn a_full_memory_store_forgets_what_would_expire_first() {
    let time = ManualTime::default();
    let store = MemoryStore::with_capacity(3).clock(time.clone());
    for id in 0..4 {
        process(&store, &key(id)).await;
        time.pass(Duration::from_secs(1));
    }
    assert_eq!((store.len(), store.evicted()), (3, 1));
    for id in 1..4 {
        let claim = store.claim(&key(id), token(), LEASE).await.unwrap();
        assert_eq!(claim, completed(), "{id}");
    }
    process(&store, &key(0)).await;
    assert_eq!((store.len(), store.evicted()), (3, 2));
}

/// Together, the parts of the store have room for as many events as it was asked for.
#[tokio::test]
async fn a_memory_store_has_room_for_as_many_as_it_is_asked_for() {
    let capacity = 3 * 4096 + 2;
    let store = MemoryStore::with_capacity(capacity);
    assert!(store.is_empty());
    process(&store, &key(0)).await;
    assert!(!store.is_empty());
    for id in 1..3 * capacity {
        process(&store, &key(id)).await;
    }
    assert_eq!(store.len(), capacity);
    assert_eq!(store.evicted(), 2 * capacity as u64);
}

/// Otherwise, an attacker could choose ids that all end up in one part, and fill it.
#[tokio::test]
async fn nobody_knows_which_part_of_a_memory_store_an_id_is_in() {
    let capacity = 4 * 4096;
    let mut found_room = Vec::new();
    for _ in 0..2 {
        let store = MemoryStore::with_capacity(capacity);
        let mut has_room = Vec::new();
        for id in 0..capacity {
            has_room.push(store.claim(&key(id), token(), LEASE).await.is_ok());
        }
        found_room.push(has_room);
    }
    assert!(found_room[0] != found_room[1], "they are in the same parts");
}

#[tokio::test]
async fn a_running_claim_is_never_forgotten() {
    let time = ManualTime::default();
    let store = MemoryStore::with_capacity(2).clock(time.clone());
    let first = token();
    store.claim(&key("a"), first, LEASE).await.unwrap();
    for id in 0..100 {
        process(&store, &key(id)).await;
    }
    let claim = store.claim(&key("a"), token(), LEASE).await.unwrap();
    assert!(matches!(claim, ClaimStatus::InProgress { .. }), "{claim:?}");

    store.claim(&key("b"), token(), LEASE).await.unwrap();
    let rejected = store.claim(&key("c"), token(), LEASE).await;
    assert!(rejected.unwrap_err().to_string().contains("full"));
    let rejected = store
        .complete(&key("c"), token(), fingerprint(), RETENTION)
        .await;
    rejected.unwrap_err();
    // An event that is in the store can be settled, and makes room.
    store
        .complete(&key("a"), first, fingerprint(), RETENTION)
        .await
        .unwrap();
    process(&store, &key("c")).await;
    store.claim(&key("d"), token(), LEASE).await.unwrap();
    store.claim(&key("e"), token(), LEASE).await.unwrap_err();
    // Its lease can also pass.
    time.pass(LEASE);
    process(&store, &key("e")).await;
}

#[tokio::test]
async fn expired_ids_leave_the_memory_store_of_themselves() {
    let time = ManualTime::default();
    let store = MemoryStore::with_capacity(4096).clock(time.clone());
    for id in 0..1000 {
        process(&store, &key(id)).await;
        store
            .claim(&key(format!("abandoned {id}")), token(), LEASE)
            .await
            .unwrap();
    }
    assert_eq!(store.len(), 2000);
    time.pass(RETENTION);
    for id in 1000..2000 {
        process(&store, &key(id)).await;
    }
    assert_eq!((store.len(), store.evicted()), (1000, 0));
}

#[tokio::test]
async fn every_lease_ends_on_time_though_few_are_removed_at_once() {
    let time = ManualTime::default();
    let store = MemoryStore::new().clock(time.clone());
    for id in 0..10_000 {
        store.claim(&key(id), token(), LEASE).await.unwrap();
    }
    time.pass(LEASE);
    for id in (0..10_000).rev() {
        let claim = store.claim(&key(id), token(), LEASE).await.unwrap();
        assert_eq!(claim, ClaimStatus::Claimed, "{id}");
    }
}

#[tokio::test]
async fn an_expired_id_makes_room_before_any_other() {
    let time = ManualTime::default();
    let store = MemoryStore::with_capacity(2).clock(time.clone());
    let long = token();
    store.claim(&key("long"), long, LEASE).await.unwrap();
    store
        .complete(&key("long"), long, fingerprint(), 2 * RETENTION)
        .await
        .unwrap();
    process(&store, &key("short")).await;
    time.pass(RETENTION);
    process(&store, &key("new")).await;
    assert_eq!(store.evicted(), 0);
    let claim = store.claim(&key("long"), token(), LEASE).await.unwrap();
    assert_eq!(claim, completed());
}

#[tokio::test]
async fn the_memory_store_holds_no_more_than_its_capacity() {
    for capacity in [0, 1, 5, 4096, 10_000] {
        let store = MemoryStore::with_capacity(capacity);
        let mut rejected = 0;
        for id in 0..=2 * capacity {
            let claim = store.claim(&key(id), token(), LEASE).await;
            rejected += usize::from(claim.is_err());
            assert!(store.len() <= capacity, "{capacity}");
        }
        assert_eq!(store.len(), capacity, "all of its parts are full by now");
        assert_eq!(rejected, capacity + 1);
    }
}

#[test]
fn threads_that_race_for_the_same_ids_win_each_once() {
    const IDS: usize = 2000;
    let store = MemoryStore::new();
    let won = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .build()
                    .unwrap();
                runtime.block_on(async {
                    for id in 0..IDS {
                        let (key, token) = (key(id), token());
                        if store.claim(&key, token, LEASE).await.unwrap() == ClaimStatus::Claimed {
                            won.fetch_add(1, Ordering::SeqCst);
                            store
                                .complete(&key, token, fingerprint(), RETENTION)
                                .await
                                .unwrap();
                        }
                    }
                });
            });
        }
    });
    assert_eq!(won.into_inner(), IDS);
    assert_eq!(store.len(), IDS);
}

#[test]
fn keys_tokens_and_fingerprints_are_shown_as_what_they_are() {
    let key = EventKey::new(Some("acme"), "msg_1");
    assert_eq!(key.to_string(), "4:acme:msg_1");
    assert_eq!(format!("{key:?}"), r#"EventKey("4:acme:msg_1")"#);

    let mut bytes = [0; 16];
    bytes[15] = 0xa5;
    let token = ClaimToken::from_bytes(bytes);
    assert_eq!(token.as_bytes(), &bytes);
    assert_eq!(token.to_string(), "000000000000000000000000000000a5");
    assert_eq!(
        format!("{token:?}"),
        "ClaimToken(000000000000000000000000000000a5)"
    );

    let fingerprint = Fingerprint::from_bytes(bytes);
    assert_eq!(fingerprint.to_string(), "000000000000000000000000000000a5");
    assert_eq!(
        format!("{fingerprint:?}"),
        "Fingerprint(000000000000000000000000000000a5)"
    );
    assert_eq!(fingerprint.as_bytes(), &bytes);
}

#[test]
fn a_key_is_shown_on_one_line_in_visible_ascii_and_not_at_any_length() {
    for (id, shown) in [
        ("msg 1", ":msg 1"),
        ("a\nb\r\tc", ":a\\nb\\r\\tc"),
        ("\u{1b}[2J\0\u{7f}", ":\\u{1b}[2J\\u{0}\\u{7f}"),
        ("\u{202e}\u{2028}\u{e9}", ":\\u{202e}\\u{2028}\\u{e9}"),
        // So that no other text is shown in the same way.
        (r"a\nb", r":a\\nb"),
    ] {
        let key = EventKey::new(None, id);
        assert_eq!(key.to_string(), shown, "{id:?}");
        assert_eq!(key.as_str(), format!(":{id}"), "as a store has it");
    }
    for id in [
        "a".repeat(100_000),
        "\n".repeat(300),
        "\u{1f389}".repeat(300),
    ] {
        let shown = EventKey::new(Some("t"), &id).to_string();
        assert!((240..=256 + 3).contains(&shown.len()), "{shown}");
        assert!(shown.ends_with("..."), "{shown}");
    }
    let longest = "a".repeat(255);
    assert_eq!(
        EventKey::new(None, &longest).to_string(),
        format!(":{longest}")
    );
}

/// Senders choose the ids. What stores and logs keep of an id must not grow with it.
#[test]
fn a_long_key_is_short_and_no_other_key() {
    let long = |last: &str| format!("{}{last}", "a".repeat(1_000_000));
    let keys = [
        EventKey::new(None, &long("")),
        EventKey::new(None, &long("b")),
        EventKey::new(Some("acme"), &long("")),
        EventKey::new(Some(&long("")), ""),
        EventKey::new(None, &"a".repeat(511)),
        EventKey::new(None, &"a".repeat(512)),
        EventKey::new(None, &"\u{1f389}".repeat(128)),
    ];
    for (index, key) in keys.iter().enumerate() {
        assert!(key.as_str().len() <= 577, "{key}");
        assert!(!keys[..index].contains(key), "{key}");
        // Nor does an id that is made of its text.
        let text = key.as_str().strip_prefix(':').unwrap_or_default();
        let forged = EventKey::new(None, text);
        assert!(index == 4 || forged != *key, "{key}");
    }
    assert_eq!(keys[4].as_str(), format!(":{}", "a".repeat(511)));
    assert!(keys[2].as_str().starts_with("4:acme:aaa"), "{}", keys[2]);
    // `printf ':%0512d' 0 | tr 0 a | sha256sum`
    let expected = format!(
        ":{}:5be8036cde7a6c06637ac9d734671a92f98fcd210c0d67c3d59bbd83319522fb",
        "a".repeat(511)
    );
    assert_eq!(keys[5].as_str(), expected);
}

/// `printf %s "$payload" | sha256sum | head -c 32`
#[test]
fn a_fingerprint_is_the_first_half_of_a_sha_256() {
    for (payload, expected) in [
        ("", "e3b0c44298fc1c149afbf4c8996fb924"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223"),
    ] {
        let fingerprint = Fingerprint::of(payload.as_bytes());
        assert_eq!(fingerprint.to_string(), expected, "{payload:?}");
    }
}

#[test]
fn an_error_of_a_store_tells_its_cause_and_what_led_to_that() {
    #[derive(Debug)]
    struct Caused(io::Error);

    impl fmt::Display for Caused {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("the engine broke")
        }
    }

    impl Error for Caused {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&self.0)
        }
    }

    let error = StoreError::new(Caused(io::Error::other("the disk is full")));
    assert_eq!(
        error.to_string(),
        "the idempotency store failed: the engine broke"
    );
    let source = error.source().unwrap();
    assert_eq!(source.to_string(), "the disk is full");
}
