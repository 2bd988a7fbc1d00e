//! The routes of the API.

use std::convert::Infallible;
use std::future::ready;

use axum::body::Body;
use axum::extract::{Multipart, Path, Request, State};
use axum::http::{StatusCode, header::RETRY_AFTER};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures_util::{StreamExt as _, stream};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::jobs::Gone;
use super::{Fake, Trouble};

pub(super) fn routes(fake: Fake) -> Router {
    Router::new()
        .route("/webhook", post(portal))
        .route("/extract", post(extract))
        .route("/job/{job_id}", get(job).delete(cancel))
        .route("/large_results/{job_id}", get(large_result))
        .route("/schema", post(schema))
        .layer(middleware::from_fn_with_state(fake.clone(), gate))
        .with_state(fake)
}

/// Simulates the fault and checks the API key, before every route.
async fn gate(State(fake): State<Fake>, request: Request, next: Next) -> Response {
    let line = format!("{} {}", request.method(), request.uri().path());
    let trouble = {
        let mut state = fake.state();
        state.requests.push(line);
        state.trouble
    };
    match trouble {
        None | Some(Trouble::HoldsTheEndBack) => {}
        Some(Trouble::Hangs) => std::future::pending().await,
        Some(Trouble::Answers(status, retry_after)) => {
            let mut response = error(status, "trouble");
            if let Some(seconds) = retry_after {
                response.headers_mut().insert(RETRY_AFTER, seconds.into());
            }
            return response;
        }
    }
    let api_key = request.headers().get("x-api-key");
    if api_key.is_none_or(|key| key != fake.shared.api_key.as_str()) {
        return error(StatusCode::UNAUTHORIZED, "Invalid API key");
    }
    next.run(request).await
}

async fn portal() -> Response {
    let key = format!("{:032x}", rand::random::<u128>());
    // Nothing is there. The real portal is a page of Svix.
    let link = format!("https://portal.invalid/login#key={key}");
    Json(json!({ "link": link })).into_response()
}

async fn extract(State(fake): State<Fake>, mut form: Multipart) -> Response {
    let (mut document, mut is_async) = (None, false);
    while let Ok(Some(field)) = form.next_field().await {
        let name = field.name().unwrap_or_default().to_owned();
        let file_name = field.file_name().map(str::to_owned);
        let Ok(content) = field.bytes().await else {
            return error(StatusCode::BAD_REQUEST, "The form broke off");
        };
        let text = || String::from_utf8_lossy(&content).into_owned();
        match name.as_str() {
            "file" => document = file_name.or_else(|| Some("a file".to_owned())),
            "fileUrl" => document = Some(text()),
            "async" => is_async = text().eq_ignore_ascii_case("true"),
            _ => {}
        }
    }
    let Some(document) = document else {
        return error(StatusCode::BAD_REQUEST, "Give a file or a fileUrl");
    };
    if !is_async {
        return error(StatusCode::BAD_REQUEST, "This fake knows `async` only");
    }
    let receipt = json!({
        "job_id": fake.submit(document),
        "status": "pending",
        "message": "Document processing started",
    });
    Json(receipt).into_response()
}

async fn job(State(fake): State<Fake>, Path(job_id): Path<String>) -> Response {
    match fake.job(&job_id) {
        Some(job) => {
            let elsewhere = fake.state().large_results.clone();
            let at_the_api = || format!("{}/large_results", fake.base());
            Json(job.state(&elsewhere.unwrap_or_else(at_the_api))).into_response()
        }
        None => error(StatusCode::NOT_FOUND, "Job not found"),
    }
}

async fn cancel(State(fake): State<Fake>, Path(job_id): Path<String>) -> Response {
    match fake.cancel(&job_id) {
        Some(message) => Json(json!({ "job_id": job_id, "message": message })).into_response(),
        None => error(StatusCode::NOT_FOUND, "Job not found"),
    }
}

async fn large_result(State(fake): State<Fake>, Path(job_id): Path<String>) -> Response {
    match fake.download(&job_id) {
        Some(Ok(result)) => match fake.state().trouble {
            Some(Trouble::HoldsTheEndBack) => without_end(&result),
            _ => Json(result).into_response(),
        },
        Some(Err(Gone)) => error(StatusCode::GONE, "The result was downloaded already"),
        None => error(StatusCode::NOT_FOUND, "Result not found"),
    }
}

fn without_end(result: &Value) -> Response {
    let all = stream::once(ready(Ok::<_, Infallible>(result.to_string())));
    Body::from_stream(all.chain(stream::pending())).into_response()
}

#[derive(Deserialize)]
struct SchemaRequest {
    extraction_id: String,
    schema_config: SchemaConfig,
}

#[derive(Deserialize)]
struct SchemaConfig {
    input_schema: Value,
}

async fn schema(State(fake): State<Fake>, Json(request): Json<SchemaRequest>) -> Response {
    let known = |state: &super::State| {
        let mut jobs = state.jobs.values();
        jobs.any(|job| job.extraction_id() == request.extraction_id)
    };
    if !known(&fake.state()) {
        return error(StatusCode::NOT_FOUND, "Extraction not found");
    }
    let output = json!({
        "schema_id": format!("sch_{:016x}", rand::random::<u64>()),
        "version": 1,
        "schema_output": {
            "values": sample(&request.schema_config.input_schema),
            "citations": {},
        },
    });
    Json(output).into_response()
}

/// Returns a value that matches the schema.
fn sample(schema: &Value) -> Value {
    match schema["type"].as_str() {
        Some("object") => {
            let properties = schema["properties"].as_object();
            let fields = properties.into_iter().flatten();
            let values: Map<String, Value> = fields
                .map(|(name, schema)| (name.clone(), sample(schema)))
                .collect();
            values.into()
        }
        Some("array") => json!([sample(&schema["items"])]),
        Some("number" | "integer") => json!(1),
        Some("boolean") => json!(true),
        _ => json!("sample"),
    }
}

fn error(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({ "error": message }))).into_response()
}
