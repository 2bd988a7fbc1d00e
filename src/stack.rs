//! The stack, where calls leave what they moved.

use std::hint::black_box;

/// More bytes than the calls that compute a MAC use of the stack: 640 were enough for the tests of memory. Each kibibyte takes
/// some 15 ns.
const DEPTH: usize = 1024;

/// Overwrites what the calls before left on the stack.
///
/// A value that is moved leaves a copy behind that no destructor wipes. A later call may carry such bytes to the heap, as
/// the unused part of a future that a framework boxes, where they would stay. The state of a MAC is as good as the key, so
/// whoever computes one does so in a function that is not inlined, and calls this one afterwards.
#[inline(never)]
pub(crate) fn wipe() {
    black_box(&mut [0_u8; DEPTH]);
}
