//! ed25519 keys, compared with `ed25519-dalek`.
#![cfg(feature = "ed25519")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use ed25519_dalek::Signer as _;
use futures_util::FutureExt as _;
use tower_svix::{
    KeyError, Keyring, PrivateKey, PublicKey, Rejection, Secret, SignError, SigningKey,
    SvixVerifyLayer, VerifyError, VerifyingKey,
};
use tower_svix_tests::clock::At;
use tower_svix_tests::keys::{Answer, BODY, Case, ID, NOW, request};
use tower_svix_tests::keys_ed25519::{
    element, message, private_text, public_key, public_text, sender, signature,
};
use tower_svix_tests::run_counting_polls;

/// Returns the middleware's response, with these keys at [`NOW`], to [`BODY`] with these signatures.
fn answer(keys: impl Into<Keyring>, signatures: &str) -> Answer {
    let layer = SvixVerifyLayer::new(keys).clock(At(NOW));
    // Many signatures take several polls.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(tower_svix_tests::keys::answer(
        &layer,
        request("/", signatures),
    ))
}

#[test]
fn each_case_about_ed25519_ends_as_it_says() {
    let cases: Vec<_> = Case::all()
        .into_iter()
        .filter(|case| case.group == "asymmetric" || case.name.starts_with("real-v1a-"))
        .collect();
    assert_eq!(cases.len(), 29);

    let mut failures = Vec::new();
    for case in cases {
        let accepted = case.secret.parse::<VerifyingKey>().is_ok_and(|key| {
            let layer = SvixVerifyLayer::new(key).clock(At(case.now));
            let answer = tower_svix_tests::keys::answer(&layer, case.request()).now_or_never();
            answer
                .unwrap()
                .event
                .is_some_and(|event| event.payload() == &case.body())
        });
        let expected = match &*case.expect {
            "accept" => true,
            "reject" => false,
            other => panic!("{}: {other}", case.name),
        };
        if accepted != expected {
            failures.push(case.name);
        }
    }
    assert!(failures.is_empty(), "{failures:?}");
}

#[test]
fn a_delivery_of_svix_during_a_rotation_verifies_with_either_key() {
    let case = Case::named("real-v1a-6-key1");
    let new: PublicKey = case.secret.parse().unwrap();
    let old: PublicKey = Case::named("real-v1a-1-key0").secret.parse().unwrap();
    for (keys, expected) in [
        (vec![old.clone()], Some(0)),
        (vec![new.clone()], Some(0)),
        (vec![old, new.clone()], Some(0)),
        (vec![public_key(&sender(1)), new], Some(1)),
        (vec![public_key(&sender(1))], None),
    ] {
        let layer = SvixVerifyLayer::new(keys).clock(At(case.now));
        let answer = tower_svix_tests::keys::answer(&layer, case.request()).now_or_never();
        let key_index = answer.unwrap().event.map(|event| event.key_index());
        assert_eq!(key_index, expected);
    }
}

#[test]
fn a_keyring_may_mix_both_schemes() {
    let hmac = tower_svix_tests::keys::sender(1);
    let ed25519 = sender(2);
    let (v1, v1a) = (
        tower_svix_tests::keys::signature(&hmac),
        signature(&ed25519),
    );
    let both = || {
        let secret = VerifyingKey::from(tower_svix_tests::keys::secret(&hmac));
        [secret, public_key(&ed25519).into()]
    };
    let [forged_v1, forged_v1a] = [
        tower_svix_tests::keys::signature(&tower_svix_tests::keys::sender(9)),
        signature(&sender(9)),
    ];
    for (name, signatures, expected) in [
        ("HMAC", v1.clone(), Some(0)),
        ("ed25519", v1a.clone(), Some(1)),
        ("both", format!("{v1a} {v1}"), Some(0)),
        ("HMAC is forged", format!("{forged_v1} {v1a}"), Some(1)),
        ("ed25519 is forged", format!("{forged_v1a} {v1}"), Some(0)),
        ("both are forged", format!("{forged_v1} {forged_v1a}"), None),
        ("HMAC as v1a", v1.replace("v1,", "v1a,"), None),
        ("ed25519 as v1", v1a.replace("v1a,", "v1,"), None),
    ] {
        let answer = answer(both(), &signatures);
        let key_index = answer.event.map(|event| event.key_index());
        assert_eq!(key_index, expected, "{name}");
    }
}

