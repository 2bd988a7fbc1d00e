//! The HMAC keys that the text of the receiver's keys may stand for.

use zeroize::Zeroizing;

use super::encoding::{decode, decode_again, decode_as_node, hex};
use super::finding::Finding;
use super::signatures::Listed;
use crate::signature::{HmacKey, VerifyingKey};

/// An HMAC key that may have signed the delivery.
pub(super) struct Key {
    hmac: HmacKey,
    /// The mistake, if it has.
    pub(super) finding: Option<Finding>,
}

impl Key {
    fn new(key: &[u8], finding: Option<Finding>) -> Option<Self> {
        (!key.is_empty()).then(|| Self {
            hmac: HmacKey::new(key),
            finding,
        })
    }

    pub(super) fn mac(&self, message: &[&[u8]]) -> Zeroizing<[u8; 32]> {
        self.hmac.mac(message)
    }
}

/// The receiver's keys, in all the ways to read their text.
#[derive(Default)]
pub(super) struct Keys {
    plain: Vec<Key>,
    texts: Vec<Key>,
    others: Vec<Key>,
    /// Public keys.
    pub(super) public: Vec<VerifyingKey>,
    has_secrets: bool,
    has_ed25519: bool,
}

/// More keys than a receiver has during any rotation.
const MAX_KEYS: usize = 8;
/// The maximum length of the text of a key, in bytes.
const MAX_LEN: usize = 4096;

impl Keys {
    /// Reads the text of the receiver's keys. `is_readable` is whether the receiver itself can read it.
    pub(super) fn read(text: &str, is_readable: bool) -> Self {
        let mut keys = Self::default();
        let whole = text.trim();
        let parts: Vec<_> = parts(whole).take(MAX_KEYS).collect();
        for (index, part) in parts.iter().enumerate() {
            let name = if parts.len() == 1 {
                "the key".to_owned()
            } else {
                format!("key {} of {}", index + 1, parts.len())
            };
            let problem = (!is_readable).then(|| unreadable(index, parts.len(), *part == whole));
            keys.add(part, &name, problem);
        }
        if !parts.contains(&whole) && whole.len() <= MAX_LEN {
            let finding = text_key(
                "the key, with all white space and punctuation in it,",
                false,
            );
            keys.texts.extend(Key::new(whole.as_bytes(), Some(finding)));
        }
        keys
    }

    /// Returns the keys as the scheme reads them. They have a finding only if the receiver cannot read the whole text.
    pub(super) fn plain(&self) -> &[Key] {
        &self.plain
    }

    /// Returns the keys whose bytes are the texts of the keys.
    pub(super) fn texts(&self) -> &[Key] {
        &self.texts
    }

    /// Returns the keys in other readings.
    pub(super) fn others(&self) -> &[Key] {
        &self.others
    }

    fn add(&mut self, part: &str, name: &str, problem: Option<Finding>) {
        if ["whpk_", "whsk_"].iter().any(|role| part.starts_with(role)) {
            self.has_ed25519 = true;
            self.public.extend(part.parse::<VerifyingKey>());
            return;
        }
        self.has_secrets = true;
        let unprefixed = part.strip_prefix("whsec_");
        let encoded = unprefixed.unwrap_or(part);
        let decoded = decode(encoded, false);
        if let Some(key) = &decoded {
            self.plain.extend(Key::new(key, problem));
        }

        self.texts.extend(Key::new(
            part.as_bytes(),
            Some(text_key(name, unprefixed.is_some())),
        ));
        if let Some(rest) = unprefixed {
            let finding = Finding::new(
                "key-text-without-prefix",
                format!(
                    "The delivery verifies with the text of {name} after its prefix as the HMAC key, not decoded."
                ),
                "Let the sender decode the secret from base64, or use `Secret::from_bytes` with the bytes of that text.",
            );
            self.texts.extend(Key::new(rest.as_bytes(), Some(finding)));
        }

        let mut other = |key: Option<Zeroizing<Vec<u8>>>, finding: Finding| {
            self.others
                .extend(key.and_then(|key| Key::new(&key, Some(finding))));
        };
        other(
            decoded.as_deref().and_then(|text| decode_again(text)),
            Finding::new(
                "key-decoded-twice",
                format!(
                    "The delivery verifies once {name} is decoded from base64 twice: it was encoded once more."
                ),
                "Use the secret as the sender's portal shows it. Look for what encodes it on its way, such as the `data` of a \
                 Kubernetes secret.",
            ),
        );
        other(
            decode(encoded, true).filter(|_| encoded.contains(['-', '_'])),
            Finding::new(
                "key-url-safe-base64",
                format!(
                    "The delivery verifies once {name} is read as base64 in the URL-safe alphabet."
                ),
                "Replace each `-` of the secret by `+`, and each `_` after the prefix by `/`.",
            ),
        );
        other(
            hex(encoded.as_bytes()),
            Finding::new(
                "key-hex",
                format!("The delivery verifies once {name} is read as hexadecimal digits."),
                "Decode the digits, and use `Secret::from_bytes`.",
            ),
        );
        other(
            unprefixed.and_then(|_| decode_as_node(part)),
            Finding::new(
                "key-prefix-decoded",
                format!(
                    "The delivery verifies with {name} decoded from base64 with its prefix, as Node's `Buffer.from` does it."
                ),
                "Let the sender take the prefix away before it decodes the secret.",
            ),
        );
    }

