//! Makes forgeries of all genuine deliveries of `tests/vectors`, and fails if one is accepted.
//!
//! `cargo run --release --example forger -- SEED FORGERIES [THREADS]`
//!
//! Between them, it sends genuine deliveries, so that a verifier that rejects everything fails, too. The reference
//! decides whether a delivery is still genuine after a change; the crate is not asked. FORGERIES is the number for HMAC
//! keys. For each 512 of them, there is one for a public key.

mod delivery;
mod mutation;
mod rng;
mod signatures;
mod tally;

use std::fmt::Write as _;
use std::process::ExitCode;
use std::time::Instant;
use std::{env, thread};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request};
use tower_layer::Layer as _;
use tower_service::Service as _;
use tower_svix::Verifier;
use tower_svix::verify::SvixVerify;
use tower_svix_fuzz::body::{Script, Step};
use tower_svix_fuzz::drive::run;
use tower_svix_fuzz::encoding::{List, Text};
use tower_svix_fuzz::inner::{Answer, Behaviour, Recorder};
use tower_svix_fuzz::reference::Line;

use self::delivery::{Captured, Delivery, Genuine};
use self::mutation::KINDS;
use self::rng::Rng;
use self::tally::Tally;

/// There is one forgery with a public key for this many with HMAC keys.
const PUBLIC_KEYS: usize = 512;
/// One forgery of this many goes through the layer, the others through the verifier.
const LAYER: usize = 16;
/// A control follows this many forgeries.
const CONTROLS: u64 = 256;
/// Longer bodies are rare, because they would take most of the time.
const LONG_BODY: usize = 16 * 1024;

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1).map(|text| text.parse().ok());
    let mut number = || arguments.next().flatten();
    let (Some(seed), Some(forgeries)) = (number(), number()) else {
        eprintln!("usage: forger SEED FORGERIES [THREADS]");
        return ExitCode::from(2);
    };
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let threads = number().unwrap_or(cores as u64).max(1);

    let captured = Captured::new();
    let started = Instant::now();
    let tallies: Vec<_> = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|worker| {
                let share = forgeries / threads + u64::from(worker < forgeries % threads);
                let rng = Rng::new(seed ^ worker.wrapping_mul(0xd134_2543_de82_ef95));
                let captured = &captured;
                scope.spawn(move || Forger::new(captured, rng).forge(share))
            })
            .collect();
        workers
            .into_iter()
            .map(|worker| worker.join().expect("a worker reports what it finds"))
            .collect()
    });
    let mut sum = Tally::default();
    for tally in tallies {
        match tally {
            Ok(tally) => sum.add(&tally),
            Err(finding) => {
                eprintln!("forger: {finding}");
                return ExitCode::FAILURE;
            }
        }
    }
    sum.print();
    println!(
        "seed {seed}, {threads} threads, {:.1} s",
        started.elapsed().as_secs_f64()
    );
    if sum.controls == 0 || sum.of_hmac < forgeries {
        eprintln!("forger: too few");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

struct Forger<'a> {
    captured: &'a Captured,
    with_hmac: Vec<&'a Genuine>,
    with_public_key: Vec<&'a Genuine>,
    rng: Rng,
    tally: Tally,
}

impl<'a> Forger<'a> {
    fn new(captured: &'a Captured, rng: Rng) -> Self {
        let (with_public_key, with_hmac) = captured
            .all
            .iter()
            .partition(|genuine| genuine.has_public_key());
        Self {
            captured,
            with_hmac,
            with_public_key,
            rng,
            tally: Tally::default(),
        }
    }

    /// Makes this number of forgeries for HMAC keys, and some for public keys.
    fn forge(mut self, count: u64) -> Result<Tally, String> {
        let mut next_control = 0;
        while self.tally.of_hmac < count {
            let public = self.rng.one_in(PUBLIC_KEYS);
            let original = self.pick(public);
            let other_is_public = self.rng.one_in(8) != public;
            let other = self.pick(other_is_public);
            let kind = self.rng.below(KINDS.len());
            let forged = KINDS[kind].1(&mut self.rng, original, other);
            self.try_one(original, forged, kind, public)
                .map_err(|wrong| format!("{}: {}: {wrong}", original.name, KINDS[kind].0))?;
            if self.tally.of_hmac >= next_control {
                next_control = self.tally.of_hmac + CONTROLS;
                self.control()?;
            }
        }
        Ok(self.tally)
    }

