//! Which check rejects a delivery, and where exactly each limit is.

use std::time::{Duration, UNIX_EPOCH};

use http::{HeaderMap, HeaderValue};
use tower_svix::{HeaderFamily, VerifiedEvent, Verifier, VerifyError};
use tower_svix_tests::clock::{At, Broken};
use tower_svix_tests::fixture::{BODY, ID, NOW, secret, sender, signed};

fn verify(headers: &HeaderMap) -> Result<VerifiedEvent, VerifyError> {
    Verifier::new(secret()).clock(At(NOW)).verify(headers, BODY)
}

/// Returns the headers of a delivery with this text as its timestamp, and a valid signature.
fn signed_at(timestamp: &str) -> HeaderMap {
    let mut headers = signed(BODY);
    let signature = sender().sign(ID.as_bytes(), timestamp.as_bytes(), BODY);
    headers.insert("webhook-timestamp", value(timestamp));
    headers.insert("webhook-signature", value(&signature));
    headers
}

fn value(text: &str) -> HeaderValue {
    text.parse().expect("a legal value")
}

/// Returns the valid delivery in `svix-*` headers.
fn in_svix_headers() -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in &signed(BODY) {
        let name = name.as_str().replace("webhook-", "svix-");
        headers.insert(
            name.parse::<http::HeaderName>().expect("a name"),
            value.clone(),
        );
    }
    headers
}

#[test]
fn the_tolerance_includes_its_bounds() {
    for tolerance in [0, 1, 60, 300, 100_000] {
        let seconds = tolerance + 1;
        let verifier = Verifier::new(secret())
            .clock(At(NOW))
            .tolerance(Duration::from_secs(tolerance));
        for (timestamp, expected) in [
            (
                NOW - tolerance - 1,
                Some(VerifyError::TimestampTooOld { seconds }),
            ),
            (NOW - tolerance, None),
            (NOW, None),
            (NOW + tolerance, None),
            (
                NOW + tolerance + 1,
                Some(VerifyError::TimestampTooNew { seconds }),
            ),
        ] {
            let headers = signed_at(&timestamp.to_string());
            let error = verifier.verify(&headers, BODY).err();
            assert_eq!(error, expected, "{tolerance} s, {timestamp}");
        }
    }
}

#[test]
fn the_tolerance_is_five_minutes_unless_it_is_set() {
    for (age, expected) in [
        (300, None),
        (301, Some(VerifyError::TimestampTooOld { seconds: 301 })),
    ] {
        let error = verify(&signed_at(&(NOW - age).to_string())).err();
        assert_eq!(error, expected, "{age} s old");
    }
}

#[test]
fn a_timestamp_that_is_no_plain_number_is_rejected_though_it_is_signed() {
    for timestamp in [
        "",
        "+1700000000",
        "-1700000000",
        "01700000000",
        "00",
        "1700000000.0",
        "1.7e9",
        "1700000000 ",
        "0x6553f100",
        "18446744073709551615",
        "18446744073709551616",
        // Now plus 2^64, and now plus 2^128: the present time if the number wraps.
        "18446744075409551616",
        "340282366920938463463374607433468211456",
    ] {
        let headers = signed_at(timestamp);
        let strict = Verifier::new(secret()).clock(At(NOW));
        for verifier in [strict.clone(), strict.insecure_ignore_timestamp()] {
            let error = verifier.verify(&headers, BODY).err();
            assert_eq!(error, Some(VerifyError::MalformedTimestamp), "{timestamp}");
        }
    }
}

#[test]
fn a_delivery_of_any_age_is_accepted_where_the_age_is_ignored_without_a_clock() {
    let verifier = Verifier::new(secret())
        .clock(Broken)
        .insecure_ignore_timestamp();
    for timestamp in ["0", "1", "1700000000", "4294967296", "1000000000000"] {
        let event = verifier
            .verify(&signed_at(timestamp), BODY)
            .expect(timestamp);
        assert_eq!(event.unix_seconds().to_string(), timestamp);
    }
}

#[test]
fn a_timestamp_is_accepted_up_to_the_last_one_that_the_platform_represents() {
    let verifier = Verifier::new(secret()).insecure_ignore_timestamp();
    let last_on_unix = i64::MAX.unsigned_abs();
    for seconds in [
        10_u64.pow(18) - 1,
        10_u64.pow(18),
        last_on_unix,
        last_on_unix + 1,
    ] {
        let is_time = UNIX_EPOCH
            .checked_add(Duration::from_secs(seconds))
            .is_some();
        let verdict = verifier.verify(&signed_at(&seconds.to_string()), BODY);
        let expected = if is_time {
            Ok(seconds)
        } else {
            Err(VerifyError::MalformedTimestamp)
        };
        assert_eq!(
            verdict.map(|event| event.unix_seconds()),
            expected,
            "{seconds}"
        );
    }
}

#[test]
fn a_delivery_cannot_be_judged_without_a_clock() {
    let verifier = Verifier::new(secret()).clock(Broken);
    let error = verifier.verify(&signed(BODY), BODY).err();
    assert_eq!(error, Some(VerifyError::ClockUnavailable));
}