    /// Returns the finding if the keys and the listed signatures are of different kinds.
    pub(super) fn kind_finding(&self, listed: &Listed) -> Option<Finding> {
        if self.has_ed25519 && !self.has_secrets && listed.lists_macs() && listed.ed25519 == 0 {
            Some(Finding::new(
                "key-ed25519",
                "The receiver has an ed25519 key (`whpk_` or `whsk_`), and the delivery is signed with a secret: it lists `v1` \
                 signatures, and no `v1a`.",
                "Use the signing secret of the endpoint (`whsec_`).",
            ))
        } else if self.has_secrets
            && !self.has_ed25519
            && listed.ed25519 > 0
            && !listed.lists_macs()
        {
            Some(Finding::new(
                "key-not-ed25519",
                "The receiver has a secret, and the delivery is signed with an ed25519 key: it lists `v1a` signatures, and no \
                 `v1`.",
                "Use the public key of the endpoint (`whpk_`), with the feature `ed25519`.",
            ))
        } else {
            None
        }
    }
}

fn text_key(name: &str, has_prefix: bool) -> Finding {
    let whole = if has_prefix { ", prefix and all" } else { "" };
    Finding::new(
        "key-text",
        format!(
            "The delivery verifies with the text of {name} as the HMAC key{whole}: the sender does not decode it."
        ),
        "If the sender is known to do so, read the secret with `Secret::from_text`. Otherwise, let the sender decode it from \
         base64, without its prefix.",
    )
}

/// Returns the finding for a text that the receiver cannot read, although a key in it signed the delivery.
fn unreadable(index: usize, count: usize, is_whole: bool) -> Finding {
    if count > 1 {
        Finding::new(
            "key-one-of-several",
            format!(
                "The text as a whole cannot be read, but the delivery verifies with key {} of the {count} in it.",
                index + 1
            ),
            "Separate the keys by white space, commas or `|`, each with its prefix, and leave out what is no key.",
        )
    } else if is_whole {
        Finding::new(
            "key-rejected",
            "The delivery verifies with the key, but the receiver rejects it as a key.",
            "The verdict says why. `Secret::from_bytes` takes the bytes of any key: decode the text from base64.",
        )
    } else {
        Finding::new(
            "key-wrapped",
            "The text as a whole cannot be read, but the delivery verifies with the key in it.",
            "Leave out what is around the key, such as quotes or a name.",
        )
    }
}

/// Returns the keys in a text that may have anything around them.
fn parts(text: &str) -> impl Iterator<Item = &str> {
    let separates = |character: char| {
        character.is_whitespace()
            || matches!(
                character,
                ',' | '|' | ';' | '[' | ']' | '{' | '}' | '(' | ')' | '"' | '\'' | '`' | '\u{feff}'
            )
    };
    text.split(separates).filter_map(|part| {
        // In `NAME=whsec_…`, the key does not come first.
        let start = ["whsec_", "whpk_", "whsk_"]
            .iter()
            .filter_map(|prefix| part.find(prefix))
            .min();
        let part = &part[start.unwrap_or(0)..];
        // Shorter parts are not keys, such as the version before `whsec_`.
        (part.len() > 2 && part.len() <= MAX_LEN && part != "Bearer").then_some(part)
    })
}
