//! The API for the script of the page.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::answer::Reply;
use super::super::bench::Resend;
use super::super::delivery::Delivery;
use super::super::headers::{Pairs, remove_hop_by_hop};
use super::super::line::summary;
use super::Page;
use crate::{curl as curl_command, fixture as fixture_file};

/// The maximum size of an edited body, in bytes, with room for JSON's escapes.
pub(super) const EDIT_LIMIT: usize = 16 * 1024 * 1024;

/// The error of a request of the script.
type NotDone = (StatusCode, String);

impl Page {
    fn find(&self, number: u64) -> Result<Arc<Delivery>, NotDone> {
        let found = self.bench.history.find(number);
        found.ok_or_else(|| {
            (
                StatusCode::NOT_FOUND,
                format!("#{number} is not kept any more"),
            )
        })
    }
}

/// A delivery with all details.
pub(super) async fn detail(
    State(page): State<Arc<Page>>,
    Path(number): Path<u64>,
) -> Result<Json<Value>, NotDone> {
    let delivery = page.find(number)?;
    let mut document = summary(&delivery);
    document["method"] = delivery.method.as_str().into();
    document["target"] = delivery.target.as_str().into();
    document["headers"] = shown_headers(&delivery.headers);
    document["body"] = shown_body(&delivery.body);
    if let Reply::Answered(answer) = &delivery.reply {
        document["answer"] = json!({
            "headers": shown_headers(&answer.headers),
            "body": shown_body(&answer.body),
            "size": answer.size,
        });
    }
    Ok(Json(document))
}

/// Values as text, decoded as UTF-8 if they are valid.
fn shown_headers(Pairs(pairs): &Pairs) -> Value {
    let shown = |(name, value): &(String, String)| {
        let bytes: Result<Vec<u8>, _> = value.chars().map(u8::try_from).collect();
        let text = bytes.ok().and_then(|bytes| String::from_utf8(bytes).ok());
        json!([name, text.as_ref().unwrap_or(value)])
    };
    pairs.iter().map(shown).collect()
}

/// The body as text, or as base64 if it is not UTF-8.
fn shown_body(body: &Bytes) -> Value {
    match str::from_utf8(body) {
        Ok(text) => json!({"text": text}),
        Err(_) => json!({"base64": STANDARD.encode(body)}),
    }
}

/// Returns the delivery as a curl command.
pub(super) async fn curl(
    State(page): State<Arc<Page>>,
    Path(number): Path<u64>,
) -> Result<String, NotDone> {
    let delivery = page.find(number)?;
    let mut headers = delivery.headers.to_map();
    remove_hop_by_hop(&mut headers);
    headers.remove("host");
    let Pairs(headers) = Pairs::of(&headers);
    let (url, method) = (page.sends_to(), &delivery.method);
    Ok(curl_command::command(
        &url,
        method,
        &headers,
        &delivery.body,
    ))
}

/// Returns the delivery as a file to save.
pub(super) async fn fixture(
    State(page): State<Arc<Page>>,
    Path(number): Path<u64>,
) -> Result<impl IntoResponse, NotDone> {
    let delivery = page.find(number)?;
    let Pairs(headers) = &delivery.headers;
    let file = fixture_file::file(&delivery.method, &delivery.target, headers, &delivery.body);
    let name = fixture_file::name(number, delivery.id.as_deref());
    let headers = [
        (CONTENT_TYPE, "application/octet-stream".to_owned()),
        (
            CONTENT_DISPOSITION,
            format!("attachment; filename=\"{name}\""),
        ),
    ];
    Ok((headers, file))
}

/// With the braces, `deny_unknown_fields` also applies to variants without fields.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case", tag = "how", deny_unknown_fields)]
enum Order {
    AsItIs {},
    SignedAnew {},
    Edited { id: String, body: String },
}

/// Sends a delivery again, and returns the number of the result in the list.
pub(super) async fn send(
    State(page): State<Arc<Page>>,
    Path(number): Path<u64>,
    order: Bytes,
) -> Result<Json<Value>, NotDone> {
    let delivery = page.find(number)?;
    let how = match serde_json::from_slice(&order) {
        Ok(Order::AsItIs {}) => Resend::AsItIs,
        Ok(Order::SignedAnew {}) => Resend::SignedAnew,
        Ok(Order::Edited { id, body }) => Resend::Edited {
            id,
            body: body.into(),
        },
        Err(_) => {
            let text = "the order is not understood".to_owned();
            return Err((StatusCode::BAD_REQUEST, text));
        }
    };
    let sent = Arc::clone(&page.bench).send_again(&delivery, how).await;
    let sent = sent.map_err(|error| (StatusCode::UNPROCESSABLE_ENTITY, error.to_string()))?;
    Ok(Json(json!({"number": sent.number})))
}