#[test]
fn a_list_without_a_signature_of_the_scheme_is_told_from_a_wrong_one() {
    let unsupported = Some(Rejection::Unverified(VerifyError::NoSupportedSignature));
    let v1 = tower_svix_tests::keys::signature(&tower_svix_tests::keys::sender(1));
    assert_eq!(answer(public_key(&sender(1)), &v1).rejection, unsupported);
    let v1a = signature(&sender(1));
    let hmac = tower_svix_tests::keys::secret(&tower_svix_tests::keys::sender(1));
    assert_eq!(answer(hmac, &v1a).rejection, unsupported);
}

mod bound {
    use super::*;

    /// The order of the group, in little endian.
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
        0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];

    /// Returns well-formed signatures that are not valid.
    fn wrong(count: u8) -> Vec<String> {
        (0..count)
            .map(|number| signature(&sender(100 + number)))
            .collect()
    }

    /// Svix lists the signature of the current key first, then those of up to ten old keys, the oldest first. A
    /// receiver that has the key before the current one finds its signature at the end.
    #[test]
    fn each_of_the_eleven_signatures_that_svix_can_list_is_tried() {
        let sender = sender(1);
        for before in 0..=10 {
            let mut list = wrong(before);
            list.push(signature(&sender));
            answer(public_key(&sender), &list.join(" ")).accepted();
            list.extend(wrong(10 - before));
            answer(public_key(&sender), &list.join(" ")).accepted();
        }
    }

    #[test]
    fn a_twelfth_v1a_signature_is_not_tried() {
        let sender = sender(1);
        for before in 11..=13 {
            let mut list = wrong(before);
            list.push(signature(&sender));
            answer(public_key(&sender), &list.join(" ")).assert_mismatch();
        }
    }

    #[test]
    fn eleven_v1a_signatures_are_tried_with_each_key() {
        let (first, second) = (sender(1), sender(2));
        let keys = || [public_key(&first), public_key(&second)];
        let mut list = wrong(10);
        list.push(signature(&second));
        let event = answer(keys(), &list.join(" ")).accepted();
        assert_eq!(event.key_index(), 1);

        list.insert(0, signature(&sender(9)));
        answer(keys(), &list.join(" ")).assert_mismatch();
    }

    /// Each pass over the body uses up a part of what a poll may do. One poll is enough only if there is no pass.
    #[test]
    fn a_signature_that_can_hold_for_no_message_makes_no_pass() {
        let of_bytes = |change: fn(&mut [u8; 64])| {
            let mut bytes = sender(9).sign(&message(BODY)).to_bytes();
            change(&mut bytes);
            element(&bytes)
        };
        let polls = |signature: &str| {
            let list = [signature; 11].join(" ");
            let layer = SvixVerifyLayer::new([public_key(&sender(1)), public_key(&sender(2))]);
            let layer = layer.clock(At(NOW));
            let answer = tower_svix_tests::keys::answer(&layer, request("/", &list));
            let (answer, polls) = run_counting_polls(answer);
            answer.assert_mismatch();
            polls
        };
        assert!(polls(&signature(&sender(9))) > 3, "22 passes");
        for (name, signature) in [
            ("not base64", format!("v1a,{}", "!".repeat(88))),
            ("unused bits", format!("v1a,{}B==", "A".repeat(85))),
            ("padding within", format!("v1a,{}====", "A".repeat(84))),
            (
                "s is the order",
                of_bytes(|bytes| bytes[32..].copy_from_slice(&ORDER)),
            ),
            (
                "s is the greatest",
                of_bytes(|bytes| bytes[32..].fill(0xff)),
            ),
            (
                "R is the identity",
                of_bytes(|bytes| {
                    bytes[..32].fill(0);
                    bytes[0] = 1;
                }),
            ),
            ("R is of order 4", of_bytes(|bytes| bytes[..32].fill(0))),
            (
                "R is not canonical",
                of_bytes(|bytes| {
                    bytes[..32].fill(0xff);
                    bytes[0] = 0xee;
                    bytes[31] = 0x7f;
                }),
            ),
        ] {
            assert_eq!(polls(&signature), 1, "{name}");
        }
    }

    #[test]
    fn malformed_signatures_and_those_of_other_versions_do_not_count() {
        let sender = sender(1);
        let genuine = signature(&sender);
        let mut list = wrong(10);
        for malformed in ["v1a,", "v1a", "v1a,AAAA", "v2,AAAA", "", ",", &genuine[4..]] {
            list.insert(0, malformed.into());
            list.push(malformed.into());
        }
        list.insert(0, genuine.replace("v1a,", "v1,"));
        list.insert(0, genuine.trim_end_matches('=').into());
        list.insert(
            0,
            tower_svix_tests::keys::signature(&tower_svix_tests::keys::sender(1)),
        );
        list.push(genuine);
        answer(public_key(&sender), &list.join(" ")).accepted();
    }
}

