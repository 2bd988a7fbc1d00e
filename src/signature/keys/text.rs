//! The text of a key, as the sender's portal shows it. Its prefix tells what the key is for.

/// The text of a key, split at its prefix.
#[derive(Clone, Copy)]
pub(super) struct KeyText<'t> {
    /// The text without the white space around it.
    pub(super) whole: &'t str,
    /// The part after the prefix.
    pub(super) base64: &'t str,
    pub(super) role: Role,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// `whsec_…`
    Secret,
    /// No prefix. If it is a key at all, it is an HMAC secret.
    Bare,
    /// `whpk_…`
    Public,
    /// `whsk_…`
    Private,
}

/// The prefixes of keys, each with the version of its signatures. Supabase's dashboard shows the version before the
/// prefix.
const PREFIXES: [(&str, &str, Role); 3] = [
    ("whsec_", "v1,", Role::Secret),
    ("whpk_", "v1a,", Role::Public),
    ("whsk_", "v1a,", Role::Private),
];

impl<'t> KeyText<'t> {
    /// Splits a text. White space around it is ignored, because secrets are copied from files, shells and web pages.
    pub(super) fn read(text: &'t str) -> Self {
        let whole = trim(text);
        let (role, base64) = PREFIXES
            .into_iter()
            .find_map(|(prefix, version, role)| {
                let unversioned = whole.strip_prefix(version).unwrap_or(whole);
                Some((role, unversioned.strip_prefix(prefix)?))
            })
            .unwrap_or((Role::Bare, whole));
        Self {
            whole,
            base64,
            role,
        }
    }
}

/// Removes white space and zero-width spaces from both ends.
pub(super) fn trim(text: &str) -> &str {
    text.trim_matches(is_space)
}

/// Splits a text of several keys at white space, commas and `|`. The comma of a version before a prefix, as in
/// `v1,whsec_…`, is not a separator.
pub(super) fn parts(text: &str) -> impl Iterator<Item = &str> {
    let separates = |character| is_space(character) || matches!(character, ',' | '|');
    let mut rest = text;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches(separates);
        let version_len = version_len(rest);
        let end = rest[version_len..]
            .find(separates)
            .map_or(rest.len(), |at| version_len + at);
        let part;
        (part, rest) = rest.split_at(end);
        (!part.is_empty()).then_some(part)
    })
}

/// Returns the length in bytes of the version before the prefix of a key, or 0 if there is none. The version may be
/// that of another kind of key.
pub(super) fn version_len(text: &str) -> usize {
    let is_key = |rest: &str| {
        PREFIXES.into_iter().any(|(prefix, _, _)| {
            rest.get(..prefix.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
        })
    };
    ["v1,", "v1a,"]
        .into_iter()
        .find(|version| text.strip_prefix(version).is_some_and(is_key))
        .map_or(0, str::len)
}

/// Whether a text has an invisible character: a control character, white space other than a plain space, or a character
/// that programs should ignore when they show text (Unicode's [`Default_Ignorable_Code_Point`], and the interlinear
/// annotation marks).
///
/// [`Default_Ignorable_Code_Point`]: https://www.unicode.org/Public/16.0.0/ucd/DerivedCoreProperties.txt
pub(super) fn has_invisible(text: &str) -> bool {
    let is_ignorable = |character| {
        matches!(
            character,
            '\u{ad}'
                | '\u{34f}'
                | '\u{61c}'
                | '\u{115f}'..='\u{1160}'
                | '\u{17b4}'..='\u{17b5}'
                | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}'
                | '\u{202a}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{3164}'
                | '\u{fe00}'..='\u{fe0f}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff0}'..='\u{fffb}'
                | '\u{1bca0}'..='\u{1bca3}'
                | '\u{1d173}'..='\u{1d17a}'
                | '\u{e0000}'..='\u{e0fff}'
        )
    };
    text.contains(|character: char| {
        let is_space = character.is_whitespace() && character != ' ';
        is_space || character.is_control() || is_ignorable(character)
    })
}

/// Whether a character is Unicode white space or a zero-width space, such as the byte order mark. They are copied along
/// from web pages and files, and stay invisible.
fn is_space(character: char) -> bool {
    character.is_whitespace() || matches!(character, '\u{200b}' | '\u{2060}' | '\u{feff}')
}
