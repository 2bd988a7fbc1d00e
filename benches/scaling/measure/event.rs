//! What it costs to parse an event into its type.

use std::hint::black_box;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::{cpu_nanos, median};

const ROUNDS: usize = 100;
const BYTES_IN_A_ROUND: usize = 1024 * 1024;

/// What a handler reads of an event. The rest is skipped.
#[derive(Deserialize)]
pub(crate) struct Read {
    #[serde(rename = "type")]
    _event_type: String,
    #[serde(rename = "data")]
    _data: Job,
}

#[derive(Deserialize)]
struct Job {
    #[serde(rename = "job_id")]
    _id: String,
    #[serde(rename = "status")]
    _status: String,
}

/// Nanoseconds for one event of about `len` bytes.
pub(crate) fn nanos<T: DeserializeOwned>(len: usize) -> u64 {
    let text = text(len);
    let events = BYTES_IN_A_ROUND / len;
    let round = || {
        let start = cpu_nanos();
        for _ in 0..events {
            let event: T = serde_json::from_str(black_box(&text)).unwrap();
            black_box(event);
        }
        (cpu_nanos() - start) / events as u64
    };
    median((0..ROUNDS).map(|_| round()).collect())
}

/// A finished job, with as many pages as fit.
pub(crate) fn text(len: usize) -> String {
    let mut event = json!({
        "type": "job.completed",
        "timestamp": "2024-01-15T10:30:00Z",
        "data": {
            "job_id": "123e4567-e89b-12d3-a456-426614174000",
            "status": "completed",
            "pages_processed": 25,
            "processing_time": 12.5,
            "pages": []
        }
    });
    while event.to_string().len() < len {
        let Value::Array(pages) = &mut event["data"]["pages"] else {
            unreachable!("it is an array")
        };
        pages.push(
            json!({ "number": pages.len() + 1, "title": "Terms of delivery", "confidence": 0.875 }),
        );
    }
    event.to_string()
}