mod keys {
    use super::*;

    #[test]
    fn a_private_key_is_rejected_by_a_receiver_and_a_public_one_by_a_sender() {
        let sender = sender(1);
        let private = private_text(&sender);
        let public = public_text(sender.verifying_key().as_bytes());
        assert_eq!(private.parse::<Secret>().unwrap_err(), KeyError::PrivateKey);
        assert_eq!(
            private.parse::<PublicKey>().unwrap_err(),
            KeyError::PrivateKey
        );
        assert_eq!(
            private.parse::<Keyring>().unwrap_err(),
            KeyError::PrivateKey
        );
        assert_eq!(public.parse::<Secret>().unwrap_err(), KeyError::PublicKey);
        assert_eq!(
            public.parse::<PrivateKey>().unwrap_err(),
            KeyError::PublicKey
        );
        assert_eq!(
            public.parse::<SigningKey>().unwrap_err(),
            KeyError::PublicKey
        );
    }

    #[test]
    fn a_secret_is_no_key_of_ed25519() {
        let text = tower_svix_tests::keys::sender(1).secret();
        assert_eq!(text.parse::<PublicKey>().unwrap_err(), KeyError::Secret);
        assert_eq!(text.parse::<PrivateKey>().unwrap_err(), KeyError::Secret);
    }

    #[test]
    fn a_text_that_is_neither_is_rejected_for_what_it_looks_like() {
        const BASE64: &str = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
        for (text, expected) in [
            (BASE64.to_owned(), KeyError::Secret),
            ("xxxxxxxxxxxxxxxx".to_owned(), KeyError::Placeholder),
            (format!("\"{BASE64}\""), KeyError::Quoted),
            (format!("PUBLIC_KEY={BASE64}"), KeyError::Assignment),
            (format!("Bearer {BASE64}"), KeyError::Bearer),
            (format!("\u{200e}{BASE64}"), KeyError::Invisible),
            (format!("{BASE64},{BASE64}"), KeyError::List),
            (format!("WHPK_{BASE64}"), KeyError::MisspelledPrefix),
        ] {
            let error = text.parse::<PublicKey>().unwrap_err();
            assert_eq!(error, expected, "{text}");
            let error = text.parse::<PrivateKey>().unwrap_err();
            assert_eq!(error, expected, "{text} as a PrivateKey");
        }
    }

    #[test]
    fn a_private_key_signs_the_same_by_itself_and_as_a_signing_key() {
        let key: PrivateKey = private_text(&sender(1)).parse().unwrap();
        let signature = key.sign(ID, NOW, BODY).unwrap();
        assert_eq!(SigningKey::from(key).sign(ID, NOW, BODY), Ok(signature));
    }

