//! New secrets and key pairs.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::HashSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tower_svix::sign::generate;

const ID: &str = "msg_1";
const NOW: u64 = 1_700_000_000;
const BODY: &[u8] = b"{}";

mod secret {
    use super::*;
    use standardwebhooks::Webhook;
    use tower_svix::Secret;

    #[test]
    fn a_new_secret_has_32_bytes() {
        let text = generate::secret().unwrap();
        let base64 = text.expose().strip_prefix("whsec_").unwrap();
        assert_eq!(STANDARD.decode(base64).unwrap().len(), 32);
    }

    #[test]
    fn a_new_secret_signs_what_the_official_library_signs() {
        let text = generate::secret().unwrap();
        let secret: Secret = text.expose().parse().unwrap();
        let webhook = Webhook::new(text.expose()).unwrap();
        let expected = webhook.sign(ID, NOW.try_into().unwrap(), BODY).unwrap();
        assert_eq!(secret.sign(ID, NOW, BODY).unwrap(), expected);
    }

    #[test]
    fn no_two_secrets_are_the_same() {
        let texts: HashSet<_> = (0..1000)
            .map(|_| generate::secret().unwrap().expose().to_owned())
            .collect();
        assert_eq!(texts.len(), 1000);
    }

    /// A byte that is never filled would be 0 in all of them.
    #[test]
    fn every_byte_is_random() {
        let mut union = [0; 32];
        for _ in 0..100 {
            let text = generate::secret().unwrap();
            let key = STANDARD.decode(&text.expose()["whsec_".len()..]).unwrap();
            for (all, byte) in union.iter_mut().zip(key) {
                *all |= byte;
            }
        }
        assert!(union.iter().all(|byte| *byte != 0), "{union:?}");
    }

    #[test]
    fn debug_shows_nothing_of_it() {
        let text = generate::secret().unwrap();
        assert_eq!(format!("{text:?}"), "SecretText([redacted])");
        assert_eq!(text.clone().expose(), text.expose());
    }
}

#[cfg(feature = "ed25519")]
mod key_pair {
    use super::*;
    use ed25519_dalek::{Signature, VerifyingKey};
    use tower_svix::{KeyError, PublicKey, Secret, SigningKey};

    #[test]
    fn what_the_private_key_signs_the_public_key_verifies() {
        let pair = generate::key_pair().unwrap();
        let key: SigningKey = pair.private().expose().parse().unwrap();
        let _: PublicKey = pair.public().parse().unwrap();
        assert!(pair.private().expose().starts_with("whsk_"));

        let public = STANDARD.decode(pair.public().strip_prefix("whpk_").unwrap());
        let public = VerifyingKey::from_bytes(&public.unwrap().try_into().unwrap()).unwrap();
        let signature = key.sign(ID, NOW, BODY).unwrap();
        let signature = signature.to_str().unwrap().strip_prefix("v1a,").unwrap();
        let signature = Signature::from_slice(&STANDARD.decode(signature).unwrap()).unwrap();
        let message = [format!("{ID}.{NOW}.").as_bytes(), BODY].concat();
        public.verify_strict(&message, &signature).unwrap();
    }

    #[test]
    fn the_two_halves_cannot_be_mixed_up() {
        let pair = generate::key_pair().unwrap();
        let rejected = pair.private().expose().parse::<Secret>().unwrap_err();
        assert_eq!(rejected, KeyError::PrivateKey);
        let rejected = pair.public().parse::<SigningKey>().unwrap_err();
        assert_eq!(rejected, KeyError::PublicKey);
    }

    #[test]
    fn no_two_key_pairs_are_the_same() {
        let pairs = (0..20).map(|_| generate::key_pair().unwrap());
        let public: HashSet<_> = pairs.map(|pair| pair.public().to_owned()).collect();
        assert_eq!(public.len(), 20);
    }

    #[test]
    fn debug_shows_the_public_key_alone() {
        let pair = generate::key_pair().unwrap();
        let expected = format!(
            "KeyPair {{ private: SecretText([redacted]), public: {:?} }}",
            pair.public()
        );
        assert_eq!(format!("{pair:?}"), expected);
    }
}
