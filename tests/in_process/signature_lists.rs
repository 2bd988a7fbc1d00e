//! Lists of signatures: their elements, and which of them count.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use tower_svix::{Secret, SvixVerifyLayer, Verifier, VerifyError};
use tower_svix_tests::clock::At;
use tower_svix_tests::keys::{
    BODY, NOW, answer, hex_signature, request, secret, sender, signature,
};
use tower_svix_tests::run_counting_polls;

fn verdict(secret: Secret, signatures: &str) -> Option<VerifyError> {
    let verifier = Verifier::new(secret).clock(At(NOW));
    let headers = request("/", signatures).headers().clone();
    verifier.verify(&headers, BODY).err()
}

#[test]
fn an_element_may_end_with_one_comma_and_needs_no_version() {
    let genuine = &*signature(&sender(1));
    let forged = &*signature(&sender(2));
    let mac = &genuine["v1,".len()..];
    let wrong = &forged["v1,".len()..];
    let v1a = &*format!("v1a,{}==", "A".repeat(86));
    let mismatch = Some(VerifyError::SignatureMismatch);
    let unsupported = Some(VerifyError::NoSupportedSignature);
    for (name, list, expected) in [
        // Supabase does this, and so do proxies that join repeated headers.
        ("joined, first", format!("{genuine}, {forged}"), None),
        ("joined, second", format!("{forged}, {genuine}"), None),
        (
            "joined, third",
            format!("{forged}, {forged}, {genuine}"),
            None,
        ),
        ("joined with v1a", format!("{v1a}, {genuine}, {v1a}"), None),
        ("joined, none", format!("{forged}, {forged}"), mismatch),
        ("trailing comma", format!("{genuine},"), None),
        ("trailing comma, forged", format!("{forged},"), mismatch),
        ("trailing comma and space", format!("{genuine}, "), None),
        ("space and comma", format!("{genuine} ,"), None),
        ("comma, two spaces", format!("{forged},  {genuine}"), None),
        ("two commas", format!("{genuine},,"), unsupported),
        (
            "two commas beside another",
            format!("{genuine},, {forged}"),
            mismatch,
        ),
        ("comma before", format!(",{genuine}"), unsupported),
        (
            "comma without space",
            format!("{genuine},{forged}"),
            unsupported,
        ),
        ("semicolon", format!("{genuine}; {forged}"), mismatch),
        (
            "comma for padding",
            format!("{},", &genuine[..genuine.len() - 1]),
            unsupported,
        ),
        ("commas alone", ", , ,".into(), unsupported),
        ("version alone", "v1,, v1, v1".into(), unsupported),
        // Sweego does this.
        ("bare", mac.into(), None),
        ("bare, forged", wrong.into(), mismatch),
        ("bare, trailing comma", format!("{mac},"), None),
        ("bare, two commas", format!("{mac},,"), unsupported),
        ("bare, joined", format!("{wrong}, {mac}, {wrong}"), None),
        ("bare, beside a version", format!("{forged} {mac}"), None),
        ("bare, without padding", mac[..43].into(), unsupported),
        ("bare, cut", format!("{}=", &mac[..43][1..]), unsupported),
        ("bare, one more", format!("{mac}="), unsupported),
        (
            "bare, comma within",
            format!("{},{}", &mac[..20], &mac[21..]),
            unsupported,
        ),
        // Another version is another scheme, whatever follows it.
        ("v2", format!("v2,{mac}"), unsupported),
        ("v2, trailing comma", format!("v2,{mac},"), unsupported),
        ("v10", format!("v10,{mac}"), unsupported),
        ("v1a", format!("v1a,{mac}"), unsupported),
        ("V1", format!("V1,{mac}"), unsupported),
        ("no version but its comma", format!(",{mac}"), unsupported),
        ("v1 twice", format!("v1,v1,{mac}"), unsupported),
        ("another sign", format!("v1={mac}"), unsupported),
        // The version of an element does not apply to the next one.
        ("space behind the version", format!("v2, {wrong}"), mismatch),
    ] {
        assert_eq!(verdict(secret(&sender(1)), &list), expected, "{name}");
    }
}

#[test]
fn hexadecimal_digits_follow_the_same_rules() {
    const TEXT: &str = "the text is the key";
    let key = || Secret::text_key_with_hex_signatures(TEXT).unwrap();
    let tagged = hex_signature(&tower_svix_tests::sender::Sender::with_key(TEXT));
    let bare = &tagged["v1,".len()..];
    let wrong = "0".repeat(64);
    for (name, list, is_found) in [
        ("joined", format!("{tagged}, v1,{wrong}"), true),
        ("bare and joined", format!("{wrong}, {bare}, {wrong}"), true),
        ("trailing comma", format!("{bare},"), true),
        ("two commas", format!("{bare},,"), false),
        ("v2", format!("v2,{bare}"), false),
    ] {
        assert_eq!(verdict(key(), &list).is_none(), is_found, "{name}");
    }
}

#[test]
fn a_signature_is_found_at_any_place_of_a_long_list() {
    let genuine = signature(&sender(1));
    let others = [
        signature(&sender(2)),
        "v2,x".into(),
        "a".repeat(64),
        format!("v1a,{}==", "A".repeat(86)),
        String::new(),
    ];
    for place in (0..12).chain([200, 201, 202, 203, 204]) {
        for joint in [" ", ", "] {
            let mut list: Vec<_> = others.iter().cycle().take(210).collect();
            list[place] = &genuine;
            let list: Vec<&str> = list.into_iter().map(|element| &**element).collect();
            let found = verdict(secret(&sender(1)), &list.join(joint));
            assert_eq!(found, None, "at {place}, joined with {joint:?}");
        }
    }
}

/// The comparisons with each key count as work. A long list is compared with many keys over several polls.
#[test]
fn a_long_list_before_many_keys_does_not_hold_the_thread() {
    let keys = || (1..=32).map(|number| secret(&sender(number)));
    let layer = SvixVerifyLayer::new(keys().collect::<Vec<_>>()).clock(At(NOW));
    let polls = |listed: usize| {
        let list = vec![signature(&sender(99)); listed].join(" ");
        let (answer, polls) = run_counting_polls(answer(&layer, request("/", &list)));
        answer.assert_mismatch();
        polls
    };
    assert_eq!(polls(1), 1);
    // 8000 comparisons count as 16,000 bytes. A poll takes 128 KiB.
    let many = polls(8000);
    assert!((4..=5).contains(&many), "{many} polls");
}
