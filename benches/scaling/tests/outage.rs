//! The model of an outage, where its result can be told without it.

use scaling::outage::{END, OUTAGE, Overload, PATIENCE, Run};
use scaling::schedule::Schedule;

const REFUSE: Overload = Overload::Refuse { wait_at_least: 0 };
const QUEUE: Overload = Overload::Queue { wait_at_least: 0 };
const MINUTE: usize = 60;
const EVENT: f64 = 1.0;

fn assert_close(value: f64, expected: f64, what: &str) {
    assert!(
        (value - expected).abs() < 1e-6,
        "{what}: {value} rather than {expected}"
    );
}

#[test]
fn without_an_outage_nothing_is_tried_twice() {
    for schedule in Schedule::all() {
        for overload in [REFUSE, QUEUE] {
            let run = Run::with_outage(&schedule, 1.2, overload, 0);
            assert_close(run.peak(0..END), EVENT, schedule.name);
            assert_close(run.given_up, 0.0, schedule.name);
        }
    }
}

#[test]
fn every_event_is_acknowledged_given_up_or_under_way() {
    for schedule in Schedule::all() {
        for overload in [REFUSE, QUEUE] {
            let run = Run::new(&schedule, 1.2, overload);
            let arrived = run.attempts.len() as f64;
            let under_way = run.under_way.last().unwrap();
            assert!(*under_way > -1e-6, "{}", schedule.name);
            let all = run.acknowledged + run.given_up + under_way;
            assert_close(all, arrived, schedule.name);
        }
    }
}

/// Each event of the outage is tried at once, after 5 s, after 5 min 5 s and after 35 min 5 s: by then the receiver is back.
#[test]
fn an_outage_is_repeated_by_the_delay_that_outlasts_it() {
    let run = Run::new(&Schedule::standard_webhooks(), 5.0, REFUSE);
    let last = OUTAGE - 1 + 30 * MINUTE;
    assert_close(run.attempts[OUTAGE + 10 * MINUTE], 2.0 * EVENT, "repeated");
    assert_close(run.under_way[last - 1], EVENT, "before the last of them");
    assert_close(run.attempts[last], 2.0 * EVENT, "the last of them");
    assert_eq!(run.attempts.len(), last + 1, "nothing is left");
    assert_close(run.given_up, 0.0, "given up");
}

/// Every event of the outage is tried again in the same second of each minute.
#[test]
fn a_fixed_interval_adds_up_all_that_waits() {
    let run = Run::new(&Schedule::every_minute(), 100.0, REFUSE);
    assert_close(run.attempts[OUTAGE - 1], 30.0 * EVENT, "at its end");
    assert_close(run.attempts[OUTAGE], 31.0 * EVENT, "after it");
    assert_eq!(run.attempts.len(), OUTAGE + MINUTE, "nothing is left");
}

#[test]
fn what_is_down_for_longer_than_the_schedule_loses_what_came_first() {
    let schedule = Schedule::every_minute();
    let span = schedule.span() as usize;
    let run = Run::with_outage(&schedule, 100.0, REFUSE, span + 7);
    assert_close(run.given_up, 7.0 * EVENT, "given up");
}

/// One each second, one 4 to 6 s later, and one 4 to 6 min after that.
#[test]
fn jitter_moves_attempts_and_makes_none() {
    let schedule = Schedule::svix();
    let run = Run::with_outage(&schedule, 100.0, REFUSE, END);
    assert_close(run.attempts[3], EVENT, "before the first retry");
    assert_close(run.attempts[200], 2.0 * EVENT, "before the second");
    assert_close(run.attempts[599], 3.0 * EVENT, "after the second");
}

/// Twice what it can do: an attempt waits for half of the time that has passed, until senders no longer do.
#[test]
fn a_line_that_never_refuses_answers_nobody_in_time() {
    let run = Run::with_outage(&Schedule::every_minute(), 0.5, QUEUE, 0);
    let served = 0.5 * (2 * PATIENCE) as f64;
    assert!(run.acknowledged <= served + 1.0, "{}", run.acknowledged);
    assert!(run.given_up > 0.0);
}
