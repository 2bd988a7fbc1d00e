//! Mistakes with the time.

use std::time::Duration;

use tower_svix::diagnose::Diagnosis;

use super::delivery::{BODY, Delivery, ID, KEY, NOW, codes, v1};

/// Returns a delivery with one timestamp in its header and another one in its signature.
fn with_times(header: &str, signed: &str) -> Delivery {
    let message = format!("{ID}.{signed}.{BODY}");
    Delivery::new()
        .header("webhook-timestamp", header)
        .signature(v1(KEY, message.as_bytes()))
}

#[test]
fn a_timestamp_in_another_form_than_seconds() {
    let seconds = "1700000000";
    let millis = "1700000000123";
    let date = "2023-11-14T22:13:20Z";
    for (name, header, signed, expected) in [
        ("milliseconds", millis, millis, "timestamp-milliseconds"),
        (
            "milliseconds, signed as seconds",
            millis,
            seconds,
            "timestamp-milliseconds",
        ),
        (
            "seconds, signed as milliseconds",
            seconds,
            "1700000000000",
            "timestamp-milliseconds",
        ),
        ("a date", date, date, "timestamp-form"),
        (
            "a date, signed as seconds",
            date,
            seconds,
            "timestamp-reprinted",
        ),
        (
            "seconds, signed as a date",
            seconds,
            date,
            "timestamp-reprinted",
        ),
        (
            "a date with a fraction",
            seconds,
            "2023-11-14T22:13:20.000Z",
            "timestamp-reprinted",
        ),
        (
            "a date of Python",
            seconds,
            "2023-11-14T22:13:20+00:00",
            "timestamp-reprinted",
        ),
        (
            "a fraction",
            "1700000000.5",
            "1700000000.5",
            "timestamp-form",
        ),
        (
            "a fraction, signed without",
            "1700000000.0",
            seconds,
            "timestamp-reprinted",
        ),
        (
            "signed with a fraction",
            seconds,
            "1700000000.0",
            "timestamp-reprinted",
        ),
        (
            "leading zeros",
            "01700000000",
            "01700000000",
            "timestamp-form",
        ),
        (
            "leading zeros, signed without",
            "01700000000",
            seconds,
            "timestamp-reprinted",
        ),
        ("no time", "yesterday", "yesterday", "timestamp-form"),
        (
            "milliseconds, signed with a fraction",
            millis,
            "1700000000.123",
            "timestamp-milliseconds",
        ),
        (
            "a fraction, signed as milliseconds",
            "1700000000.5",
            "1700000000500",
            "timestamp-milliseconds",
        ),
        (
            "microseconds, signed as milliseconds",
            "2023-11-14T22:13:20.123456Z",
            "1700000000123",
            "timestamp-milliseconds",
        ),
        (
            "the largest number that is a time",
            "100000000000000",
            "100000000000",
            "timestamp-milliseconds",
        ),
    ] {
        with_times(header, signed).assert_found(name, &[expected]);
    }
}

#[test]
fn a_text_that_is_no_time_is_read_as_none() {
    for (header, signed) in [
        ("100000000000001", "100000000000"),
        ("1000000000000000", "1000000000000"),
        ("1700000000.5x", "1700000000"),
    ] {
        with_times(header, signed).assert_found(header, &[]);
    }
}

#[test]
fn a_date_is_the_one_that_other_calendars_show() {
    // Printed with `date -u -d @SECONDS +%FT%TZ` of coreutils.
    for (seconds, date) in [
        (0, "1970-01-01T00:00:00Z"),
        (68_169_599, "1972-02-28T23:59:59Z"),
        (68_169_600, "1972-02-29T00:00:00Z"),
        (951_782_400, "2000-02-29T00:00:00Z"),
        (951_868_799, "2000-02-29T23:59:59Z"),
        (1_735_689_599, "2024-12-31T23:59:59Z"),
        (1_735_689_600, "2025-01-01T00:00:00Z"),
        (4_107_542_399, "2100-02-28T23:59:59Z"),
        (4_107_542_400, "2100-03-01T00:00:00Z"),
        (32_503_680_000, "3000-01-01T00:00:00Z"),
    ] {
        let seconds = u64::to_string(&seconds);
        for (header, signed) in [(&*seconds, date), (date, &*seconds)] {
            let delivery = with_times(header, signed);
            assert_eq!(
                codes(delivery.diagnose().findings()),
                ["timestamp-reprinted"],
                "{date}"
            );
        }
    }
}

#[test]
fn a_delivery_at_another_time() {
    for (name, now, expected, suspicions) in [
        ("301 seconds old", NOW + 301, "timestamp-old", &[][..]),
        ("301 seconds new", NOW - 301, "timestamp-new", &[]),
        ("two hours and a half old", NOW + 9000, "timestamp-old", &[]),
        (
            "an hour old",
            NOW + 3600,
            "timestamp-old",
            &["clock-whole-hours"],
        ),
        (
            "nearly an hour old",
            NOW + 3590,
            "timestamp-old",
            &["clock-whole-hours"],
        ),
        (
            "a little more than two hours old",
            NOW + 7230,
            "timestamp-old",
            &["clock-whole-hours"],
        ),
        (
            "nine hours new",
            NOW - 9 * 3600,
            "timestamp-new",
            &["clock-whole-hours"],
        ),
        ("a day old", NOW + 86_400, "timestamp-old", &[]),
        ("at the start of time", 1, "timestamp-new", &[]),
        ("at its end", u64::MAX, "timestamp-old", &[]),
    ] {
        let delivery = Delivery::new().now(now);
        delivery.assert_found(name, &[expected]);
        let diagnosis = delivery.diagnose();
        assert_eq!(codes(diagnosis.suspicions()), suspicions, "{name}");
        if !suspicions.is_empty() {
            let direction = if now > NOW { "behind" } else { "ahead of" };
            let expected = format!(" {direction} the receiver's time: a whole number of hours");
            assert!(
                diagnosis.to_string().contains(&expected),
                "{name}: {diagnosis}"
            );
        }
    }
}

#[test]
fn the_text_says_by_how_much() {
    for (now, expected) in [
        (NOW + 301, "5 minutes before"),
        (NOW + 3600, "1 hour before"),
        (NOW + 90_000, "25 hours before"),
        (NOW + 864_000, "10 days before"),
        (NOW - 7200, "2 hours after"),
    ] {
        let text = Delivery::new().now(now).diagnose().to_string();
        assert!(text.contains(expected), "{expected}: {text}");
    }
}

#[test]
fn a_short_time_is_told_in_seconds() {
    for (now, expected) in [
        (NOW + 2, "2 seconds before"),
        (NOW + 119, "119 seconds before"),
        (NOW + 120, "2 minutes before"),
        (NOW - 2, "2 seconds after"),
    ] {
        let delivery = Delivery::new();
        let headers = delivery.header_map();
        let text = Diagnosis::of(&delivery.keys, &headers, &delivery.body)
            .tolerance(Duration::from_secs(1))
            .at(now)
            .to_string();
        assert!(text.contains(expected), "{expected}: {text}");
    }
}

#[test]
fn a_stale_delivery_with_another_mistake_has_both() {
    let delivery = Delivery::signed(format!("{BODY}\n"))
        .body(BODY)
        .now(NOW + 1000);
    delivery.assert_found("stale", &["body-newline-removed", "timestamp-old"]);
}
