//! Programs whose clock is wrong.

use std::env;
use std::path::Path;
use std::process::Command;

/// Makes the clock of a program go ahead by `offset`, as in `-240s`, and leaves its monotonic clock alone.
///
/// Panics if Debian's package `faketime` is missing. A program with an allocator of its own may not start with it: Redis
/// does not.
pub fn set_clock<'command>(command: &'command mut Command, offset: &str) -> &'command mut Command {
    let folder = format!("/usr/lib/{}-linux-gnu/faketime", env::consts::ARCH);
    let library = Path::new(&folder).join("libfaketimeMT.so.1");
    assert!(
        library.is_file(),
        "`faketime` is installed: on Debian, `apt-get install faketime`"
    );
    command
        .env("LD_PRELOAD", library)
        .env("FAKETIME", offset)
        .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
}
