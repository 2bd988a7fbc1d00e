//! Requests with an ambiguous length, which hyper rejects.

use super::smuggling::{CHUNKED, HIDDEN, chunk, chunk_with, send, size};
use super::target::Target;

#[tokio::test]
async fn a_request_whose_length_is_in_doubt_never_reaches_the_middleware() {
    let target = Target::start().await;
    let len = HIDDEN.len();
    let length = format!("content-length: {len}\r\n");
    let beyond_u64 = (1 << 64) + len as u128;
    let with_length: &[(&str, &str)] = &[
        ("two lengths", &format!("{length}content-length: 0\r\n")),
        (
            "two lengths, turned",
            &format!("content-length: 0\r\n{length}"),
        ),
        ("a list", &format!("content-length: {len}, {len}\r\n")),
        ("a plus", &format!("content-length: +{len}\r\n")),
        ("a minus", &format!("content-length: -{len}\r\n")),
        ("a space", "content-length: 6 1\r\n"),
        ("nothing", "content-length:\r\n"),
        ("hexadecimal", &format!("content-length: 0x{len:x}\r\n")),
        ("a fraction", &format!("content-length: {len}.0\r\n")),
        ("overflow", &format!("content-length: {beyond_u64}\r\n")),
        (
            "the largest number",
            &format!("content-length: {}\r\n", u64::MAX),
        ),
        (
            "a space before the colon",
            &format!("content-length : {len}\r\n"),
        ),
        ("in a folded line", &format!("x: y\r\n {length}")),
        ("after a bare CR", &format!("x: y\r{length}")),
        ("after a NUL", &format!("x: y\0\r\n{length}")),
        (
            "unknown coding",
            &format!("{length}transfer-encoding: x\r\n"),
        ),
    ];
    let chunked: &[(&str, &str)] = &[
        (
            "a plus, chunked",
            &format!("content-length: +4\r\n{CHUNKED}"),
        ),
        (
            "a space before the colon",
            "transfer-encoding : chunked\r\n",
        ),
        (
            "a length, and a space before the colon",
            &format!("{length}transfer-encoding : chunked\r\n"),
        ),
        ("a folded line", "transfer-encoding:\r\n chunked\r\n"),
        ("xchunked", "transfer-encoding: xchunked\r\n"),
        ("identity", "transfer-encoding: identity\r\n"),
        ("identity last", "transfer-encoding: chunked, identity\r\n"),
        (
            "identity in the last line",
            &format!("{CHUNKED}transfer-encoding: identity\r\n"),
        ),
        ("a vertical tab", "transfer-encoding: \x0bchunked\r\n"),
        ("quotes", "transfer-encoding: \"chunked\"\r\n"),
        ("a parameter", "transfer-encoding: chunked;q=1\r\n"),
    ];
    let chunk = chunk();
    let with_length = with_length.iter().map(|row| (row, HIDDEN));
    let chunked = chunked.iter().map(|row| (row, &*chunk));
    for ((name, framing), bytes) in with_length.chain(chunked) {
        for signed in [HIDDEN, ""] {
            let outcome = send(&target, framing, bytes, signed).await;
            let [400 | 431] = outcome.statuses[..] else {
                panic!("{name}: {:?}", outcome.statuses);
            };
            assert_eq!(outcome.paths, [""; 0], "{name}");
            target.assert_received_in(name, &[]);
        }
    }
}

#[tokio::test]
async fn a_chunk_whose_end_is_in_doubt_ends_the_connection() {
    let target = Target::start().await;
    let hex = format!("{:x}", HIDDEN.len());
    let beyond_u64 = format!("1{:016x}\r\n", HIDDEN.len());
    let with_size = |size: &str| chunk_with(size, "\r\n", "0\r\n\r\n");
    let with_after = |after: &str| chunk_with(&size(), after, "0\r\n\r\n");
    for (name, bytes) in [
        ("a plus", with_size(&format!("+{hex}\r\n"))),
        ("a minus", with_size(&format!("-{hex}\r\n"))),
        ("0x", with_size(&format!("0x{hex}\r\n"))),
        ("a space", with_size(&format!(" {hex}\r\n"))),
        ("no size", with_size("\r\n")),
        ("no digit", with_size("g\r\n")),
        ("overflow", with_size(&beyond_u64)),
        ("the largest size", with_size("ffffffffffffffff\r\n")),
        ("a bare LF", with_size(&format!("{hex}\n"))),
        ("two CR", with_size(&format!("{hex}\r\r\n"))),
        (
            "an LF in an extension",
            with_size(&format!("{hex};a\n\r\n")),
        ),
        (
            "a CR in an extension",
            with_size(&format!("{hex};a\rb\r\n")),
        ),
        ("nothing after the data", with_after("")),
        ("something else after the data", with_after("xx")),
        ("a bare LF after the data", with_after("\n")),
        ("bare LFs at the end", chunk_with(&size(), "\r\n", "0\n\n")),
    ] {
        for signed in [HIDDEN, ""] {
            let outcome = send(&target, CHUNKED, &bytes, signed).await;
            assert_eq!(outcome.statuses, [503], "{name}");
            assert_eq!(outcome.paths, ["/webhook"], "{name}");
            target.assert_received_in(name, &[]);
        }
    }
}
