//! Programs with a wrong clock.

use std::env;
use std::path::Path;
use std::process::Command;

/// Moves the clock of a program by `offset`: `-240s` sets it back. Its monotonic clock stays right.
///
/// Panics if Debian's package `faketime` is missing. A program with its own allocator, such as Redis, may not start
/// with it.
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