#[test]
fn a_list_without_a_signature_of_this_scheme_is_told_from_a_forged_one() {
    let genuine = sender().sign(ID.as_bytes(), b"1700000000", BODY);
    let forged = sender().sign(b"other", b"1700000000", BODY);
    let unsupported = Some(VerifyError::NoSupportedSignature);
    let mismatch = Some(VerifyError::SignatureMismatch);
    for (signatures, expected) in [
        (genuine.clone(), None),
        (forged.clone(), mismatch),
        (format!("{forged} v2,x v1"), mismatch),
        (format!("{forged} {genuine}"), None),
        ("v2,x".into(), unsupported),
        ("v1".into(), unsupported),
        ("v1,".into(), unsupported),
        ("v1,short".into(), unsupported),
        (format!("{genuine}="), unsupported),
        (genuine.replace("v1,", "v1a,"), unsupported),
        (" ".into(), unsupported),
        // As long as a signature, all together.
        (format!("v1,{:<43}v", "A"), unsupported),
        (format!("v1,{:<22}v1,{:<19}", "A", "A"), unsupported),
        (
            format!("v1,{} v1,{}", "A".repeat(20), "A".repeat(20)),
            unsupported,
        ),
        (
            format!(
                "v1,{} {} {}",
                "A".repeat(14),
                "A".repeat(14),
                "A".repeat(14)
            ),
            unsupported,
        ),
    ] {
        let mut headers = signed(BODY);
        headers.insert("webhook-signature", value(&signatures));
        assert_eq!(verify(&headers).err(), expected, "{signatures}");
    }
}

#[test]
fn a_signature_with_two_characters_changed_alike_is_rejected() {
    let genuine = sender().sign(ID.as_bytes(), b"1700000000", BODY);
    let positions = "v1,".len()..genuine.len();
    for first in positions.clone() {
        for second in (first + 1)..positions.end {
            let mut forged = genuine.clone().into_bytes();
            forged[first] ^= 1;
            forged[second] ^= 1;
            let mut headers = signed(BODY);
            let forged = HeaderValue::from_bytes(&forged).expect("visible ASCII");
            headers.insert("webhook-signature", forged);
            let error = verify(&headers).err();
            assert_eq!(
                error,
                Some(VerifyError::SignatureMismatch),
                "{first}, {second}"
            );
        }
    }
}

fn names(family: HeaderFamily) -> [&'static str; 3] {
    if family == HeaderFamily::SVIX {
        ["svix-id", "svix-timestamp", "svix-signature"]
    } else {
        ["webhook-id", "webhook-timestamp", "webhook-signature"]
    }
}

#[test]
fn the_missing_header_is_named_in_the_family_that_the_sender_meant() {
    for family in [HeaderFamily::SVIX, HeaderFamily::WEBHOOK] {
        let names = names(family);
        assert_eq!(
            names.map(http::HeaderName::from_static),
            [
                family.id_header(),
                family.timestamp_header(),
                family.signature_header(),
            ]
        );
        for missing in names {
            let mut headers = if family == HeaderFamily::SVIX {
                in_svix_headers()
            } else {
                signed(BODY)
            };
            headers.remove(missing);
            let error = verify(&headers).err();
            assert_eq!(error, Some(VerifyError::MissingHeader(missing)));
        }
    }
    let error = verify(&HeaderMap::new()).err();
    assert_eq!(error, Some(VerifyError::NoHeaders));
}

#[test]
fn a_pinned_family_is_the_only_one_that_is_read() {
    let verifier = |family| Verifier::new(secret()).clock(At(NOW)).header_family(family);
    for (pinned, own, other) in [
        (HeaderFamily::SVIX, in_svix_headers(), signed(BODY)),
        (HeaderFamily::WEBHOOK, signed(BODY), in_svix_headers()),
    ] {
        let event = verifier(pinned).verify(&own, BODY).expect("genuine");
        assert_eq!(event.header_family(), pinned);

        let error = verifier(pinned).verify(&other, BODY).err();
        assert_eq!(error, Some(VerifyError::MissingHeader(names(pinned)[0])));

        // Nonsense in the other family changes nothing.
        let mut both = own;
        for name in other.keys() {
            both.insert(name, HeaderValue::from_static("garbage"));
        }
        let event = verifier(pinned).verify(&both, BODY).expect("genuine");
        assert_eq!(event.header_family(), pinned);
    }
}

#[test]
fn a_dotted_id_is_accepted_only_where_it_is_allowed() {
    let headers = sender().headers("msg.1", NOW, BODY);
    let strict = Verifier::new(secret()).clock(At(NOW));
    let error = strict.verify(&headers, BODY).err();
    assert_eq!(error, Some(VerifyError::MalformedHeader("webhook-id")));

    let lax = strict.insecure_allow_dotted_ids();
    let event = lax.verify(&headers, BODY).expect("genuine");
    assert_eq!(event.id(), "msg.1");
}

#[test]
fn a_signature_is_found_where_a_list_has_it_as_an_element_and_nowhere_else() {
    let genuine = signed(BODY)["webhook-signature"]
        .to_str()
        .expect("text")
        .to_owned();
    let cut = &genuine[..genuine.len() - 1];
    let is_found = |list: &str| {
        let mut headers = signed(BODY);
        headers.insert("webhook-signature", value(list));
        verify(&headers).is_ok()
    };
    // Elements of each length before and after it, alone and in pairs.
    for len in 0..100 {
        for other in [
            "a".repeat(len),
            format!("{} {}", "a".repeat(len), "b".repeat(46 - len.min(46))),
        ] {
            for list in [
                format!("{other} {genuine}"),
                format!("{genuine} {other}"),
                format!("{other} {genuine} {other}"),
                format!("{other} {genuine},"),
                format!("{other}, {genuine}, {other}"),
            ] {
                assert!(is_found(&list), "{list}");
            }
            for list in [
                format!("{other} {cut}"),
                format!("{other} {genuine}x"),
                format!("{other} x{genuine}"),
                format!("{other} {genuine},x{other}"),
                format!("{other} {genuine},,"),
            ] {
                assert!(!is_found(&list), "{list}");
            }
        }
    }
}
