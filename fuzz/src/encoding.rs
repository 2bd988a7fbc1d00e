//! Inputs that can also be written: [`Encode`] is the inverse of [`Arbitrary`].
//!
//! `Arbitrary` reads the length of a `Vec` from the end of the data, where nobody can write it by hand. These lists
//! have their length at the start.

use std::fmt;

use arbitrary::{Arbitrary, Result, Unstructured};

/// Writes the bytes from which [`Arbitrary`] reads the same value.
pub trait Encode {
    fn encode(&self, out: &mut Vec<u8>);
}

/// Any bytes.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Text(pub Vec<u8>);

/// Up to 255 values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List<T>(pub Vec<T>);

impl<T: AsRef<[u8]> + ?Sized> From<&T> for Text {
    fn from(bytes: &T) -> Self {
        Self(bytes.as_ref().to_vec())
    }
}

impl<'a> Arbitrary<'a> for Text {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let len = usize::from(u16::arbitrary(u)?).min(u.len());
        Ok(Self(u.bytes(len)?.to_vec()))
    }
}

impl Encode for Text {
    fn encode(&self, out: &mut Vec<u8>) {
        u16::try_from(self.0.len())
            .expect("a short text")
            .encode(out);
        out.extend_from_slice(&self.0);
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "b\"{}\"", self.0.escape_ascii())
    }
}

impl<'a, T: Arbitrary<'a>> Arbitrary<'a> for List<T> {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let mut list = Vec::new();
        for _ in 0..u8::arbitrary(u)? {
            if u.is_empty() {
                break;
            }
            list.push(T::arbitrary(u)?);
        }
        Ok(Self(list))
    }
}

impl<T: Encode> Encode for List<T> {
    fn encode(&self, out: &mut Vec<u8>) {
        u8::try_from(self.0.len())
            .expect("a short list")
            .encode(out);
        for item in &self.0 {
            item.encode(out);
        }
    }
}

impl Encode for bool {
    fn encode(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }
}

impl<T: Encode> Encode for Option<T> {
    fn encode(&self, out: &mut Vec<u8>) {
        self.is_some().encode(out);
        if let Some(value) = self {
            value.encode(out);
        }
    }
}

macro_rules! encode_numbers {
    ($($number:ty)*) => {
        $(impl Encode for $number {
            fn encode(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_le_bytes());
            }
        })*
    };
}

encode_numbers!(u8 u16 u32 u64 i16);

/// Implements [`Encode`] for a struct with these fields, in order.
macro_rules! encode_struct {
    ($name:ident { $($field:ident),* $(,)? }) => {
        impl $crate::encoding::Encode for $name {
            fn encode(&self, out: &mut Vec<u8>) {
                let Self { $($field),* } = self;
                $($crate::encoding::Encode::encode($field, out);)*
            }
        }
    };
}

pub(crate) use encode_struct;

/// Writes the index of one of `count` variants of an enum, as the derived `Arbitrary` reads it.
pub(crate) fn encode_variant(index: u32, count: u32, out: &mut Vec<u8>) {
    let scaled = (u64::from(index) << 32).div_ceil(u64::from(count));
    u32::try_from(scaled)
        .expect("the index is below the count")
        .encode(out);
}

/// Returns the bytes of `value`. Panics if `Arbitrary` reads another value from them.
pub fn seed<T>(value: &T) -> Vec<u8>
where
    T: Encode + for<'a> Arbitrary<'a> + PartialEq + fmt::Debug,
{
    let mut bytes = Vec::new();
    value.encode(&mut bytes);
    let read = T::arbitrary_take_rest(Unstructured::new(&bytes)).expect("any bytes can be read");
    assert_eq!(
        &read, value,
        "a seed reads as something else than was written"
    );
    bytes
}
