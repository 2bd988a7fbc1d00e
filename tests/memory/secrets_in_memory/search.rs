//! Searches the memory of the program that holds secrets.

use std::env;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::FileExt as _;
use std::process::{Child, ChildStdout, Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tower_svix_tests::fixture::BODY;

use super::holder;
use super::needles::{self, Needle};

/// How many bytes of a secret in a row count as a find: few enough to find a secret that was mostly overwritten, and
/// too many for a coincidence.
const PIECE: usize = 8;

/// The program, which waits to continue.
pub(crate) struct Holder {
    child: Child,
    stdout: BufReader<ChildStdout>,
}

impl Holder {
    pub(crate) fn start(role: &str) -> Self {
        let mut command = Command::new(env::current_exe().unwrap());
        command.env(holder::ROLE, role);
        command.env(holder::PUBLIC_KEY, public_key());
        command.env(holder::SIGNATURE, needles::signature_of(BODY));
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        Self { child, stdout }
    }

    /// Waits for a line that starts with `word`, and returns the rest of it.
    pub(crate) fn told(&mut self, word: &str) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        let told = line.trim_end().strip_prefix(word);
        told.unwrap_or_else(|| panic!("expected {word:?}: {line:?}"))
            .trim_start()
            .to_owned()
    }

    /// Returns which needles are in the memory in this phase. Then the program continues.
    pub(crate) fn found(&mut self, phase: &str, needles: &[Needle]) -> Vec<&'static str> {
        self.told(phase);
        let memory = heaps_and_variables(self.child.id());
        let found = needles.iter().filter(|needle| is_in(&memory, needle));
        let found = found.map(|needle| needle.name).collect();
        let stdin = self.child.stdin.as_mut().unwrap();
        stdin.write_all(b"\n").unwrap();
        found
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        // It waits only for this test.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Returns all writable memory of a process except its stack. There, each move leaves a copy that no destructor
/// reaches.
fn heaps_and_variables(process: u32) -> Vec<Vec<u8>> {
    let maps = fs::read_to_string(format!("/proc/{process}/maps")).unwrap();
    let memory = File::open(format!("/proc/{process}/mem")).unwrap();
    // `start-end rw-p … [heap]`
    let regions = maps
        .lines()
        .filter(|line| line.contains(" rw") && !line.ends_with("[stack]"));
    let read = |line: &str| {
        let (start, end) = line.split(' ').next().unwrap().split_once('-').unwrap();
        let address = |digits| u64::from_str_radix(digits, 16).unwrap();
        let (start, end) = (address(start), address(end));
        let mut region = vec![0; usize::try_from(end - start).unwrap()];
        memory.read_exact_at(&mut region, start).unwrap();
        region
    };
    regions.map(read).collect()
}

fn is_in(memory: &[Vec<u8>], needle: &Needle) -> bool {
    let (pieces, _) = needle.bytes.as_chunks::<PIECE>();
    assert!(pieces.len() > 1, "{} is too short", needle.name);
    let mut first_bytes = [false; 256];
    for piece in pieces {
        first_bytes[usize::from(piece[0])] = true;
    }
    memory.iter().any(|region| {
        region.windows(PIECE).any(|window| {
            first_bytes[usize::from(window[0])] && pieces.iter().any(|piece| window == piece)
        })
    })
}

/// Returns the half of the private key that is not secret.
fn public_key() -> String {
    let key = ed25519_dalek::SigningKey::from_bytes(&holder::with_key(|key| *key));
    STANDARD.encode(key.verifying_key())
}
