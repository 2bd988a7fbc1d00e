//! The timestamp: its other forms, and its distance from now.

use super::finding::Finding;

/// A time that was read from a text in any form.
#[derive(Clone, Copy)]
struct Instant {
    unix_seconds: u64,
    milliseconds: u64,
    form: Form,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Seconds,
    Milliseconds,
    Other,
}

/// Returns the finding about the timestamp of a delivery whose signature is right.
pub(super) fn finding(text: &[u8], now: u64, tolerance: u64) -> Option<Finding> {
    let Some(instant) = Instant::read(text) else {
        return Some(Finding::new(
            "timestamp-form",
            "The signature is right, but the timestamp is no time at all.",
            SECONDS,
        ));
    };
    match instant.form {
        Form::Seconds => {}
        Form::Milliseconds => {
            return Some(Finding::new(
                "timestamp-milliseconds",
                "The signature is right, but the timestamp is in milliseconds since 1970.",
                SECONDS,
            ));
        }
        Form::Other => {
            return Some(Finding::new(
                "timestamp-form",
                "The signature is right, but the timestamp is not a plain number of seconds since 1970.",
                SECONDS,
            ));
        }
    }
    let distance = instant.unix_seconds.abs_diff(now);
    if distance <= tolerance {
        None
    } else if instant.unix_seconds < now {
        Some(Finding::new(
            "timestamp-old",
            format!(
                "The signature is right, but the delivery was signed {} before the receiver's time.",
                duration(distance)
            ),
            "If the delivery was kept and sent again, let the sender sign it again, or verify it at its own time. Otherwise, \
             set the clocks of both sides, or look for what held the delivery up.",
        ))
    } else {
        Some(Finding::new(
            "timestamp-new",
            format!(
                "The signature is right, but the delivery was signed {} after the receiver's time.",
                duration(distance)
            ),
            "Set the clocks of both sides.",
        ))
    }
}

const SECONDS: &str =
    "Let the sender send, and sign, whole seconds since 1970 in plain decimal digits.";

/// Returns the suspicion that a clock is off by a time zone or by summer time.
pub(super) fn clock_suspicion(text: &[u8], now: u64, tolerance: u64) -> Option<Finding> {
    const HOUR: u64 = 3600;
    const SLACK: u64 = 60;
    // Time zones are up to 14 hours from UTC.
    const MAX_HOURS: u64 = 14;

    let instant = Instant::read(text).filter(|instant| instant.form == Form::Seconds)?;
    let distance = instant.unix_seconds.abs_diff(now);
    let hours = (distance + SLACK) / HOUR;
    let is_whole = (distance + SLACK) % HOUR <= 2 * SLACK;
    if distance <= tolerance || !is_whole || !(1..=MAX_HOURS).contains(&hours) {
        return None;
    }
    let direction = if instant.unix_seconds < now {
        "behind"
    } else {
        "ahead of"
    };
    Some(Finding::new(
        "clock-whole-hours",
        format!(
            "The timestamp is {} {direction} the receiver's time: a whole number of hours, as if one side took its local time \
             for UTC.",
            duration(hours * HOUR)
        ),
        "Compare the clocks of both sides with UTC: seconds since 1970 are the same in all time zones.",
    ))
}

/// Returns other texts that the sender may have signed for this timestamp, and the findings if it did.
pub(super) fn reprints(text: &[u8]) -> Vec<(Vec<u8>, Finding)> {
    let Some(instant) = Instant::read(text) else {
        return Vec::new();
    };
    let seconds = instant.unix_seconds;
    let date = date(seconds);
    let millis = instant.milliseconds;
    let is_milliseconds = instant.form == Form::Milliseconds;
    let forms = [
        ("whole seconds", seconds.to_string()),
        ("milliseconds", format!("{}", seconds * 1000 + millis)),
        ("seconds with a fraction", format!("{seconds}.0")),
        ("seconds with a fraction", format!("{seconds}.{millis:03}")),
        ("a date of ISO 8601", format!("{date}Z")),
        ("a date of ISO 8601", format!("{date}.{millis:03}Z")),
        ("a date of ISO 8601", format!("{date}+00:00")),
    ];
    forms
        .into_iter()
        .filter(|(_, printed)| printed.as_bytes() != text)
        .map(|(form, printed)| {
            let code = if form == "milliseconds" || is_milliseconds {
                "timestamp-milliseconds"
            } else {
                "timestamp-reprinted"
            };
            let sentence = format!(
                "The signature covers the timestamp as {form}, and the header has it in another form."
            );
            let finding = Finding::new(
                code,
                sentence,
                "Let the sender send the very text that it signs: whole seconds since 1970 in plain decimal digits.",
            );
            (printed.into_bytes(), finding)
        })
        .collect()
}

