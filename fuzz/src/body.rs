//! Bodies that arrive as the input says.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use arbitrary::Arbitrary;
use bytes::buf::Chain;
use bytes::{Buf as _, Bytes};
use http::{HeaderMap, HeaderValue};
use http_body::{Body, Frame, SizeHint};

use crate::encoding::{Encode, List, Text, encode_struct, encode_variant};
use crate::reference::Arriving;

/// The steps of a body, and its claims.
#[derive(Arbitrary, Clone, Debug, PartialEq)]
pub struct Script {
    pub steps: List<Step>,
    pub least_length: u64,
    /// The answer of `is_end_stream`, if it is not the true one.
    pub end_stream: Option<bool>,
}

#[derive(Arbitrary, Clone, Debug, PartialEq)]
pub enum Step {
    /// There is no frame yet. The reader is woken at once.
    Pending,
    /// A frame with data in two pieces.
    Data {
        bytes: Text,
        parted_at: u8,
    },
    /// A frame of one byte, repeated so often that it exceeds the work of one poll.
    Long {
        byte: u8,
        len: u16,
    },
    Trailers,
    Error,
}

impl Step {
    fn len(&self) -> usize {
        match self {
            Self::Data { bytes, .. } => bytes.0.len(),
            Self::Long { len, .. } => 2 * usize::from(*len),
            Self::Pending | Self::Trailers | Self::Error => 0,
        }
    }

    fn data(&self) -> Option<Vec<u8>> {
        match self {
            Self::Data { bytes, .. } => Some(bytes.0.clone()),
            Self::Long { byte, .. } => Some(vec![*byte; self.len()]),
            Self::Pending | Self::Trailers | Self::Error => None,
        }
    }
}

/// Inputs with more data are cut, for speed. This is more than the default limit of a receiver.
const MAX_DATA: usize = 9 * 1024 * 1024 / 4;

impl Script {
    /// Returns the steps that are taken.
    pub fn steps(&self) -> impl Iterator<Item = &Step> {
        let mut left = MAX_DATA;
        self.steps.0.iter().take_while(move |step| {
            let rest = left.checked_sub(step.len());
            left = rest.unwrap_or(0);
            rest.is_some()
        })
    }

    /// Returns all data, as if nothing went wrong.
    pub fn whole(&self) -> Vec<u8> {
        self.steps().filter_map(Step::data).flatten().collect()
    }

    /// Returns whether its reader has to wait.
    pub fn waits(&self) -> bool {
        self.steps().any(|step| *step == Step::Pending)
    }

    /// Returns what the reference sees.
    pub fn events(&self) -> Vec<Arriving> {
        let events = self.steps().filter_map(|step| match step {
            Step::Error => Some(Arriving::Error),
            Step::Pending => Some(Arriving::Wait),
            other => other.data().map(Arriving::Data),
        });
        events.collect()
    }

    /// Returns the body, and its progress as seen from outside.
    pub fn body(&self) -> (ScriptedBody, Progress) {
        let progress = Progress::default();
        let body = ScriptedBody {
            steps: self.steps().cloned().collect(),
            least_length: self.least_length,
            end_stream: self.end_stream,
            progress: progress.clone(),
        };
        (body, progress)
    }
}

/// Whether a body was polled, has ended, and has made its reader wait.
#[derive(Clone, Debug, Default)]
pub struct Progress(Arc<[AtomicBool; 3]>);

impl Progress {
    pub fn was_touched(&self) -> bool {
        self.0[0].load(Ordering::Relaxed)
    }

    pub fn has_ended(&self) -> bool {
        self.0[1].load(Ordering::Relaxed)
    }

    pub fn has_waited(&self) -> bool {
        self.0[2].load(Ordering::Relaxed)
    }
}

/// Takes its steps, then ends. A poll after the end or after an error is a finding.
pub struct ScriptedBody {
    steps: VecDeque<Step>,
    least_length: u64,
    end_stream: Option<bool>,
    progress: Progress,
}

impl Body for ScriptedBody {
    type Data = Chain<Bytes, Bytes>;
    type Error = BrokeOff;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        assert!(!self.progress.has_ended(), "polled after its end");
        self.progress.0[0].store(true, Ordering::Relaxed);
        let step = self.steps.pop_front();
        if matches!(step, None | Some(Step::Error)) {
            self.progress.0[1].store(true, Ordering::Relaxed);
        }
        let Some(step) = step else {
            return Poll::Ready(None);
        };
        Poll::Ready(Some(match step {
            Step::Pending => {
                self.progress.0[2].store(true, Ordering::Relaxed);
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            Step::Error => Err(BrokeOff),
            Step::Trailers => {
                let mut trailers = HeaderMap::new();
                trailers.insert("svix-id", HeaderValue::from_static("of a trailer"));
                Ok(Frame::trailers(trailers))
            }
            Step::Data { .. } | Step::Long { .. } => {
                let mut first = Bytes::from(step.data().unwrap_or_default());
                let parted_at = match step {
                    Step::Data { parted_at, .. } => usize::from(parted_at).min(first.len()),
                    _ => first.len(),
                };
                let rest = first.split_off(parted_at);
                Ok(Frame::data(first.chain(rest)))
            }
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.end_stream.unwrap_or(self.steps.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        let mut hint = SizeHint::new();
        hint.set_lower(self.least_length);
        hint
    }
}

#[derive(Debug)]
pub struct BrokeOff;

impl fmt::Display for BrokeOff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the body broke off")
    }
}

impl std::error::Error for BrokeOff {}

encode_struct!(Script {
    steps,
    least_length,
    end_stream
});

impl Encode for Step {
    fn encode(&self, out: &mut Vec<u8>) {
        let mut variant = |index| encode_variant(index, 5, out);
        match self {
            Self::Pending => variant(0),
            Self::Data { bytes, parted_at } => {
                variant(1);
                bytes.encode(out);
                parted_at.encode(out);
            }
            Self::Long { byte, len } => {
                variant(2);
                byte.encode(out);
                len.encode(out);
            }
            Self::Trailers => variant(3),
            Self::Error => variant(4),
        }
    }
}
