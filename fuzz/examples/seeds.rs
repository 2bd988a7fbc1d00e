//! Writes the seeds of the fuzz targets into a directory: the cases of `tests/vectors`, and each kind of key.
//!
//! `cargo run --release --example seeds -- seeds`

use std::path::Path;
use std::{env, fs, io};

use tower_svix_fuzz::body::{Script, Step};
use tower_svix_fuzz::encoding::{List, Text, seed};
use tower_svix_fuzz::headers::{Element, Line, Name, Signed, Timestamp, Value};
use tower_svix_fuzz::inner::{Answer, Behaviour};
use tower_svix_fuzz::input::{Delivery, Headers, Inserted, Signatures, Source, ToSign};
use tower_svix_fuzz::keys::{KeySpec, key_pair, private_text, public_text};
use tower_svix_fuzz::receiver::{Settings, Times, Tolerance};
use tower_svix_fuzz::vectors::{self, Case};

/// Longer ones would only make the fuzzer slower.
const MAX_LEN: usize = 8192;

fn main() -> io::Result<()> {
    let directory = env::args_os().nth(1).expect("the directory to write to");
    let directory = Path::new(&directory);
    let cases = vectors::all();
    for case in &cases {
        for secret in &case.secrets {
            write(directory, "secret", &case.name, secret.as_bytes())?;
        }
        let name = &case.name;
        write(directory, "headers", name, &seed(&headers(case)))?;
        write(directory, "signature_list", name, &seed(&signatures(case)))?;
        write(directory, "middleware", name, &seed(&delivery(case)))?;
        write(directory, "round_trip", name, &seed(&to_sign(case)))?;
    }
    let (private, public) = (private_text(&[7; 32]), public_text(&key_pair(&[7; 32])));
    let several = format!("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD, {public}|AAAAAAAAAAAAAAAA\n");
    for (name, text) in [
        ("private", private),
        ("public", public),
        ("several", several),
    ] {
        write(directory, "secret", name, text.as_bytes())?;
    }
    let signatures = seed(&signed_by_one_of_several());
    write(directory, "signature_list", "several", &signatures)?;
    for (name, key) in [
        ("bytes", KeySpec::Bytes("an HMAC key".into())),
        ("hex", KeySpec::Hex("the text of a key".into())),
        ("ed25519", KeySpec::Seed([7; 32])),
    ] {
        let delivery = signed_by(key);
        write(directory, "middleware", name, &seed(&delivery))?;
        let to_sign = ToSign {
            keys: delivery.keys,
            as_svix: false,
            now: delivery.times.now,
            new_id: Some("msg_new".into()),
            lines: List(Vec::new()),
            body: delivery.body,
        };
        write(directory, "round_trip", name, &seed(&to_sign))?;
    }
    Ok(())
}

fn write(directory: &Path, target: &str, name: &str, seed: &[u8]) -> io::Result<()> {
    if seed.len() > MAX_LEN {
        return Ok(());
    }
    let directory = directory.join(target);
    fs::create_dir_all(&directory)?;
    fs::write(directory.join(name), seed)
}

fn headers(case: &Case) -> Headers {
    Headers {
        key: KeySpec::Text(case.secrets[0].as_str().into()),
        settings: settings(case),
        now: case.now,
        signed: signed(case),
        lines: lines(case),
        body: short(&case.body),
    }
}

fn signatures(case: &Case) -> Signatures {
    let list = value(case, "-signature");
    let elements = list.split(|byte| *byte == b' ').take(255);
    Signatures {
        keys: keys(case),
        list: List(
            elements
                .map(|element| Element::Raw(element.into()))
                .collect(),
        ),
        genuine: (!case.is_genuine).then_some(Inserted { key: 0, at: 1 }),
        signed: signed(case),
        body: short(&case.body),
    }
}

fn delivery(case: &Case) -> Delivery {
    Delivery {
        keys: keys(case),
        settings: settings(case),
        source: Source::Fixed,
        opaque: false,
        times: Times {
            now: case.now,
            fails: false,
            passes: 0,
            fails_later: false,
        },
        signed: signed(case),
        lines: lines(case),
        body: script(case),
        inner: Behaviour {
            waits: 0,
            answer: Answer::Response,
        },
    }
}

fn to_sign(case: &Case) -> ToSign {
    ToSign {
        keys: keys(case),
        as_svix: false,
        now: case.now,
        new_id: Some(Text(value(case, "-id"))),
        lines: lines(case),
        body: script(case),
    }
}

