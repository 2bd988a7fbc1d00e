// The first definition of a link counts: in these docs, the links of the README lead to the items themselves.
//! [`PulseEvent`]: PulseEvent
//! [payload]: tower_svix::VerifiedEvent::payload
//! [tower-svix]: tower_svix
#![doc = include_str!("../README.md")]

mod envelope;
mod event;

pub use self::envelope::Envelope;
pub use self::event::{CompletedJob, FailedJob, Job, JobId, JobStatus, PulseEvent};
