//! What a delivery costs at the level of Tower, with its body in memory.
//!
//! In each round everyone delivers a batch, in an order of its own: what disturbs the machine, disturbs all of them.

use std::io;

use peers::contender::{self, Contender};
use peers::cpu_time;
use peers::delivery::Delivery;
use peers::limit::BareHmac;
use peers::results::{Added, Stored as _, TimeOf, Times, TimesOfSize, is_quick};

const SIZES: [usize; 5] = [128, 1024, 20 * 1024, 350 * 1024, 2 * 1024 * 1024];

fn main() -> io::Result<()> {
    let rounds = if is_quick() { 40 } else { 600 };
    let sizes = SIZES
        .into_iter()
        .map(|body_len| measure(body_len, rounds))
        .collect();
    Times { rounds, sizes }.save()
}

fn measure(body_len: usize, rounds: usize) -> TimesOfSize {
    let delivery = Delivery::signed(body_len);
    let mut contenders = contender::all_sound(&delivery);
    let limit = BareHmac::new();
    // Some 100 µs at the least, beside which it costs nothing to read the clock.
    let batch = (256 * 1024 / body_len).clamp(1, 1000);

    let mut order: Vec<_> = (0..=contenders.len()).collect();
    let mut random = fastrand::Rng::with_seed(1);
    let rounds: Vec<Round> = (0..rounds)
        .map(|_| {
            random.shuffle(&mut order);
            run_round(&order, batch, &delivery, &limit, &mut contenders)
        })
        .collect();

    TimesOfSize {
        body_len,
        limit: rounds.iter().map(|round| round.limit).collect(),
        contenders: (0..contenders.len())
            .map(|index| time_of(index, &contenders, &rounds))
            .collect(),
    }
}

/// Nanoseconds for one delivery.
struct Round {
    limit: f64,
    contenders: Vec<f64>,
}

fn run_round(
    order: &[usize],
    batch: usize,
    delivery: &Delivery,
    limit: &BareHmac,
    contenders: &mut [Contender],
) -> Round {
    let mut round = Round {
        limit: 0.0,
        contenders: vec![0.0; contenders.len()],
    };
    for index in order {
        let (time, result) = match contenders.get_mut(*index) {
            Some(contender) => (
                &mut round.contenders[*index],
                cpu_time::of(|| assert_eq!(contender.deliver(batch), batch)),
            ),
            None => (
                &mut round.limit,
                cpu_time::of(|| (0..batch).for_each(|_| limit.compute(delivery))),
            ),
        };
        *time = result.0.as_nanos() as f64 / batch as f64;
    }
    round
}

fn time_of(index: usize, contenders: &[Contender], rounds: &[Round]) -> TimeOf {
    let Contender { name, baseline, .. } = contenders[index];
    let added = baseline.map(|baseline| {
        let baseline = contenders
            .iter()
            .position(|contender| contender.name == baseline)
            .expect("a baseline is a contender");
        let added = |round: &Round| round.contenders[index] - round.contenders[baseline];
        Added {
            nanos: rounds.iter().map(added).collect(),
            ratio: rounds
                .iter()
                .map(|round| added(round) / round.limit)
                .collect(),
        }
    });
    TimeOf {
        name: name.to_owned(),
        total: rounds.iter().map(|round| round.contenders[index]).collect(),
        added,
    }
}