impl Instant {
    fn read(text: &[u8]) -> Option<Self> {
        let text = str::from_utf8(text).ok()?.trim();
        if let Some(instant) = Self::read_date(text) {
            return Some(instant);
        }
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let number: u64 = whole.trim_start_matches('+').parse().ok()?;
        if number > MAX_NUMBER || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        // Times since 1973 have twelve digits or more in milliseconds. In seconds, that takes until the year 5138.
        let is_milliseconds = number >= 100_000_000_000;
        Some(if is_milliseconds {
            Self {
                unix_seconds: number / 1000,
                milliseconds: number % 1000,
                form: Form::Milliseconds,
            }
        } else {
            Self {
                unix_seconds: number,
                milliseconds: milliseconds(fraction),
                form: if text == number.to_string() {
                    Form::Seconds
                } else {
                    Form::Other
                },
            }
        })
    }

    /// Reads `2023-11-14T22:13:20Z`, with a fraction or without, in UTC.
    fn read_date(text: &str) -> Option<Self> {
        let (date, rest) = text.split_at_checked(19)?;
        let fraction = rest
            .strip_suffix('Z')
            .or_else(|| rest.strip_suffix("+00:00"))?;
        let number = |range: std::ops::Range<usize>| date.get(range)?.parse::<u64>().ok();
        let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
        let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
        if year < 1970 || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
            return None;
        }
        let days = days_since_1970(year, month, day);
        Some(Self {
            unix_seconds: days * 86_400 + hour * 3600 + minute * 60 + second,
            milliseconds: milliseconds(fraction.strip_prefix('.').unwrap_or_default()),
            form: Form::Other,
        })
    }
}

/// The largest number that is a time, in milliseconds.
const MAX_NUMBER: u64 = 100_000_000_000_000;

/// Returns the milliseconds of a fraction of a second.
fn milliseconds(fraction: &str) -> u64 {
    let digits = fraction.bytes().chain(std::iter::repeat(b'0')).take(3);
    digits.fold(0, |sum, digit| {
        10 * sum + u64::from(digit.wrapping_sub(b'0') % 10)
    })
}

/// Returns the days of the Gregorian calendar since 1970-01-01, with a count of days in years that begin in March.
fn days_since_1970(year: u64, month: u64, day: u64) -> u64 {
    let year = if month <= 2 { year - 1 } else { year };
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    365 * year + year / 4 - year / 100 + year / 400 + day_of_year - 719_468
}

/// Returns the date and time of day in UTC, such as `2023-11-14T22:13:20`.
fn date(unix_seconds: u64) -> String {
    let (days, rest) = (unix_seconds / 86_400, unix_seconds % 86_400);
    let mut year = 1970 + days / 366;
    while days_since_1970(year + 1, 1, 1) <= days {
        year += 1;
    }
    let month = (1..=12)
        .rev()
        .find(|month| days_since_1970(year, *month, 1) <= days)
        .unwrap_or(1);
    let day = days - days_since_1970(year, month, 1) + 1;
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}",
        rest / 3600,
        rest / 60 % 60,
        rest % 60
    )
}

/// Returns a duration in words, in whole units of its largest unit.
fn duration(seconds: u64) -> String {
    let (amount, unit) = match seconds {
        0..120 => (seconds, "second"),
        3600 => (1, "hour"),
        120..7200 => (seconds / 60, "minute"),
        7200..172_800 => (seconds / 3600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    let plural = if amount == 1 { "" } else { "s" };
    format!("{amount} {unit}{plural}")
}
