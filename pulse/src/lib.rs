#![doc = include_str!("../README.md")]

mod envelope;
mod event;

pub use self::envelope::Envelope;
pub use self::event::{CompletedJob, FailedJob, Job, JobId, JobStatus, PulseEvent};
