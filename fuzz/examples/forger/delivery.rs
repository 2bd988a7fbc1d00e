//! Genuine deliveries, and forgeries of them.

use std::collections::HashMap;

use tower_svix::{Keyring, SvixVerifyLayer, Verifier, VerifyingKey};
use tower_svix_fuzz::keys::KeySpec;
use tower_svix_fuzz::receiver::At;
use tower_svix_fuzz::reference::{
    Family, Key, Line, SignatureHeaders, base64_encode, signed_content, signer,
};
use tower_svix_fuzz::vectors::{self, Case};

/// A genuine delivery and its receiver.
pub struct Genuine {
    pub name: String,
    pub delivery: Delivery,
    pub secrets: Vec<String>,
    pub keys: Vec<Key>,
    /// Accepts deliveries of any age.
    pub verifier: Verifier,
    /// Compares timestamps with the time of the delivery.
    pub timed: Verifier,
    pub layer: SvixVerifyLayer,
}

/// A delivery as it is sent.
#[derive(Clone)]
pub struct Delivery {
    pub family: Family,
    pub id: Vec<u8>,
    pub timestamp: Vec<u8>,
    pub signatures: Vec<u8>,
    pub body: Vec<u8>,
    /// Other header lines, before and after these three.
    pub before: Vec<(&'static str, Vec<u8>)>,
    pub after: Vec<(&'static str, Vec<u8>)>,
    /// Which of the three lines are left out.
    pub without: [bool; 3],
}

impl Delivery {
    /// Returns the header lines and the body.
    pub fn into_parts(self) -> (Vec<Line>, Vec<u8>) {
        let line = |(name, value): (&'static str, _)| (name.into(), value);
        let own = self
            .family
            .names()
            .into_iter()
            .zip([self.id, self.timestamp, self.signatures]);
        let own = own.zip(self.without).filter(|(_, without)| !without);
        let lines = self
            .before
            .into_iter()
            .chain(own.map(|(own, _)| own))
            .chain(self.after);
        (lines.map(line).collect(), self.body)
    }

    pub fn elements(&self) -> Vec<Vec<u8>> {
        let elements = self.signatures.split(|byte| *byte == b' ');
        elements.map(<[u8]>::to_vec).collect()
    }
}

/// All genuine deliveries: those of `tests/vectors`, and one more for each key.
pub struct Captured {
    pub all: Vec<Genuine>,
    by_id: HashMap<Vec<u8>, Vec<usize>>,
}

impl Captured {
    pub fn new() -> Self {
        let cases = vectors::all().into_iter().filter(|case| case.is_genuine);
        let mut all: Vec<_> = cases.map(genuine).collect();
        assert!(!all.is_empty());
        all.extend(all_keys(&all).iter().map(stopped));
        let mut by_id: HashMap<_, Vec<_>> = HashMap::new();
        for (index, genuine) in all.iter().enumerate() {
            by_id
                .entry(genuine.delivery.id.clone())
                .or_default()
                .push(index);
        }
        Self { all, by_id }
    }

    /// Returns whether one of the receiver's keys signed these lines and this body. The crate is not asked.
    pub fn is_genuine(&self, keys: &[Key], lines: &[Line], body: &[u8]) -> bool {
        let Ok(signature_headers) = SignatureHeaders::read(lines, None, false) else {
            return false;
        };
        // Nobody signed anything except the captured deliveries, so there is nothing to compute for the others.
        let was_signed = self
            .by_id
            .get(&signature_headers.id)
            .is_some_and(|captured| {
                captured.iter().any(|index| {
                    let Delivery {
                        timestamp,
                        body: signed,
                        ..
                    } = &self.all[*index].delivery;
                    *timestamp == signature_headers.timestamp && signed == body
                })
            });
        was_signed && signer(keys, &signature_headers, body).is_some()
    }
}

impl Genuine {
    /// Returns whether a key of its receiver is a public key, which verifies slowly.
    pub fn has_public_key(&self) -> bool {
        self.keys.iter().any(|key| matches!(key, Key::Ed25519(_)))
    }
}

/// Returns the keys that can sign, each once.
fn all_keys(captured: &[Genuine]) -> Vec<KeySpec> {
    let mut keys = vec![KeySpec::Seed([7; 32])];
    for text in captured.iter().flat_map(|genuine| &genuine.secrets) {
        let key = KeySpec::Text(text.as_str().into());
        if key.sign(b"").is_some() && !keys.contains(&key) {
            keys.push(key);
        }
    }
    keys
}

/// Returns a delivery whose text can be split in many ways: the start of its body could be a timestamp, or two.
fn stopped(key: &KeySpec) -> Genuine {
    let (id, timestamp, body) = (
        "msg_1",
        "1700000000",
        b"1700000001.1700000002.{\"price\":1.5}",
    );
    let content = signed_content(id.as_bytes(), timestamp.as_bytes(), body);
    let line = |name: &'static str, value: &str| (name.into(), value.into());
    let (_, receiver) = key.receiver().expect("it can sign");
    genuine(Case {
        name: format!("full stops, under {key:?}"),
        is_genuine: true,
        secrets: vec![match (key, receiver) {
            (_, Key::Ed25519(public)) => format!("whpk_{}", base64_encode(&public)),
            (KeySpec::Text(text), _) => String::from_utf8_lossy(&text.0).into_owned(),
            _ => unreachable!("one of these two"),
        }],
        headers: vec![
            line("webhook-id", id),
            line("webhook-timestamp", timestamp),
            line(
                "webhook-signature",
                &key.sign(&content).expect("it can sign"),
            ),
        ],
        body: body.to_vec(),
        ..Case::default()
    })
}

fn genuine(case: Case) -> Genuine {
    let signature_headers = SignatureHeaders::read(&case.headers, None, false);
    let signature_headers =
        signature_headers.unwrap_or_else(|codes| panic!("{}: {codes:?}", case.name));
    let keys = case
        .secrets
        .iter()
        .map(|text| Key::parse(text).expect("a key"));
    let keyring = case.secrets.iter();
    let keyring = keyring.map(|text| text.parse::<VerifyingKey>().expect("a key"));
    let keyring: Keyring = keyring.collect();
    let verifier = Verifier::new(keyring.clone()).insecure_ignore_timestamp();
    Genuine {
        keys: keys.collect(),
        timed: Verifier::new(keyring).clock(At(Some(signature_headers.unix_seconds))),
        layer: SvixVerifyLayer::from(verifier.clone()),
        verifier,
        delivery: Delivery {
            family: signature_headers.family,
            id: signature_headers.id,
            timestamp: signature_headers.timestamp,
            signatures: signature_headers.signatures,
            body: case.body,
            before: Vec::new(),
            after: Vec::new(),
            without: [false; 3],
        },
        secrets: case.secrets,
        name: case.name,
    }
}
