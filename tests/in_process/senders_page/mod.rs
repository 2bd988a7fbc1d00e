//! The page of senders, `docs/SENDERS.md`. For each row, a receiver that is configured as the row says gets the
//! deliveries of `tests/vectors/senders_page.json`.

mod anthropic;
mod finch;
mod page;
mod polar;

use std::collections::BTreeSet;

use bytes::Bytes;
use http::{HeaderMap, HeaderName};
use http_body_util::Full;
use serde::Deserialize;
use tower::{ServiceBuilder, ServiceExt as _};
use tower_svix::idempotency::MemoryStore;
use tower_svix::{HeaderFamily, IdempotencyLayer, KeyError, Keyring, Secret, SvixVerifyLayer};
use tower_svix_tests::clock::At;
use tower_svix_tests::recorder::Recorder;
use tower_svix_tests::sender::Sender;
use tower_svix_tests::verdict::expect_eq;
use tower_svix_tests::{Outcome, deliver, flip_bit, request, run};

use self::page::Row;

/// A delivery, as a sender makes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vector {
    sender: String,
    /// The text of the key, as the sender's portal shows it.
    key: String,
    read: Read,
    /// The names of the headers, if the sender has its own.
    names: Option<[String; 3]>,
    headers: Vec<(String, String)>,
    body: String,
    /// The next attempt for the same event, if its payload differs.
    retry: Option<Attempt>,
    /// How many letters replace `@pad@` in the body.
    #[serde(default)]
    pad: usize,
    /// The receiver's limit, if the default is too low.
    body_limit: Option<usize>,
    now: u64,
    type_at: String,
    #[serde(rename = "type")]
    event_type: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Attempt {
    headers: Vec<(String, String)>,
    body: String,
}

/// How the text of a key is parsed.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Read {
    Secret,
    Text,
    Keyring,
    /// Either of the first two.
    Both,
}

#[test]
fn each_row_has_a_delivery_and_each_delivery_a_row() {
    let rows: Vec<_> = page::rows().into_iter().map(|row| row.sender).collect();
    let named: BTreeSet<_> = rows.iter().copied().collect();
    assert_eq!(rows.len(), named.len(), "a sender has two rows");
    let vectors = vectors();
    let delivered: BTreeSet<_> = vectors.iter().map(|vector| &*vector.sender).collect();
    assert_eq!(named, delivered);
}

#[test]
fn a_receiver_built_as_the_row_says_accepts_what_the_sender_sends() {
    check_each(|row, vector| {
        let outcome = vector.deliver(&vector.receiver(row)?, vector.body());
        expect_eq("status", outcome.status.as_u16(), 200)?;
        let [call] = &outcome.calls[..] else {
            return Err(format!("{} calls", outcome.calls.len()));
        };
        expect_eq("the body is whole", call.body == vector.body(), true)
    });
}

#[test]
fn what_a_sender_sends_is_rejected_with_one_bit_of_the_body_changed() {
    check_each(|row, vector| {
        let body = vector.body();
        let receiver = vector.receiver(row)?;
        for bit in [0, body.len() * 4 + 3, body.len() * 8 - 1] {
            let outcome = vector.deliver(&receiver, flip_bit(&body, bit).into());
            expect_eq("status", outcome.status.as_u16(), 401)?;
            expect_eq("calls of the inner service", outcome.calls.len(), 0)?;
        }
        Ok(())
    });
}

#[test]
fn the_type_of_an_event_is_where_the_row_says() {
    check_each(|row, vector| {
        let shown = format!("`{}`", vector.type_at);
        expect_eq(
            "the row has the pointer",
            row.type_at.contains(&shown),
            true,
        )?;
        let outcome = vector.deliver(&vector.receiver(row)?, vector.body());
        let [call] = &outcome.calls[..] else {
            return Err(format!("{} calls", outcome.calls.len()));
        };
        let found = call.event.event_type_at(&vector.type_at);
        let found = found.map_err(|error| error.to_string())?;
        expect_eq("type", &*found, &*vector.event_type)
    });
}

