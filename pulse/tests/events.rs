//! The typed events of Pulse.

use std::time::Duration;

use serde_json::{Value, json};
use tower_svix_pulse::{JobStatus, PulseEvent};

fn parse(event: &Value) -> PulseEvent {
    serde_json::from_value(event.clone()).unwrap()
}

#[test]
fn the_documented_events_are_typed() {
    let completed = json!({
        "type": "job.completed",
        "timestamp": "2024-01-15T10:30:00Z",
        "data": {
            "job_id": "123e4567-e89b-12d3-a456-426614174000",
            "status": "completed",
            "pages_processed": 25,
            "processing_time": 12.5
        }
    });
    let PulseEvent::Completed(event) = parse(&completed) else {
        panic!("not completed")
    };
    assert_eq!(event.timestamp.to_string(), "2024-01-15T10:30:00Z");
    assert_eq!(
        event.data.job_id.as_str(),
        "123e4567-e89b-12d3-a456-426614174000"
    );
    assert_eq!(event.data.job_id.to_string(), event.data.job_id.as_str());
    assert_eq!(event.data.status, Some(JobStatus::Completed));
    assert_eq!(event.data.pages_processed, Some(25));
    assert_eq!(
        event.data.processing_time,
        Some(Duration::from_millis(12_500))
    );

    for (event_type, is_right) in [
        (
            "job.created",
            (|event| matches!(event, PulseEvent::Created(_))) as fn(&PulseEvent) -> bool,
        ),
        ("job.processing", |event| {
            matches!(event, PulseEvent::Processing(_))
        }),
        ("job.failed", |event| matches!(event, PulseEvent::Failed(_))),
        ("job.cancelled", |event| {
            matches!(event, PulseEvent::Cancelled(_))
        }),
    ] {
        let event = json!({ "type": event_type, "timestamp": "2024-01-15T10:30:00Z", "data": { "job_id": "1" } });
        let event = parse(&event);
        assert!(is_right(&event), "{event_type}");
        assert_eq!(event.event_type(), event_type);
        assert_eq!(event.job_id(), Some("1"));
    }
}

#[test]
fn what_is_unknown_is_kept() {
    for event in [
        json!({ "type": "job.archived", "timestamp": "2030-01-01T00:00:00Z", "data": { "job_id": "1", "x": [1] } }),
        json!({ "type": "ping", "timestamp": "2030-01-01T00:00:00Z", "data": "pong", "v": 2 }),
        json!({
            "type": "job.failed",
            "timestamp": "2030-01-01T00:00:00Z",
            "data": { "job_id": "1", "status": "exploded", "error": "boom", "attempt": 3 },
            "region": "eu"
        }),
    ] {
        assert_eq!(serde_json::to_value(parse(&event)).unwrap(), event);
    }
}

#[test]
fn fields_may_come_in_any_order_but_the_type_only_once() {
    let text = r#"{"data":{"job_id":"1"},"timestamp":"2030-01-01T00:00:00Z","type":"job.created"}"#;
    let event: PulseEvent = serde_json::from_str(text).unwrap();
    assert!(matches!(event, PulseEvent::Created(_)));

    let text = r#"{"type":"job.created","data":{"job_id":"1"},"timestamp":"2030-01-01T00:00:00Z","type":"ping"}"#;
    serde_json::from_str::<PulseEvent>(text).unwrap_err();
}

#[test]
fn both_spellings_of_cancelled_are_read() {
    for text in ["cancelled", "canceled"] {
        assert_eq!(
            serde_json::from_value::<JobStatus>(json!(text)).unwrap(),
            JobStatus::Cancelled
        );
    }
}

#[test]
fn an_impossible_duration_is_an_error() {
    let event = json!({
        "type": "job.completed",
        "timestamp": "2024-01-15T10:30:00Z",
        "data": { "job_id": "1", "processing_time": -1.0 }
    });
    serde_json::from_value::<PulseEvent>(event).unwrap_err();
}

#[test]
fn what_is_no_event_at_all_is_told_what_one_is() {
    let error = serde_json::from_str::<PulseEvent>("[]").unwrap_err();
    assert!(
        error
            .to_string()
            .contains("expected an object with `type`, `timestamp` and `data`"),
        "{error}"
    );
}
