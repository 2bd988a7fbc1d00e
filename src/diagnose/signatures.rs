//! The MACs that a delivery lists, in any form.

use subtle::ConstantTimeEq as _;

use super::encoding::{decode as decode_base64, hex};
use super::finding::Finding;

/// The signatures of a delivery.
#[derive(Default)]
pub(super) struct Listed {
    macs: Vec<([u8; 32], Form)>,
    /// The number of listed ed25519 signatures.
    pub(super) ed25519: usize,
}

/// The form in which a MAC is listed.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Form {
    /// As the scheme requires.
    #[default]
    Standard,
    Hex,
    /// In base64 without padding.
    Unpadded,
    /// In base64 in the URL-safe alphabet.
    UrlSafe,
    /// With something other than `v1,` before it.
    Labelled,
    /// With a comma where there should be a space.
    Joined,
}

/// More than any sender lists.
const MAX_SIGNATURES: usize = 64;

impl Listed {
    pub(super) fn read(list: &[u8]) -> Self {
        let mut listed = Self::default();
        for element in list.split(|byte| *byte == b' ').take(MAX_SIGNATURES) {
            listed.read_element(element.strip_suffix(b",").unwrap_or(element));
        }
        listed.macs.truncate(MAX_SIGNATURES);
        listed
    }

    /// Returns whether any MAC is listed.
    pub(super) fn lists_macs(&self) -> bool {
        !self.macs.is_empty()
    }

    /// Returns the form in which `mac` is listed, if it is.
    ///
    /// Compares in constant time, because this may run on a machine that a forger can reach.
    pub(super) fn form_of(&self, mac: &[u8; 32]) -> Option<Form> {
        let mut found = None;
        for (listed, form) in &self.macs {
            if bool::from(listed.ct_eq(mac)) {
                found = found.or(Some(*form));
            }
        }
        found
    }

    fn read_element(&mut self, element: &[u8]) {
        let is_separator = |byte: &u8| matches!(byte, b',' | b';');
        let mut label: Option<&[u8]> = None;
        for (index, token) in element.split(is_separator).enumerate() {
            if let Some((mac, form)) = decode(token) {
                let form = match label {
                    // The second signature of `v1,…,v1,…`.
                    Some(b"v1") if index > 1 && form == Form::Standard => Form::Joined,
                    Some(b"v1") | None => form,
                    Some(_) if form == Form::Standard => Form::Labelled,
                    Some(_) => form,
                };
                self.macs.push((mac, form));
            } else if let Some((mac, form)) = decode_assigned(token) {
                self.macs.push((mac, form));
            } else if lenient(token).is_some_and(|bytes| bytes.len() == 64) {
                self.ed25519 += usize::from(label == Some(b"v1a"));
            }
            label = Some(token);
        }
    }
}

/// Reads a MAC after a name and `=`, as in `sha256=…`.
fn decode_assigned(token: &[u8]) -> Option<([u8; 32], Form)> {
    let name = token.iter().position(|byte| *byte == b'=')?;
    let (mac, form) = decode(&token[name + 1..])?;
    let form = if form == Form::Hex {
        form
    } else {
        Form::Labelled
    };
    Some((mac, form))
}

fn decode(token: &[u8]) -> Option<([u8; 32], Form)> {
    if token.len() == 64 {
        let mac = hex(token)?;
        return Some((mac.as_slice().try_into().ok()?, Form::Hex));
    }
    let mac: [u8; 32] = lenient(token)?.try_into().ok()?;
    let form = if token.iter().any(|byte| matches!(byte, b'-' | b'_')) {
        Form::UrlSafe
    } else if token.ends_with(b"=") {
        Form::Standard
    } else {
        Form::Unpadded
    };
    Some((mac, form))
}

/// Decodes base64 in either alphabet, with or without padding.
fn lenient(text: &[u8]) -> Option<Vec<u8>> {
    // No signature has more than 100 characters.
    let text = str::from_utf8(text).ok().filter(|text| text.len() <= 100)?;
    let bytes = decode_base64(text, false).or_else(|| decode_base64(text, true))?;
    Some(bytes.to_vec())
}

/// Returns the finding about the form of a signature that matched, unless it is the form of the scheme.
pub(super) fn finding(form: Form) -> Option<Finding> {
    let sentence = match form {
        Form::Standard => return None,
        Form::Hex => {
            return Some(Finding::new(
                "signature-hex",
                "A listed signature is the right MAC, but in hexadecimal digits, where the scheme asks for base64.",
                "Let the sender write the MAC in base64, after `v1,`. A sender written to fit the sample handlers of Pulse, \
                 which also use the text of the secret as the key, is verified by `Secret::text_key_with_hex_signatures`.",
            ));
        }
        Form::Unpadded => "A listed signature is the right MAC, but its base64 has no padding.",
        Form::UrlSafe => {
            "A listed signature is the right MAC, but in the URL-safe alphabet of base64 (`-` and `_`)."
        }
        Form::Labelled => {
            "A listed signature is the right MAC, but something else than `v1,` is before it."
        }
        Form::Joined => {
            return Some(Finding::new(
                "headers-joined",
                "A listed signature is right, but commas alone join it with others, where the scheme asks for spaces.",
                "Look at what is between the sender and the receiver: it joins repeated headers.",
            ));
        }
    };
    Some(Finding::new(
        "signature-form",
        sentence,
        "Let the sender write `v1,` and the MAC in base64 in the standard alphabet, with padding.",
    ))
}
