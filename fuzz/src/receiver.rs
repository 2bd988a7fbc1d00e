//! A receiver: its settings, keys and clock, for the crate and for the reference.

use std::time::Duration;

use arbitrary::Arbitrary;
use tower_svix::{Clock, HeaderFamily, KeySource, Keyring, SvixVerifyLayer, Verifier};

use crate::body::Progress;
use crate::encoding::{Encode, encode_struct, encode_variant};
use crate::keys::KeySpec;
use crate::reference::{Family, Key, Rules, has_prefix};

/// The settings of a receiver.
#[derive(Arbitrary, Clone, Debug, PartialEq)]
pub struct Settings {
    /// `None`: deliveries of any age.
    pub tolerance: Option<Tolerance>,
    pub pinned_to_svix: Option<bool>,
    pub allow_dotted_ids: bool,
    /// `None`: the default.
    pub limit: Option<u32>,
}

#[derive(Arbitrary, Clone, Copy, Debug, PartialEq)]
pub enum Tolerance {
    Default,
    Seconds(u64),
    Milliseconds(u16),
}

/// The times of the receiver's clock, before and after the body.
#[derive(Arbitrary, Clone, Debug, PartialEq)]
pub struct Times {
    pub now: u64,
    pub fails: bool,
    pub passes: u16,
    pub fails_later: bool,
}

impl Settings {
    pub fn rules(&self) -> Rules {
        Rules {
            family: self.pinned_to_svix.map(
                |svix| {
                    if svix { Family::Svix } else { Family::Webhook }
                },
            ),
            allow_dotted_ids: self.allow_dotted_ids,
            tolerance: self.tolerance.map(|tolerance| match tolerance {
                Tolerance::Default => Duration::from_mins(5),
                Tolerance::Seconds(seconds) => Duration::from_secs(seconds),
                Tolerance::Milliseconds(milliseconds) => Duration::from_millis(milliseconds.into()),
            }),
            limit: self.limit.map_or(2 * 1024 * 1024, u64::from),
        }
    }

    pub fn verifier(&self, keyring: Keyring, clock: impl Clock + 'static) -> Verifier {
        let mut verifier = Verifier::new(keyring).clock(clock);
        verifier = match self.tolerance {
            None => verifier.insecure_ignore_timestamp(),
            Some(Tolerance::Default) => verifier,
            Some(_) => verifier.tolerance(self.rules().tolerance.expect("a timestamp is compared")),
        };
        if let Some(family) = self.rules().family {
            verifier = verifier.header_family(family_of_crate(family));
        }
        if self.allow_dotted_ids {
            verifier = verifier.insecure_allow_dotted_ids();
        }
        verifier
    }

    pub fn limited<K: KeySource>(&self, layer: SvixVerifyLayer<K>) -> SvixVerifyLayer<K> {
        match self.limit {
            Some(limit) => layer.body_limit(limit as usize),
            None => layer,
        }
    }

    /// Like [`verifier`](Self::verifier), for a layer that looks up its keys.
    pub fn layer_with<K: KeySource>(
        &self,
        key_source: K,
        clock: impl Clock + 'static,
    ) -> SvixVerifyLayer<K> {
        let mut layer = SvixVerifyLayer::with_key_source(key_source).clock(clock);
        let rules = self.rules();
        layer = match rules.tolerance {
            Some(tolerance) => layer.tolerance(tolerance),
            None => layer.insecure_ignore_timestamp(),
        };
        if let Some(family) = rules.family {
            layer = layer.header_family(family_of_crate(family));
        }
        if self.allow_dotted_ids {
            layer = layer.insecure_allow_dotted_ids();
        }
        self.limited(layer)
    }
}

impl Times {
    /// Returns the times before and after the body.
    pub fn both(&self) -> [Option<u64>; 2] {
        let later = self.now.saturating_add(self.passes.into());
        [
            (!self.fails).then_some(self.now),
            (!self.fails_later).then_some(later),
        ]
    }
}

/// A clock that moves on when a body makes its reader wait.
#[derive(Debug)]
pub struct BodyClock {
    pub times: [Option<u64>; 2],
    pub progress: Progress,
}

impl Clock for BodyClock {
    fn unix_seconds(&self) -> Option<u64> {
        self.times[usize::from(self.progress.has_waited())]
    }
}

/// A clock that stands still.
#[derive(Debug)]
pub struct At(pub Option<u64>);

impl Clock for At {
    fn unix_seconds(&self) -> Option<u64> {
        self.0
    }
}

/// Returns the keys of a receiver, for the crate and for the reference. Invalid keys are left out.
pub fn receiver_keys(keys: &[KeySpec]) -> (Keyring, Vec<Key>) {
    let both = keys.iter().filter_map(KeySpec::receiver);
    let (keyrings, keys): (Vec<_>, _) = both.unzip();
    (Keyring::from(keyrings), keys)
}

/// Returns the same keys, parsed from one text with all separators in turn, if each key has a text.
pub fn receiver_keys_in_one_text(keys: &[KeySpec]) -> Option<Keyring> {
    const SEPARATORS: [&str; 8] = [" ", ",", "|", "\n", "\t", "\r\n", ", ", "\x0c||"];
    let valid = keys.iter().filter(|key| key.receiver().is_some());
    let texts = valid.map(KeySpec::text).collect::<Option<Vec<_>>>()?;
    if texts.is_empty() {
        return None;
    }
    let mut all = String::new();
    for (text, separator) in texts.iter().zip(SEPARATORS.iter().cycle()) {
        // With others in one text, a key needs its prefix.
        if !has_prefix(text) {
            all.push_str("whsec_");
        }
        all.push_str(text);
        all.push_str(separator);
    }
    Some(all.parse().expect("each of them is a key"))
}

pub fn family_of_crate(family: Family) -> HeaderFamily {
    match family {
        Family::Svix => HeaderFamily::SVIX,
        Family::Webhook => HeaderFamily::WEBHOOK,
    }
}

encode_struct!(Settings {
    tolerance,
    pinned_to_svix,
    allow_dotted_ids,
    limit
});
encode_struct!(Times {
    now,
    fails,
    passes,
    fails_later
});

impl Encode for Tolerance {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Default => encode_variant(0, 3, out),
            Self::Seconds(seconds) => {
                encode_variant(1, 3, out);
                seconds.encode(out);
            }
            Self::Milliseconds(milliseconds) => {
                encode_variant(2, 3, out);
                milliseconds.encode(out);
            }
        }
    }
}
