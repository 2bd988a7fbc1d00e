//! What the script of the page asks for.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::header::{CONTENT_DISPOSITION, HeaderValue};
use hyper::{Request, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::answer::Reply;
use super::super::bench::{Bench, Resend};
use super::super::delivery::Delivery;
use super::super::headers::{Pairs, remove_hop_by_hop};
use super::super::line::summary;
use super::{PageResponse, json_of, text, with_type};
use crate::{curl as curl_command, fixture as fixture_file};

/// The longest body that can be edited, in bytes, with room for JSON's escapes.
const EDIT_LIMIT: usize = 16 * 1024 * 1024;

/// All that is known of a delivery.
pub(super) fn detail(delivery: &Delivery) -> PageResponse {
    let mut document = summary(delivery);
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
    json_of(StatusCode::OK, &document)
}

/// As UTF-8 where they are.
fn shown_headers(Pairs(pairs): &Pairs) -> Value {
    let shown = |(name, value): &(String, String)| {
        let bytes: Result<Vec<u8>, _> = value.chars().map(u8::try_from).collect();
        let text = bytes.ok().and_then(|bytes| String::from_utf8(bytes).ok());
        json!([name, text.as_ref().unwrap_or(value)])
    };
    pairs.iter().map(shown).collect()
}

/// As text, or as base64 if it is none.
fn shown_body(body: &Bytes) -> Value {
    match str::from_utf8(body) {
        Ok(text) => json!({"text": text}),
        Err(_) => json!({"base64": STANDARD.encode(body)}),
    }
}

pub(super) fn curl(delivery: &Delivery, url: &str) -> PageResponse {
    let mut headers = delivery.headers.to_map();
    remove_hop_by_hop(&mut headers);
    headers.remove("host");
    let Pairs(headers) = Pairs::of(&headers);
    let command = curl_command::command(url, &delivery.method, &headers, &delivery.body);
    text(StatusCode::OK, &command)
}

/// A file to save.
pub(super) fn fixture(delivery: &Delivery) -> PageResponse {
    let Delivery {
        method,
        target,
        headers: Pairs(headers),
        body,
        ..
    } = delivery;
    let file = fixture_file::file(method, target, headers, body);
    let mut response = with_type(StatusCode::OK, "application/octet-stream", file.into());
    let name = fixture_file::name(delivery.number, delivery.id.as_deref());
    if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")) {
        response.headers_mut().insert(CONTENT_DISPOSITION, value);
    }
    response
}

/// The braces make `deny_unknown_fields` count for those without fields, too.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case", tag = "how", deny_unknown_fields)]
enum Order {
    AsItIs {},
    SignedAnew {},
    Edited { id: String, body: String },
}

/// Sends a delivery again, and says under which number the result is listed.
pub(super) async fn send(
    bench: &Arc<Bench>,
    delivery: &Delivery,
    request: Request<Incoming>,
) -> PageResponse {
    let Ok(body) = Limited::new(request.into_body(), EDIT_LIMIT)
        .collect()
        .await
    else {
        return text(StatusCode::PAYLOAD_TOO_LARGE, "the body is too long");
    };
    let how = match serde_json::from_slice(&body.to_bytes()) {
        Ok(Order::AsItIs {}) => Resend::AsItIs,
        Ok(Order::SignedAnew {}) => Resend::SignedAnew,
        Ok(Order::Edited { id, body }) => Resend::Edited {
            id,
            body: body.into(),
        },
        Err(_) => return text(StatusCode::BAD_REQUEST, "the order is not understood"),
    };
    match Arc::clone(bench).send_again(delivery, how).await {
        Ok(sent) => json_of(StatusCode::OK, &json!({"number": sent.number})),
        Err(error) => text(StatusCode::UNPROCESSABLE_ENTITY, &error.to_string()),
    }
}
