//! HPACK (RFC 7541): the fields of requests, and the statuses of responses.

/// Returns the fields in HPACK, as literals that are not indexed.
pub(crate) fn block<T: AsRef<str>>(fields: &[(T, T)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        string(name.as_ref(), &mut block);
        string(value.as_ref(), &mut block);
    }
    block
}

/// Adds a field to the HPACK table of the connection. [`REFERENCE`] refers to it.
pub(crate) fn indexed_field(name: &str, value: &str) -> Vec<u8> {
    let mut block = vec![0x40];
    string(name, &mut block);
    string(value, &mut block);
    block
}

/// Repeats the latest [`indexed_field`], in one byte.
pub(crate) const REFERENCE: u8 = 0x80 | 0x3e;

/// Adds a string literal of HPACK (RFC 7541, section 5.2), without the Huffman code.
fn string(text: &str, block: &mut Vec<u8>) {
    const PREFIX: usize = 127;
    if text.len() < PREFIX {
        block.push(u8::try_from(text.len()).unwrap());
    } else {
        block.push(127);
        let mut rest = text.len() - PREFIX;
        while rest >= 128 {
            block.push(u8::try_from(rest % 128).unwrap() | 128);
            rest /= 128;
        }
        block.push(u8::try_from(rest).unwrap());
    }
    block.extend(text.bytes());
}

/// Returns the status at the start of a response's header block: indexed, or three digits in the Huffman code.
pub(crate) fn status(block: &[u8]) -> u16 {
    match *block {
        // The size of the table, which is zero.
        [0x20, ref rest @ ..] => status(rest),
        [0x88, ..] => 200,
        [0x8c, ..] => 400,
        [0x48 | 0x08, length, ref rest @ ..] if length & 0x80 != 0 => {
            let mut bits = rest
                .iter()
                .flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1));
            let mut take = |count: usize| {
                let bits = bits.by_ref().take(count);
                bits.fold(0, |number, bit| number * 2 + u16::from(bit))
            };
            (0..3).fold(0, |status, _| {
                let digit = match take(5) {
                    // 0, 1 and 2 have five bits; the other digits have six, from 0b011001 on.
                    digit @ 0..=2 => digit,
                    first => first * 2 + take(1) - 0b01_1001 + 3,
                };
                status * 10 + digit
            })
        }
        _ => panic!("no status at the start of {block:x?}"),
    }
}