/// Returns a genuine delivery. If a part of it changes, the signature changes with it.
fn signed_by(key: KeySpec) -> Delivery {
    let line = |name, value| Line { name, value };
    Delivery {
        keys: List(vec![key]),
        settings: Settings {
            tolerance: Some(Tolerance::Default),
            pinned_to_svix: None,
            allow_dotted_ids: false,
            limit: None,
        },
        source: Source::Found { waits: 1 },
        opaque: false,
        times: Times {
            now: 1_614_265_330,
            fails: false,
            passes: 1,
            fails_later: false,
        },
        signed: Signed {
            id: "msg_1".into(),
            timestamp: Timestamp::After(0),
        },
        lines: List(vec![
            line(Name::SvixId, Value::Id),
            line(Name::SvixTimestamp, Value::Timestamp),
            line(
                Name::SvixSignature,
                Value::Signatures(List(vec![Element::Stray(0), Element::Genuine(0)])),
            ),
        ]),
        body: Script {
            steps: List(vec![
                Step::Pending,
                Step::Data {
                    bytes: "{\"type\":\"ping\"}".into(),
                    parted_at: 3,
                },
                Step::Long { byte: b' ', len: 1 },
                Step::Trailers,
            ]),
            least_length: 0,
            end_stream: None,
        },
        inner: Behaviour {
            waits: 1,
            answer: Answer::Response,
        },
    }
}

/// Returns a list for keys of both kinds. The last key signs.
fn signed_by_one_of_several() -> Signatures {
    Signatures {
        keys: List(vec![
            KeySpec::Text("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD".into()),
            KeySpec::Seed([7; 32]),
            KeySpec::Bytes("an HMAC key".into()),
            KeySpec::Seed([8; 32]),
        ]),
        list: List(vec![Element::Stray(0), Element::Stray(1)]),
        genuine: Some(Inserted { key: 3, at: 1 }),
        signed: Signed {
            id: "msg_1".into(),
            timestamp: Timestamp::After(0),
        },
        body: "{\"type\":\"ping\"}".into(),
    }
}

fn keys(case: &Case) -> List<KeySpec> {
    let texts = case.secrets.iter();
    List(
        texts
            .map(|text| KeySpec::Text(text.as_str().into()))
            .collect(),
    )
}

fn settings(case: &Case) -> Settings {
    Settings {
        tolerance: match case.tolerance {
            _ if case.ignore_timestamp => None,
            Some(seconds) => Some(Tolerance::Seconds(seconds)),
            None => Some(Tolerance::Default),
        },
        pinned_to_svix: None,
        allow_dotted_ids: false,
        limit: case
            .limit
            .map(|limit| u32::try_from(limit).expect("a small limit")),
    }
}

fn signed(case: &Case) -> Signed {
    Signed {
        id: Text(value(case, "-id")),
        timestamp: Timestamp::Text(Text(value(case, "-timestamp"))),
    }
}

fn lines(case: &Case) -> List<Line> {
    let lines = case.headers.iter().map(|(name, value)| Line {
        name: match name.to_ascii_lowercase().as_str() {
            "svix-id" => Name::SvixId,
            "svix-timestamp" => Name::SvixTimestamp,
            "svix-signature" => Name::SvixSignature,
            "webhook-id" => Name::WebhookId,
            "webhook-timestamp" => Name::WebhookTimestamp,
            "webhook-signature" => Name::WebhookSignature,
            "content-length" => Name::ContentLength,
            "content-type" => Name::ContentType,
            _ => Name::Other(0),
        },
        value: Value::Raw(value.into()),
    });
    List(lines.collect())
}

fn script(case: &Case) -> Script {
    let mut rest = case.body.as_slice();
    let mut steps = Vec::new();
    for len in &case.frames {
        let (frame, next) = rest.split_at(*len);
        rest = next;
        if case.pending {
            steps.push(Step::Pending);
        }
        steps.push(Step::Data {
            bytes: short(frame),
            parted_at: u8::from(case.is_parted),
        });
    }
    if let Some(frames) = case.error_after {
        steps.truncate(frames);
        steps.push(Step::Error);
    } else if case.has_trailers {
        steps.push(Step::Trailers);
    }
    steps.truncate(255);
    Script {
        steps: List(steps),
        least_length: case.least_length,
        end_stream: case.never_tells_its_end.then_some(false),
    }
}

/// Returns the value of the first header with this suffix.
fn value(case: &Case, suffix: &str) -> Vec<u8> {
    let mut headers = case.headers.iter();
    let header = headers.find(|(name, _)| name.to_ascii_lowercase().ends_with(suffix));
    header.map(|(_, value)| value.clone()).unwrap_or_default()
}

/// Longer texts make a seed that is left out.
fn short(bytes: &[u8]) -> Text {
    bytes[..bytes.len().min(MAX_LEN + 1)].into()
}
