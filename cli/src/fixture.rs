//! A delivery as a file that `test_util` and the other commands read: HTTP/1.1, byte by byte.

/// The file. Its `content-length` is that of the body, whatever the headers say.
pub(crate) fn file(
    method: &str,
    target: &str,
    headers: &[(String, String)],
    body: &[u8],
) -> Vec<u8> {
    let mut file = format!("{method} {target} HTTP/1.1\r\n").into_bytes();
    for (name, value) in headers {
        if name == "content-length" || name == "transfer-encoding" {
            continue;
        }
        file.extend_from_slice(name.as_bytes());
        file.extend_from_slice(b": ");
        // Each character is one byte of the value.
        file.extend(
            value
                .chars()
                .filter_map(|character| u8::try_from(character).ok()),
        );
        file.extend_from_slice(b"\r\n");
    }
    file.extend_from_slice(format!("content-length: {}\r\n\r\n", body.len()).as_bytes());
    file.extend_from_slice(body);
    file
}

/// A name for the file of a delivery, out of its id.
pub(crate) fn name(number: u64, id: Option<&str>) -> String {
    let safe = |character: &char| character.is_ascii_alphanumeric() || "-_".contains(*character);
    let id: String = id
        .unwrap_or_default()
        .chars()
        .filter(safe)
        .take(64)
        .collect();
    if id.is_empty() {
        format!("delivery-{number}.http")
    } else {
        format!("{id}.http")
    }
}

#[cfg(test)]
mod tests {
    use super::name;

    #[test]
    fn a_name_stays_in_its_folder() {
        for (id, expected) in [
            (Some("msg_1"), "msg_1.http"),
            (Some("../../etc/passwd"), "etcpasswd.http"),
            (Some("a\"; b\r\n"), "ab.http"),
            (Some("..."), "delivery-7.http"),
            (None, "delivery-7.http"),
        ] {
            assert_eq!(name(7, id), expected);
        }
    }
}
