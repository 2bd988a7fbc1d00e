//! One delivery of each kind, whose instructions callgrind counts: run the script `benches/instructions`.

mod support;

use std::env;
use std::hint::black_box;
use std::io::{self, Write as _};

use self::support::{Case, KIB, WHOLE};

fn main() -> io::Result<()> {
    let wanted = env::args().nth(1).filter(|name| name != "--bench");
    let mut out = io::stdout();
    for (name, case) in cases() {
        if wanted.as_ref().is_some_and(|wanted| wanted != name) {
            continue;
        }
        let works: [&mut dyn FnMut(); 3] =
            [&mut case.verified(), &mut *case.bare(), &mut case.hmac()];
        for work in works {
            // This sets up what is set up once.
            work();
            work();
            counted(work);
        }
        writeln!(out, "{} {name}", case.macs)?;
    }
    Ok(())
}

/// The only function whose instructions are counted.
#[inline(never)]
fn counted(work: &mut dyn FnMut()) {
    work();
    // Without this, the call would be a jump, and callgrind would not see it return.
    black_box(());
}

fn cases() -> impl IntoIterator<Item = (&'static str, Case)> {
    let small = Case::genuine(128, WHOLE);
    let medium = Case::genuine(KIB, WHOLE);
    let large = Case::genuine(20 * KIB, WHOLE);
    let forged = Case::forged(KIB, WHOLE);
    [
        ("128 B", small.clone()),
        ("128 B, svix-* headers", small.svix()),
        ("1 KiB", medium.clone()),
        ("1 KiB, 2 keys, the first signed", medium.clone().keys(2, 0)),
        (
            "1 KiB, 2 keys, the second signed",
            medium.clone().keys(2, 1),
        ),
        ("20 KiB", large.clone()),
        ("20 KiB in 5 frames", Case::genuine(20 * KIB, 4 * KIB)),
        ("20 KiB, 1000 signatures listed", large.listed(1000)),
        ("1 KiB, forged", forged.clone()),
        ("1 KiB, forged, 2 keys", forged.keys(2, 0)),
        ("1 KiB, stale", medium.clone().stale()),
        ("1 KiB, no signature", medium.unsigned()),
    ]
}
