//! The stack, where calls leave what they moved.

use std::hint::black_box;

/// More bytes than the calls use of the stack that compute a part of a MAC. Each kibibyte takes some 15 ns.
const DEPTH: usize = 1024;

/// [Wipes](wipe) the stack at the end of the scope that it is made in, after a panic too.
pub(crate) struct WipeOnDrop;

impl Drop for WipeOnDrop {
    #[inline]
    fn drop(&mut self) {
        wipe();
    }
}

/// Overwrites what the calls before, of the same caller, left on the stack.
///
/// A value that is moved leaves a copy behind that no destructor wipes. A later call may carry such bytes to the heap, as
/// the unused part of a future that a framework boxes, where they would stay. The state of a MAC is as good as the key, so
/// it is moved only within functions that are not inlined, and their caller calls this one afterwards. What is counted
/// from there is the crate's own: how deep the caller is on the stack, or how much of it a body takes, does not matter.
#[inline(never)]
pub(crate) fn wipe() {
    black_box(&mut [0_u8; DEPTH]);
}
