//! JSON pointers ([RFC 6901]), and the string that one leads to.
//!
//! `serde_json::Value::pointer` would need the whole payload as a tree first, in which the last of two equal keys
//! counts.
//!
//! [RFC 6901]: https://www.rfc-editor.org/rfc/rfc6901

use std::borrow::Cow;
use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// The path to a value: a slash before each key of an object, or position in an array.
#[derive(Clone, Debug)]
pub(crate) struct JsonPointer<'t>(Cow<'t, str>);

impl<'t> JsonPointer<'t> {
    /// The top-level `type`.
    pub(crate) const TYPE: Self = Self(Cow::Borrowed("/type"));

    /// Parses a pointer. Returns `None` if `text` is not empty and does not start with a slash.
    pub(crate) fn parse(text: &'t str) -> Option<Self> {
        let is_valid = text.is_empty() || text.starts_with('/');
        is_valid.then_some(Self(Cow::Borrowed(text)))
    }

    pub(crate) fn into_owned(self) -> JsonPointer<'static> {
        JsonPointer(self.0.into_owned().into())
    }
}

/// Seed that reads the string that a pointer leads to, and skips everything else without building it.
#[derive(Clone, Copy)]
pub(super) struct TextAt<'p> {
    /// Empty, or a slash and what follows.
    rest: &'p str,
}

impl<'p> TextAt<'p> {
    pub(super) fn new(pointer: &'p JsonPointer<'_>) -> Self {
        Self { rest: &pointer.0 }
    }
}

impl<'de> DeserializeSeed<'de> for TextAt<'_> {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        let Some(keys) = self.rest.strip_prefix('/') else {
            return json.deserialize_str(Text);
        };
        let (key, rest) = keys.split_at(keys.find('/').unwrap_or(keys.len()));
        let key = unescape(key);
        json.deserialize_any(Inside {
            key: &key,
            rest: Self { rest },
        })
    }
}

fn unescape(key: &str) -> Cow<'_, str> {
    if key.contains('~') {
        // In this order: `~01` means `~1`, not a slash.
        key.replace("~1", "/").replace("~0", "~").into()
    } else {
        key.into()
    }
}

struct Text;

impl<'de> Visitor<'de> for Text {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }
}

/// Visitor that continues at a key of an object, or at a position in an array.
struct Inside<'p> {
    key: &'p str,
    rest: TextAt<'p>,
}

impl Inside<'_> {
    /// Returns the key as a position: digits without leading zeros.
    fn position(&self) -> Option<usize> {
        let position: usize = self.key.parse().ok()?;
        (position.to_string() == self.key).then_some(position)
    }
}

impl<'de> Visitor<'de> for Inside<'_> {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or an array")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(is_wanted) = object.next_key_seed(IsKey(self.key))? {
            if !is_wanted {
                object.next_value::<IgnoredAny>()?;
            } else if found.is_some() {
                return Err(Error::custom("a key stands twice"));
            } else {
                found = Some(object.next_value_seed(self.rest)?);
            }
        }
        found.ok_or_else(|| Error::custom("a key is missing"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Self::Value, A::Error> {
        let missing = || Error::custom("the array has no such position");
        for _ in 0..self.position().ok_or_else(missing)? {
            array.next_element::<IgnoredAny>()?.ok_or_else(missing)?;
        }
        let found = array.next_element_seed(self.rest)?;
        while array.next_element::<IgnoredAny>()?.is_some() {}
        found.ok_or_else(missing)
    }
}

/// Seed that reads a key of an object, and tells whether it is this one.
struct IsKey<'p>(&'p str);

impl<'de> DeserializeSeed<'de> for IsKey<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<bool, D::Error> {
        json.deserialize_str(self)
    }
}

impl Visitor<'_> for IsKey<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<bool, E> {
        Ok(key == self.0)
    }
}
