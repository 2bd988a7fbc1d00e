//! The ways in which JSON writers write strings and numbers.

use std::borrow::Cow;
use std::fmt::Write as _;

/// The characters that a writer escapes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Strings {
    /// As in the document.
    Kept,
    /// Only what must be escaped: JavaScript, Jackson, serde.
    Utf8,
    /// Also everything but ASCII: Python.
    Ascii,
    /// The same as `Ascii`, and slashes: PHP.
    Php,
    /// Slashes: PHP with `JSON_UNESCAPED_UNICODE`.
    PhpUtf8,
    /// Characters that are markup in HTML: Go.
    Go,
    /// Everything but ASCII, and characters that are markup in HTML, in upper-case digits: .NET.
    Net,
}

impl Strings {
    pub(super) const ALL: [Self; 7] = [
        Self::Kept,
        Self::Utf8,
        Self::Ascii,
        Self::Php,
        Self::PhpUtf8,
        Self::Go,
        Self::Net,
    ];

    /// Returns whether most programs write strings in this way.
    pub(super) fn is_usual(self) -> bool {
        matches!(self, Self::Kept | Self::Utf8 | Self::Ascii)
    }

    pub(super) fn words(self) -> Option<&'static str> {
        Some(match self {
            Self::Kept => return None,
            Self::Utf8 => "with no more escapes than needed",
            Self::Ascii => "with `\\u` escapes for all but ASCII",
            Self::Php => "with `\\u` escapes for all but ASCII and `\\/` for slashes",
            Self::PhpUtf8 => "with `\\/` for slashes",
            Self::Go => "with `\\u` escapes for `<`, `>` and `&`",
            Self::Net => "with `\\u` escapes in upper-case digits for all but plain ASCII",
        })
    }

    /// Writes the text between quotes again. Keeps an escape that all writers write alike, or that is half of a
    /// character.
    pub(super) fn write(self, raw: &str, out: &mut String) {
        if self == Self::Kept {
            out.push_str(raw);
            return;
        }
        // All writers write most of a text in the same way.
        let is_special = |byte: u8| !(byte.is_ascii_alphanumeric() || b" -_.,:=@#".contains(&byte));
        let len = raw.bytes().position(is_special).unwrap_or(raw.len());
        out.push_str(&raw[..len]);
        let mut rest = &raw[len..];
        while let Some(character) = rest.chars().next() {
            let decoded = if character == '\\' {
                unescape(rest)
            } else {
                Some((character, character.len_utf8()))
            };
            let len = if let Some((character, len)) = decoded {
                self.write_char(character, out);
                len
            } else {
                let len = rest.len().min(2);
                let len = if rest.is_char_boundary(len) { len } else { 1 };
                out.push_str(&rest[..len]);
                len
            };
            rest = &rest[len..];
        }
    }

    fn write_char(self, character: char, out: &mut String) {
        let short = match character {
            '"' if self == Self::Net => None,
            '"' => Some("\\\""),
            '\\' => Some("\\\\"),
            '\u{8}' => Some("\\b"),
            '\u{c}' => Some("\\f"),
            '\n' => Some("\\n"),
            '\r' => Some("\\r"),
            '\t' => Some("\\t"),
            '/' if matches!(self, Self::Php | Self::PhpUtf8) => Some("\\/"),
            _ => None,
        };
        let must_be_escaped = match (self, character) {
            (_, '\0'..='\u{1f}')
            | (Self::Net, '"' | '<' | '>' | '&' | '\'' | '+' | '`' | '\u{7f}')
            | (Self::Go, '<' | '>' | '&' | '\u{2028}' | '\u{2029}') => true,
            (Self::Ascii | Self::Php | Self::Net, character) => !character.is_ascii(),
            _ => false,
        };
        if let Some(short) = short {
            out.push_str(short);
        } else if must_be_escaped {
            for unit in character.encode_utf16(&mut [0; 2]) {
                let written = if self == Self::Net {
                    write!(out, "\\u{unit:04X}")
                } else {
                    write!(out, "\\u{unit:04x}")
                };
                written.expect("a `String` takes any text");
            }
        } else {
            out.push(character);
        }
    }
}

