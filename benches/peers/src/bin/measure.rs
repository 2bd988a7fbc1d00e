//! The time of a delivery at the level of Tower, with its body in memory, in one process. `times` starts many.
//!
//! ```text
//! measure SEED ROUNDS [NAME...]
//! ```
//!
//! In each round, every contender delivers a batch, in a random order, so that a disturbance of the machine disturbs
//! all of them. With names, only these are measured, and what they are compared with.

use std::{env, io, mem};

use fastrand::Rng;
use peers::contender::{self, Contender};
use peers::cpu_time;
use peers::delivery::Delivery;
use peers::limit::BareHmac;
use peers::results::{Added, Spread, TimeOf, TimesOfSize};

const SIZES: [usize; 4] = [128, 1024, 20 * 1024, 350 * 1024];

fn main() -> io::Result<()> {
    let mut arguments = env::args().skip(1);
    let mut number = || arguments.next()?.parse().ok();
    let (Some(seed), Some(rounds)) = (number(), number()) else {
        return Err(io::Error::other("measure SEED ROUNDS [NAME...]"));
    };
    let names: Vec<_> = arguments.collect();
    let mut random = Rng::with_seed(seed);
    // So that later allocations are at another place than in the next process.
    mem::forget(vec![0_u8; random.usize(..4096)]);

    let mut sizes = SIZES;
    random.shuffle(&mut sizes);
    let mut measured =
        sizes.map(|body_len| measure(body_len, rounds as usize, &names, &mut random));
    measured.sort_by_key(|size| size.body_len);
    serde_json::to_writer(io::stdout(), &measured)?;
    Ok(())
}

fn measure(body_len: usize, rounds: usize, names: &[String], random: &mut Rng) -> TimesOfSize<f64> {
    let delivery = Delivery::signed(body_len);
    let mut contenders = chosen(contender::all(&delivery), names);
    let limit = BareHmac::new();

    let mut order: Vec<_> = (0..=contenders.len()).collect();
    // The first round is for warming up.
    let rounds: Vec<_> = (0..=rounds)
        .map(|_| {
            random.shuffle(&mut order);
            run_round(&order, &delivery, &limit, &mut contenders)
        })
        .skip(1)
        .collect();

    let median =
        |value: &dyn Fn(&Round) -> f64| rounds.iter().map(value).collect::<Spread>().median;
    let time_of = |(index, contender): (usize, &Contender)| {
        let position = |name: &String| contenders.iter().position(|other| other.name == *name);
        let added = contender
            .baseline
            .as_ref()
            .and_then(position)
            .map(|baseline| {
                let nanos =
                    move |round: &Round| round.contenders[index] - round.contenders[baseline];
                Added {
                    nanos: median(&nanos),
                    ratio: median(&|round| nanos(round) / round.limit),
                }
            });
        TimeOf {
            name: contender.name.clone(),
            table: contender.table,
            total: median(&|round| round.contenders[index]),
            added,
        }
    };
    TimesOfSize {
        body_len,
        limit: median(&|round| round.limit),
        contenders: contenders.iter().enumerate().map(time_of).collect(),
    }
}

/// Returns the contenders with these names, or all if there are none, and what they are compared with.
fn chosen(mut contenders: Vec<Contender>, names: &[String]) -> Vec<Contender> {
    let is_named = |contender: &Contender| names.contains(&contender.name);
    let baselines: Vec<_> = contenders
        .iter()
        .filter(|contender| is_named(contender))
        .filter_map(|contender| contender.baseline.clone())
        .collect();
    contenders.retain(|contender| {
        names.is_empty() || is_named(contender) || baselines.contains(&contender.name)
    });
    contenders
}

/// Nanoseconds for one delivery.
struct Round {
    limit: f64,
    contenders: Vec<f64>,
}

fn run_round(
    order: &[usize],
    delivery: &Delivery,
    limit: &BareHmac,
    contenders: &mut [Contender],
) -> Round {
    let mut round = Round {
        limit: 0.0,
        contenders: vec![0.0; contenders.len()],
    };
    for index in order {
        let (batch, (time, ())) = if let Some(contender) = contenders.get_mut(*index) {
            (contender.batch, cpu_time::of(|| contender.deliver()))
        } else {
            let batch = contender::batch(delivery.body.len());
            let work = || (0..batch).for_each(|_| limit.compute(delivery));
            (batch, cpu_time::of(work))
        };
        let nanos = time.as_nanos() as f64 / batch as f64;
        *round.contenders.get_mut(*index).unwrap_or(&mut round.limit) = nanos;
    }
    round
}