    fn pick(&mut self, public: bool) -> &'a Genuine {
        loop {
            let from = if public {
                &self.with_public_key
            } else {
                &self.with_hmac
            };
            let genuine = *self.rng.pick(from);
            if genuine.delivery.body.len() < LONG_BODY || self.rng.one_in(8192) {
                return genuine;
            }
        }
    }

    fn try_one(
        &mut self,
        original: &Genuine,
        forged: Delivery,
        kind: usize,
        public: bool,
    ) -> Result<(), String> {
        let (lines, body) = forged.into_parts();
        let is_genuine = self.captured.is_genuine(&original.keys, &lines, &body);
        let Some(headers) = header_map(lines) else {
            // HTTP allows no such header.
            return Ok(());
        };
        let through_the_layer = self.rng.one_in(LAYER);
        let accepted = if through_the_layer {
            let recorder = recorder();
            reaches(
                &mut original.layer.layer(recorder.clone()),
                &recorder,
                headers.clone(),
                &body,
            )
        } else if self.rng.one_in(16) {
            let accepted = verifies(&original.timed, &headers, &body);
            // A genuine one may be too old.
            accepted || is_genuine
        } else {
            verifies(&original.verifier, &headers, &body)
        };
        match (accepted, is_genuine) {
            (true, false) => return Err(show("accepted", &headers, &body)),
            (false, true) => return Err(show("rejected, though it is genuine", &headers, &body)),
            (true, true) => self.tally.left_genuine[kind] += 1,
            (false, false) => {
                self.tally.forgeries[kind] += 1;
                self.tally.through_the_layer += u64::from(through_the_layer);
                if public {
                    self.tally.of_ed25519 += 1;
                } else {
                    self.tally.of_hmac += 1;
                }
            }
        }
        Ok(())
    }

    /// Delivers a genuine delivery, which must be accepted in all ways.
    fn control(&mut self) -> Result<(), String> {
        let public = self.rng.one_in(16);
        let genuine = self.pick(public);
        let (lines, body) = genuine.delivery.clone().into_parts();
        let is_genuine = self.captured.is_genuine(&genuine.keys, &lines, &body);
        let headers = header_map(lines).expect("it was captured");
        let recorder = recorder();
        let accepted = is_genuine
            && verifies(&genuine.verifier, &headers, &body)
            && verifies(&genuine.timed, &headers, &body)
            && reaches(
                &mut genuine.layer.layer(recorder.clone()),
                &recorder,
                headers,
                &body,
            );
        if !accepted {
            return Err(format!("{}: a genuine delivery is rejected", genuine.name));
        }
        self.tally.controls += 1;
        Ok(())
    }
}

fn header_map(lines: Vec<Line>) -> Option<HeaderMap> {
    let mut headers = HeaderMap::with_capacity(lines.len());
    for (name, value) in lines {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        headers.append(
            name,
            HeaderValue::from_maybe_shared(Bytes::from(value)).ok()?,
        );
    }
    Some(headers)
}

fn show(what: &str, headers: &HeaderMap, body: &[u8]) -> String {
    let mut text = format!("{what}\n");
    for (name, value) in headers {
        let _ = writeln!(text, "{name}: {}", value.as_bytes().escape_ascii());
    }
    let _ = writeln!(text, "\n{}", body.escape_ascii());
    text
}

fn verifies(verifier: &Verifier, headers: &HeaderMap, body: &[u8]) -> bool {
    verifier
        .verify(headers, body)
        .is_ok_and(|event| event.payload() == body)
}

/// Returns whether the request reaches the inner service, once and with this body.
fn reaches(
    service: &mut SvixVerify<Recorder>,
    recorder: &Recorder,
    headers: HeaderMap,
    body: &[u8],
) -> bool {
    let script = Script {
        steps: List(vec![Step::Data {
            bytes: Text(body.to_vec()),
            parted_at: 7,
        }]),
        least_length: 0,
        end_stream: None,
    };
    let mut request = Request::new(script.body().0);
    *request.headers_mut() = headers;
    let response = run(service.call(request)).expect("the inner service answers");
    let calls = recorder.take().calls;
    assert_eq!(response.status() == 200, calls.len() == 1);
    calls.iter().any(|call| call.body == body)
}

fn recorder() -> Recorder {
    Recorder::new(Behaviour {
        waits: 0,
        answer: Answer::Response,
    })
}