/// Returns the character of the escape that `text` begins with, and the length of the escape. Returns `None` for an
/// escape that all writers write alike, such as `\n`.
fn unescape(text: &str) -> Option<(char, usize)> {
    let unit = |at: usize| {
        let digits = text.get(at..)?.strip_prefix("\\u")?.get(..4)?;
        u16::from_str_radix(digits, 16).ok()
    };
    Some(match text.as_bytes().get(1)? {
        b'"' => ('"', 2),
        b'/' => ('/', 2),
        b'u' => {
            let first = unit(0)?;
            if let Some(character) = char::from_u32(first.into()) {
                (character, 6)
            } else {
                let mut pair = char::decode_utf16([first, unit(6)?]);
                (pair.next()?.ok()?, 12)
            }
        }
        _ => return None,
    })
}

/// The form in which a writer writes numbers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Numbers {
    /// As in the document.
    Kept,
    /// As JavaScript: `1` for `1.0`, `1000` for `1e3`.
    JavaScript,
    /// `1.0` for `1`.
    Point,
    /// `1.50` for `1.5`, and `1.00` for `1`.
    Cents,
    /// `1e3` for `1000`.
    Exponent,
}

impl Numbers {
    pub(super) const ALL: [Self; 5] = [
        Self::Kept,
        Self::JavaScript,
        Self::Point,
        Self::Cents,
        Self::Exponent,
    ];

    pub(super) fn words(self) -> Option<&'static str> {
        Some(match self {
            Self::Kept => return None,
            Self::JavaScript => "with numbers as JavaScript prints them (`1` for `1.0`)",
            Self::Point => "with numbers with a point (`1.0` for `1`)",
            Self::Cents => "with numbers with two decimals (`1.50` for `1.5`)",
            Self::Exponent => "with numbers with an exponent (`1e3` for `1000`)",
        })
    }

    pub(super) fn print(self, text: &str) -> Cow<'_, str> {
        let is_integer = !text.contains(['.', 'e', 'E']);
        let decimals = text
            .split_once('.')
            .map_or(0, |(_, decimals)| decimals.len());
        let printed = match self {
            Self::JavaScript => java_script(text),
            Self::Point if is_integer => Some(format!("{text}.0")),
            Self::Cents if is_integer => Some(format!("{text}.00")),
            Self::Cents if decimals == 1 && !text.contains(['e', 'E']) => Some(format!("{text}0")),
            Self::Exponent if is_integer => exponent(text),
            _ => None,
        };
        printed.map_or(Cow::Borrowed(text), Cow::Owned)
    }
}

/// Prints a number like JavaScript: with the fewest digits, and with an exponent only if it is very large or very
/// small.
fn java_script(text: &str) -> Option<String> {
    let number: f64 = text.parse().ok()?;
    if !number.is_finite() {
        return None;
    }
    if number == 0.0 {
        return Some("0".to_owned());
    }
    Some(if (1e-6..1e21).contains(&number.abs()) {
        number.to_string()
    } else {
        let text = format!("{number:e}");
        if text.contains("e-") {
            text
        } else {
            text.replace('e', "e+")
        }
    })
}

/// Prints an integer that ends with zeros with an exponent, such as `1e3` or `1.5e3`.
fn exponent(text: &str) -> Option<String> {
    let (sign, digits) = text
        .strip_prefix('-')
        .map_or(("", text), |rest| ("-", rest));
    let significant = digits.trim_end_matches('0');
    if digits.len() - significant.len() < 2 || significant.is_empty() {
        return None;
    }
    let exponent = digits.len() - 1;
    let (first, rest) = significant.split_at(1);
    let point = if rest.is_empty() { "" } else { "." };
    Some(format!("{sign}{first}{point}{rest}e{exponent}"))
}
