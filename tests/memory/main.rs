//! Tests of the memory of a whole process.
//!
//! Each case runs in its own process, so that only the case is counted. The usual test harness cannot do that, because
//! its main thread allocates while a test runs. So this test has its own `main`. It starts itself once for each case,
//! and takes those arguments of the usual harness that matter.

mod allocations;
mod bodies;
mod runner;
#[cfg(target_os = "linux")]
mod secrets_in_memory;
mod store;

use std::process::ExitCode;

use dhat::HeapStats;
use http::HeaderMap;
use http_body_util::Full;
use tower_svix_tests::deliver;
use tower_svix_tests::fixture::{BODY, layer, signed};

use self::runner::{Case, cases};

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

const CASES: &[&[Case]] = &[
    cases![
        allocations:
        verification_adds_the_three_blocks_of_an_extension
        a_clone_of_an_event_allocates_nothing
        a_compact_event_keeps_only_its_own_payload
    ],
    cases![
        bodies:
        a_claimed_length_reserves_at_most_64_kib
        a_claimed_length_is_reserved_at_once_when_half_a_mib_has_arrived
        a_body_of_the_claimed_length_takes_no_more_than_that
        a_claimed_length_spares_all_moves_of_the_buffer
        a_buffer_that_grows_is_moved_a_few_times
        a_stalled_upload_holds_little_more_than_it_sent
        a_claim_is_not_exceeded_once_it_is_believed
        a_thousand_stalled_uploads_hold_little_more_than_they_sent
        a_body_in_single_bytes_takes_at_most_twice_its_size
        a_rejected_request_holds_nothing_even_while_its_future_lives
    ],
    cases![store: a_full_store_takes_130_bytes_for_each_event],
    #[cfg(target_os = "linux")]
    cases![
        secrets_in_memory:
        the_search_finds_what_lives_and_what_was_not_wiped
        a_secret_leaves_nothing_behind
        a_secret_that_moves_leaves_nothing_behind
        a_delivery_in_a_box_leaves_nothing_behind
        a_delivery_deep_on_the_stack_leaves_nothing_behind
        a_delivery_to_axum_leaves_nothing_behind
        a_verification_that_moves_leaves_nothing_behind
        a_body_that_panics_leaves_nothing_behind
        a_text_that_is_no_secret_leaves_nothing_behind
        a_generated_secret_leaves_nothing_behind
    ],
    #[cfg(all(target_os = "linux", feature = "ed25519"))]
    cases![secrets_in_memory: a_private_key_leaves_nothing_behind],
];

fn main() -> ExitCode {
    #[cfg(target_os = "linux")]
    if secrets_in_memory::plays_a_role() {
        return ExitCode::SUCCESS;
    }
    #[cfg(not(target_os = "linux"))]
    println!("NOT TESTED: secrets in memory. Only Linux shows the memory of another process");
    runner::run(&CASES.concat())
}

/// Counts from here on, until the value is dropped. What the first deliveries set up once is not counted.
fn count() -> dhat::Profiler {
    for headers in [HeaderMap::new(), signed(BODY), signed(b"another body")] {
        deliver(&layer(), headers, Full::new(BODY));
    }
    dhat::Profiler::builder().testing().build()
}

/// Returns how many bytes are allocated now.
fn held() -> usize {
    HeapStats::get().curr_bytes
}

/// Returns how many blocks `work` allocates. A block that is reallocated is counted again.
fn blocks_of<T>(work: impl FnOnce() -> T) -> (u64, T) {
    let before = HeapStats::get().total_blocks;
    let result = work();
    (HeapStats::get().total_blocks - before, result)
}
