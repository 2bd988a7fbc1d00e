//! Wipes the stack, where calls leave copies of the values that they moved.

use std::hint::black_box;

/// How many bytes of the stack are wiped: more than the calls that compute a part of a MAC use. Each kibibyte takes
/// some 15 ns.
const DEPTH: usize = 1024;

/// Guard that [wipes](wipe) the stack at the end of its scope, also after a panic.
pub(crate) struct WipeOnDrop;

impl Drop for WipeOnDrop {
    #[inline]
    fn drop(&mut self) {
        wipe();
    }
}

/// Overwrites what earlier calls of the same caller left on the stack.
///
/// A value that is moved leaves a copy behind, which no destructor wipes. A later call may carry such bytes to the
/// heap, as the unused part of a future that a framework boxes, where they would stay. The state of a MAC is as good as
/// the key. Therefore it is moved only within functions that are not inlined, and their caller calls this function
/// afterwards. The depth to wipe counts from that caller and covers only functions of the crate: how deep the caller is
/// on the stack, or how much of the stack a body uses, does not matter.
#[inline(never)]
pub(crate) fn wipe() {
    black_box(&mut [0_u8; DEPTH]);
}
