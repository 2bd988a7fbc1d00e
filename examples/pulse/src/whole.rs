//! A check for the end of a JSON document, with a few bytes of memory for a document of any length and depth.

use std::io::{self, BufRead};

/// Returns whether a text is one JSON object or list, from its first bracket to its last.
///
/// It does not check the content, only whether the end is missing. Other kinds of JSON are never complete, because the
/// first half of a number is also a number. Neither is a text with a zero byte, which JSON cannot contain: a power cut
/// can leave a hole in a file.
pub(crate) fn is_whole(mut text: impl BufRead) -> io::Result<bool> {
    let mut scan = Scan::default();
    loop {
        let piece = text.fill_buf()?;
        if piece.is_empty() {
            return Ok(scan.has_ended);
        }
        if !piece.iter().all(|byte| scan.take(*byte)) {
            return Ok(false);
        }
        let len = piece.len();
        text.consume(len);
    }
}

#[derive(Default)]
struct Scan {
    depth: u64,
    is_in_string: bool,
    is_escaped: bool,
    has_ended: bool,
}

impl Scan {
    /// Returns `false` if a complete document cannot have this byte here.
    fn take(&mut self, byte: u8) -> bool {
        if byte == 0 {
            return false;
        }
        if self.is_in_string {
            match byte {
                _ if self.is_escaped => self.is_escaped = false,
                b'\\' => self.is_escaped = true,
                b'"' => self.is_in_string = false,
                _ => {}
            }
            return true;
        }
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' => true,
            _ if self.has_ended => false,
            b'{' | b'[' => {
                self.depth += 1;
                true
            }
            _ if self.depth == 0 => false,
            b'}' | b']' => {
                self.depth -= 1;
                self.has_ended = self.depth == 0;
                true
            }
            _ => {
                self.is_in_string = byte == b'"';
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_whole_at_its_last_byte_and_not_before() {
        let document = br#" {"a": [1, "}]\"", {"b": "\\"}], "c\\": {}, "d": "[{"} "#;
        let end = document.len() - 1;
        for len in 0..=document.len() {
            let piece = &document[..len];
            assert_eq!(is_whole(piece).unwrap(), len >= end, "{len}");
        }
    }

    #[test]
    fn what_is_no_object_and_no_list_is_never_whole() {
        for text in [
            "", " ", "12", "\"a\"", "true", "<html>", "{}{", "{}1", "}", "]", "1{}", "{\0}",
            "[\"\0\"]", "{}\0",
        ] {
            assert!(!is_whole(text.as_bytes()).unwrap(), "{text:?}");
        }
        for text in ["{}", "[]", "[1]", "\n[{}]\n"] {
            assert!(is_whole(text.as_bytes()).unwrap(), "{text:?}");
        }
    }
}
