//! Keys in configuration files: each is deserialised from the string that it can be parsed from.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};

use super::error::KeyError;
use super::keyring::Keyring;
use super::secret::Secret;
use super::verifying_key::VerifyingKey;

/// Rejects values without quotes. Serde's own message would repeat the value, which may be a key: in YAML, a text of
/// digits is a number.
macro_rules! reject_scalars {
    () => {
        reject_scalars!(
            visit_bool: bool,
            visit_i64: i64,
            visit_i128: i128,
            visit_u64: u64,
            visit_u128: u128,
            visit_f64: f64,
            visit_bytes: &[u8]
        );
    };
    ($($visit:ident: $scalar:ty),*) => {
        $(
            fn $visit<E: Error>(self, _: $scalar) -> Result<Self::Value, E> {
                Err(E::custom(NOT_A_STRING))
            }
        )*
    };
}

const NOT_A_STRING: &str = "a key is a string: put it in quotes";

/// Visitor that reads one key from a string.
struct OneKey<K>(PhantomData<K>);

/// Visitor that reads the keys of a receiver from a string of one or several keys, or from a list of strings.
struct Keys;

impl<K: FromStr<Err = KeyError>> Visitor<'_> for OneKey<K> {
    type Value = K;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the text of a key")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<K, E> {
        text.parse().map_err(E::custom)
    }

    reject_scalars!();
}

impl<'de> Visitor<'de> for Keys {
    type Value = Keyring;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the text of a key, or a list of them")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Keyring, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Keyring, A::Error> {
        let mut keys = Vec::new();
        while let Some(key) = seq.next_element::<VerifyingKey>()? {
            keys.push(key);
        }
        if keys.is_empty() {
            Err(Error::custom(KeyError::Empty))
        } else {
            Ok(keys.into())
        }
    }

    reject_scalars!();
}

/// Asks the format for any value. If it were asked for a string and found something else, it would repeat that in its
/// error.
fn read<'de, D: Deserializer<'de>, V: Visitor<'de>>(
    from: D,
    visitor: V,
) -> Result<V::Value, D::Error> {
    if from.is_human_readable() {
        from.deserialize_any(visitor)
    } else {
        from.deserialize_str(visitor)
    }
}

macro_rules! deserialize {
    ($($key:ty: $visitor:expr, $doc:literal;)*) => {
        $(
            #[cfg_attr(docsrs, doc(cfg(feature = "serde")))]
            #[doc = $doc]
            ///
            /// The error never repeats the text, but the error of a format may: that of `toml` shows the line.
            impl<'de> Deserialize<'de> for $key {
                fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                    read(from, $visitor)
                }
            }
        )*
    };
}

deserialize! {
    Keyring: Keys, "Deserialises from a string of one or several keys, or from a list of strings with one key each.";
    Secret: OneKey(PhantomData), "Deserialises from a string, as [`str::parse`] reads it.";
    VerifyingKey: OneKey(PhantomData), "Deserialises from a string, as [`str::parse`] reads it.";
}
