//! The allocations of a delivery at the level of Tower, with its body in memory.

use std::alloc::System;
use std::collections::HashMap;
use std::io;

use peers::contender::{self, Table};
use peers::delivery::Delivery;
use peers::results::{Allocations, AllocationsOf, Blocks, Stored as _};
use peers::tables;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const BODY_LEN: usize = 1024;

fn main() -> io::Result<()> {
    let delivery = Delivery::signed(BODY_LEN);
    // Each contender has delivered once, so what is set up once is there.
    let mut contenders = contender::all(&delivery);
    contenders.retain(|contender| contender.table != Table::Cases);
    let totals: HashMap<_, _> = contenders
        .iter_mut()
        .map(|contender| {
            let region = Region::new(ALLOCATOR);
            contender.batch = 1;
            contender.deliver();
            let change = region.change();
            let total = Blocks {
                count: (change.allocations + change.reallocations) as i64,
                bytes: change.bytes_allocated as i64,
            };
            (contender.name.clone(), total)
        })
        .collect();
    let contenders = contenders
        .iter()
        .map(|contender| {
            let total = totals[&contender.name];
            AllocationsOf {
                name: contender.name.clone(),
                total,
                added: contender.baseline.as_ref().map(|baseline| Blocks {
                    count: total.count - totals[baseline].count,
                    bytes: total.bytes - totals[baseline].bytes,
                }),
            }
        })
        .collect();
    let allocations = Allocations {
        body_len: BODY_LEN,
        contenders,
    };
    print!("{}", tables::allocations(&allocations));
    allocations.save()
}