#[test]
fn a_row_asks_for_another_limit_only_if_the_default_rejects_what_the_sender_sends() {
    check_each(|row, vector| {
        let asks = row.needs.contains("body_limit");
        expect_eq(
            "the row asks for a limit",
            asks,
            vector.body_limit.is_some(),
        )?;
        let keyring = vector.keyring().map_err(|error| error.to_string())?;
        let default = vector.pinned(SvixVerifyLayer::new(keyring));
        let status = vector.deliver(&default, vector.body()).status.as_u16();
        expect_eq(
            "status of a default receiver",
            status,
            if asks { 413 } else { 200 },
        )
    });
}

#[test]
fn a_row_asks_for_any_payload_only_if_retries_change_the_payload() {
    check_each(|row, vector| {
        let asks = row.needs.contains("any_payload()");
        expect_eq("the row asks for it", asks, vector.retry.is_some())?;
        let Some(retry) = &vector.retry else {
            return Ok(());
        };
        expect_eq("the payload differs", retry.body != vector.body, true)?;
        let layer = || IdempotencyLayer::new(MemoryStore::new());
        for (layer, of_retry) in [(layer().any_payload(), 200), (layer(), 503)] {
            let recorder = Recorder::default();
            let service = ServiceBuilder::new()
                .layer(vector.receiver(row)?.clock(At(vector.now)))
                .layer(layer)
                .service(recorder.clone());
            let attempts = [
                (&vector.headers, &vector.body, 200),
                (&retry.headers, &retry.body, of_retry),
            ];
            for (headers, body, expected) in attempts {
                let request = request(header_map(headers), Full::new(Bytes::from(body.clone())));
                let response = run(service.clone().oneshot(request));
                let status = response.map_err(|error| error.to_string())?.status();
                expect_eq("status", status.as_u16(), expected)?;
            }
            expect_eq("calls of the handler", recorder.take_calls().len(), 1)?;
        }
        Ok(())
    });
}

#[test]
fn a_row_pins_the_names_that_are_the_senders_own() {
    check_each(|row, vector| {
        let (prefix, _) = row
            .headers
            .split_once("-*")
            .ok_or_else(|| format!("headers: {}", row.headers))?;
        let prefix = prefix.trim_start_matches('`');
        for (name, _) in &vector.headers {
            let fits = name.to_lowercase().starts_with(&format!("{prefix}-"));
            expect_eq(name, fits, true)?;
        }
        let pins = row.needs.contains("header_family");
        expect_eq("the row pins", pins, vector.names.is_some())
    });
}

#[test]
fn each_section_names_a_source() {
    for row in page::rows() {
        let (_, source) = row.section.split_once("**Source").unwrap_or_default();
        assert!(source.contains("](https://"), "{}", row.sender);
    }
}

#[test]
fn the_page_shows_code_that_compiles() {
    let shown = [
        include_str!("anthropic.rs"),
        include_str!("finch.rs"),
        include_str!("polar.rs"),
    ];
    for code in shown {
        assert!(page::shows(code), "the page does not show\n{code}");
    }
}

#[tokio::test]
async fn the_code_for_anthropic_knows_an_event_by_the_id_in_its_payload() {
    let vectors = vectors();
    let vector = vectors.iter().find(|vector| vector.sender == "Anthropic");
    let vector = vector.expect("it is there");
    let recorder = Recorder::default();
    let service = ServiceBuilder::new()
        .layer(SvixVerifyLayer::new(vector.keyring().expect("a key")).clock(At(vector.now)))
        .layer(anthropic::once(MemoryStore::new()))
        .service(recorder.clone());
    let sender = Sender::with_secret(&vector.key);
    let other_event = vector.body.replace("event_0001", "event_0002");
    let attempts = [
        ("msg_1", &vector.body, 1),
        ("msg_2", &vector.body, 0),
        ("msg_2", &other_event, 1),
    ];
    for (id, body, calls) in attempts {
        let headers = sender.headers(id, vector.now, body.as_bytes());
        let request = request(headers, Full::new(Bytes::copy_from_slice(body.as_bytes())));
        let response = service.clone().oneshot(request).await.expect("infallible");
        assert_eq!(response.status(), 200, "{id}");
        assert_eq!(recorder.take_calls().len(), calls, "{id}");
    }
}

