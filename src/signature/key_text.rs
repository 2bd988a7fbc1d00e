//! The text of a key, as the sender's portal shows it: its prefix says what it is for.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

use super::error::KeyError;

/// A text that is sorted by its prefix, without it.
#[derive(Clone, Copy)]
#[cfg_attr(
    not(feature = "ed25519"),
    expect(dead_code, reason = "only ed25519 reads its keys")
)]
pub(super) enum KeyText<'t> {
    /// `whsec_…`
    Secret(&'t str),
    /// No prefix, and so an HMAC secret if anything.
    Bare(&'t str),
    /// `whpk_…`
    Public(&'t str),
    /// `whsk_…`
    Private(&'t str),
}

impl<'t> KeyText<'t> {
    /// Surrounding white space is ignored, since secrets come out of files and shells.
    pub(super) fn read(text: &'t str) -> Self {
        let text = text.trim_ascii();
        if let Some(secret) = text.strip_prefix("whsec_") {
            Self::Secret(secret)
        } else if let Some(public_key) = text.strip_prefix("whpk_") {
            Self::Public(public_key)
        } else if let Some(private_key) = text.strip_prefix("whsk_") {
            Self::Private(private_key)
        } else {
            Self::Bare(text)
        }
    }
}

/// Decodes the base64 of a key as leniently as the official libraries do: padding may be missing, and the last character
/// may carry unused bits. A key is not attacker input, and this one is what the sender uses.
pub(super) fn decode(base64: &str) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    const LENIENT: GeneralPurpose = GeneralPurpose::new(
        &alphabet::STANDARD,
        GeneralPurposeConfig::new()
            .with_decode_allow_trailing_bits(true)
            .with_decode_padding_mode(DecodePaddingMode::Indifferent),
    );
    // Into a buffer that is wiped, even if what is decoded up to an error is thrown away.
    let mut key = Zeroizing::new(vec![0; base64::decoded_len_estimate(base64.len())]);
    let len = LENIENT
        .decode_slice(base64, &mut key)
        .map_err(|_| KeyError::NotBase64)?;
    key.truncate(len);
    if key.is_empty() {
        Err(KeyError::Empty)
    } else {
        Ok(key)
    }
}

/// [Decodes](decode) a key that nothing marks as one, and rejects what is base64 by accident: `null`, `test` and
/// `changeme` are.
pub(super) fn decode_bare(base64: &str) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    const MIN_LEN: usize = 8;
    let key = decode(base64)?;
    if key.len() < MIN_LEN {
        Err(KeyError::TooShort)
    } else {
        Ok(key)
    }
}