    #[test]
    fn a_text_of_several_keys_is_a_keyring_in_their_order() {
        let hmac = tower_svix_tests::keys::sender(1);
        let ed25519 = sender(2);
        let public = public_text(ed25519.verifying_key().as_bytes());
        for text in [
            format!("{} {public}", hmac.secret()),
            format!("{}, {public}\n", hmac.secret()),
            format!("\t{}|{public}|", hmac.secret()),
        ] {
            let keyring: Keyring = text.parse().unwrap();
            let v1 = tower_svix_tests::keys::signature(&hmac);
            for (signature, index) in [(v1, 0), (signature(&ed25519), 1)] {
                let event = answer(keyring.clone(), &signature).accepted();
                assert_eq!(event.key_index(), index, "{text:?}");
            }
        }
        for text in ["", " ", ",", " | "] {
            assert_eq!(text.parse::<Keyring>().unwrap_err(), KeyError::Empty);
        }
        for (other, expected) in [
            ("whsec_!", KeyError::NotBase64),
            ("whsec_", KeyError::Empty),
            ("development", KeyError::NoPrefix),
            ("PD8ILPZIo2LaLaSw", KeyError::NoPrefix),
        ] {
            let text = format!("{public} {other}");
            assert_eq!(text.parse::<Keyring>().unwrap_err(), expected, "{other}");
        }
    }

    #[test]
    fn a_private_key_signs_as_ed25519_dalek_does() {
        let sender = sender(1);
        let key: SigningKey = format!(" {}\n", private_text(&sender)).parse().unwrap();
        let expected = element(&sender.sign(&message(BODY)).to_bytes());
        assert_eq!(key.sign(ID, NOW, BODY).unwrap(), expected);
        for id in ["", "msg.1", "msg\n1"] {
            assert_eq!(key.sign(id, NOW, BODY), Err(SignError::InvalidId), "{id:?}");
        }
    }

    #[test]
    fn a_private_key_that_does_not_fit_its_public_half_is_rejected() {
        let mut keypair = sender(1).to_keypair_bytes();
        keypair[32..].copy_from_slice(sender(2).verifying_key().as_bytes());
        let text = |bytes: &[u8]| public_text(bytes).replace("whpk_", "whsk_");
        for (name, text, error) in [
            (
                "of another key",
                text(&keypair),
                KeyError::InvalidPrivateKey,
            ),
            (
                "the seed alone",
                text(&[1; 32]),
                KeyError::InvalidPrivateKey,
            ),
            (
                "too short",
                text(&keypair[..63]),
                KeyError::InvalidPrivateKey,
            ),
            ("too long", text(&[0; 65]), KeyError::InvalidPrivateKey),
            ("empty", text(&[]), KeyError::Empty),
            ("not base64", "whsk_?!?!".into(), KeyError::NotBase64),
        ] {
            assert_eq!(text.parse::<SigningKey>().unwrap_err(), error, "{name}");
        }
    }

    #[test]
    fn only_32_bytes_that_encode_a_point_are_a_public_key() {
        let point = sender(1).verifying_key().to_bytes();
        for (name, bytes) in [
            ("too short", &point[..31]),
            ("too long", &[&point[..], &[0]].concat()),
            ("no point", &[[2].as_slice(), &[0; 31]].concat()),
        ] {
            let rejected = public_text(bytes).parse::<PublicKey>().unwrap_err();
            assert_eq!(rejected, KeyError::InvalidPublicKey, "{name}");
        }
        public_text(&point).parse::<PublicKey>().unwrap();
    }

    #[test]
    fn debug_shows_the_scheme_and_nothing_else() {
        let sender = sender(1);
        assert_eq!(format!("{:?}", public_key(&sender)), "PublicKey(ed25519)");
        let key: SigningKey = private_text(&sender).parse().unwrap();
        assert_eq!(format!("{key:?}"), "SigningKey(PrivateKey(ed25519))");
    }
}