#[test]
fn the_code_for_finch_accepts_what_finch_sends() {
    check_each(|_, vector| {
        if vector.sender != "Finch" {
            return Ok(());
        }
        let layer = finch::layer(&vector.key).map_err(|error| error.to_string())?;
        let outcome = vector.deliver(&layer, vector.body());
        expect_eq("status", outcome.status.as_u16(), 200)
    });
}

#[test]
fn the_code_for_polar_reads_keys_of_any_kind_and_tells_them_apart() {
    check_each(|_, vector| {
        let index = match &*vector.sender {
            "Polar, old keys" => 0,
            "Polar, new keys" => 1,
            _ => return Ok(()),
        };
        let keyring = polar::keyring(&vector.key).map_err(|error| error.to_string())?;
        let outcome = vector.deliver(&SvixVerifyLayer::new(keyring), vector.body());
        let found = outcome.calls.first().map(|call| call.event.key_index());
        expect_eq("index of the key", found, Some(index))
    });
    let polar = |vector: &Vector| vector.sender.starts_with("Polar");
    let checked = vectors().iter().filter(|vector| polar(vector)).count();
    assert_eq!(checked, 4, "both kinds, in each of their forms");
}

impl Vector {
    fn body(&self) -> Bytes {
        self.body.replace("@pad@", &"x".repeat(self.pad)).into()
    }

    fn deliver(&self, layer: &SvixVerifyLayer, body: Bytes) -> Outcome {
        let layer = layer.clone().clock(At(self.now));
        deliver(&layer, header_map(&self.headers), Full::new(body))
    }

    /// Returns the receiver that the row describes.
    fn receiver(&self, row: &Row) -> Result<SvixVerifyLayer, String> {
        let line = match self.read {
            Read::Secret => "`text.parse::<Secret>()?`",
            Read::Text | Read::Both => "`Secret::from_text(text)?`",
            Read::Keyring => "`text.parse::<Keyring>()?`",
        };
        expect_eq("the line that reads the key", row.key(), line)?;
        let keyring = self.keyring().map_err(|error| error.to_string())?;
        let layer = self.pinned(SvixVerifyLayer::new(keyring));
        let Some(limit) = self.body_limit else {
            return Ok(layer);
        };
        expect_eq("MiB of the limit", limit % (1024 * 1024), 0)?;
        let shown = format!("body_limit({} * 1024 * 1024)", limit / (1024 * 1024));
        expect_eq("the row has the limit", row.needs.contains(&shown), true)?;
        Ok(layer.body_limit(limit))
    }

    fn keyring(&self) -> Result<Keyring, KeyError> {
        match self.read {
            Read::Secret => self.key.parse::<Secret>().map(Keyring::from),
            Read::Text => Secret::from_text(&self.key).map(Keyring::from),
            Read::Keyring => self.key.parse::<Keyring>(),
            Read::Both => polar::keyring(&self.key),
        }
    }

    fn pinned(&self, layer: SvixVerifyLayer) -> SvixVerifyLayer {
        match &self.names {
            Some(names) => {
                let [id, timestamp, signature] = names;
                let family = HeaderFamily::named(id, timestamp, signature);
                layer.header_family(family.expect("they are legal"))
            }
            None => layer,
        }
    }
}

fn header_map(headers: &[(String, String)]) -> HeaderMap {
    let parse = |(name, value): &(String, String)| {
        let name: HeaderName = name.parse().expect("a legal name");
        (name, value.parse().expect("a legal value"))
    };
    headers.iter().map(parse).collect()
}

fn vectors() -> Vec<Vector> {
    serde_json::from_str(include_str!("../../vectors/senders_page.json")).expect("it is valid")
}

/// Checks each delivery with its row. Fails with the names of all senders whose delivery fails.
fn check_each(check: impl Fn(&Row, &Vector) -> Result<(), String>) {
    let rows = page::rows();
    let vectors = vectors();
    assert!(!vectors.is_empty(), "there is no delivery");
    let failures: Vec<_> = vectors
        .iter()
        .filter_map(|vector| {
            let row = rows.iter().find(|row| row.sender == vector.sender);
            let verdict = match row {
                Some(row) => check(row, vector),
                None => Err("there is no row".to_owned()),
            };
            Some(format!("{}: {}", vector.sender, verdict.err()?))
        })
        .collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
