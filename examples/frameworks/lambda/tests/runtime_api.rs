//! The example as Lambda runs it: it asks a runtime API for events, and answers each.

#[allow(dead_code, reason = "each test uses its part")]
#[path = "../../../../tests/src/net.rs"]
mod net;

use std::process::{Child, Command};
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;
use tokio::sync::Mutex;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use self::net::{Delivery, SECRET, within};

/// What a parser that prints the JSON again would change: the spaces, the escapes and the order.
const BODY: &str = r#"{ "type": "job.completed", "data": {"title": "caf\u00e9 “é” \/", "a": 1e2}}"#;

/// The function, and a runtime API with the events that it is invoked with.
struct Lambda {
    function: Child,
    events: UnboundedSender<Value>,
    answers: UnboundedReceiver<Value>,
}

#[derive(Clone)]
struct RuntimeApi {
    events: Arc<Mutex<UnboundedReceiver<Value>>>,
    answers: UnboundedSender<Value>,
}

impl Lambda {
    async fn start() -> Self {
        let (events, next_event) = unbounded_channel();
        let (answer, answers) = unbounded_channel();
        let api = RuntimeApi {
            events: Arc::new(Mutex::new(next_event)),
            answers: answer,
        };
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route(
                "/2018-06-01/runtime/invocation/{id}/response",
                post(answered),
            )
            .with_state(api);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async { axum::serve(listener, router).await });
        let function = Command::new(env!("CARGO_BIN_EXE_on-lambda"))
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
            .env("AWS_LAMBDA_FUNCTION_NAME", "webhook")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
            .env("AWS_LAMBDA_RUNTIME_API", address.to_string())
            .env("WEBHOOK_SECRET", SECRET)
            .spawn()
            .unwrap();
        Self {
            function,
            events,
            answers,
        }
    }

    async fn invoke(&mut self, event: Value) -> Value {
        self.events.send(event).unwrap();
        within(self.answers.recv()).await.unwrap()
    }
}

impl Drop for Lambda {
    fn drop(&mut self) {
        let _ = self.function.kill();
        let _ = self.function.wait();
    }
}

/// Waits for the next event, as the function does between two invocations.
async fn next(State(api): State<RuntimeApi>) -> ([(&'static str, &'static str); 3], Json<Value>) {
    let event = api.events.lock().await.recv().await;
    let headers = [
        ("lambda-runtime-aws-request-id", "request-1"),
        ("lambda-runtime-deadline-ms", "99999999999999"),
        (
            "lambda-runtime-invoked-function-arn",
            "arn:aws:lambda:webhook",
        ),
    ];
    (headers, Json(event.expect("the test goes on")))
}

async fn answered(State(api): State<RuntimeApi>, answer: Bytes) -> StatusCode {
    let answer = serde_json::from_slice(&answer).unwrap();
    api.answers.send(answer).unwrap();
    StatusCode::ACCEPTED
}

/// Who invokes the function.
#[derive(Clone, Copy, Debug)]
enum Source {
    HttpApi,
    RestApi,
    LoadBalancer,
    LoadBalancerWithMultiValueHeaders,
}

const SOURCES: [Source; 4] = [
    Source::HttpApi,
    Source::RestApi,
    Source::LoadBalancer,
    Source::LoadBalancerWithMultiValueHeaders,
];

impl Source {
    /// The event that tells of the delivery, with its body as text or in base64.
    fn event(self, delivery: &Delivery, is_base64: bool) -> Value {
        let mut headers = Map::new();
        let mut multi_value_headers = Map::new();
        for (name, value) in &delivery.headers() {
            let value = value.to_str().unwrap();
            headers.insert(name.to_string(), value.into());
            multi_value_headers.insert(name.to_string(), json!([value]));
        }
        let body = if is_base64 {
            STANDARD.encode(&delivery.body)
        } else {
            String::from_utf8(delivery.body.to_vec()).unwrap()
        };
        let mut event = match self {
            Self::HttpApi => json!({
                "version": "2.0",
                "routeKey": "$default",
                "rawPath": "/webhook",
                "rawQueryString": "",
                "headers": headers,
                "requestContext": {
                    "http": {"method": "POST", "path": "/webhook", "protocol": "HTTP/1.1"},
                    "stage": "$default",
                    "timeEpoch": 1_588_804_615_616_i64,
                },
            }),
            Self::RestApi => json!({
                "resource": "/{proxy+}",
                "path": "/webhook",
                "httpMethod": "POST",
                "headers": headers,
                "multiValueHeaders": multi_value_headers,
                "requestContext": {
                    "httpMethod": "POST",
                    "identity": {},
                    "requestTimeEpoch": 1_588_804_615_616_i64,
                    "resourcePath": "/{proxy+}",
                    "stage": "test",
                },
            }),
            Self::LoadBalancer => json!({
                "path": "/webhook",
                "httpMethod": "POST",
                "headers": headers,
                "requestContext": {"elb": {"targetGroupArn": "arn:aws:elasticloadbalancing:1"}},
            }),
            Self::LoadBalancerWithMultiValueHeaders => json!({
                "path": "/webhook",
                "httpMethod": "POST",
                "multiValueHeaders": multi_value_headers,
                "requestContext": {"elb": {"targetGroupArn": "arn:aws:elasticloadbalancing:1"}},
            }),
        };
        event["body"] = body.into();
        event["isBase64Encoded"] = is_base64.into();
        event
    }
}

/// What becomes of the delivery, by each source, as text and in base64.
async fn answers(delivery: &Delivery) -> Vec<(String, Value)> {
    let mut lambda = Lambda::start().await;
    let mut answers = Vec::new();
    for source in SOURCES {
        for is_base64 in [false, true] {
            let answer = lambda.invoke(source.event(delivery, is_base64)).await;
            answers.push((format!("{source:?}, base64: {is_base64}: {answer}"), answer));
        }
    }
    answers
}

#[tokio::test]
async fn a_genuine_delivery_reaches_the_handler_however_it_comes() {
    let expected = format!("received msg_1: {} bytes\n", BODY.len());
    for (row, answer) in answers(&Delivery::genuine("msg_1", BODY)).await {
        assert_eq!(answer["statusCode"], 200, "{row}");
        assert_eq!(answer["body"], expected, "{row}");
    }
}

#[tokio::test]
async fn a_forged_delivery_is_rejected_and_the_sender_can_read_why() {
    for (row, answer) in answers(&Delivery::forged("msg_1", BODY)).await {
        assert_eq!(answer["statusCode"], 401, "{row}");
        assert_eq!(answer["isBase64Encoded"], false, "{row}");
        let problem: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
        assert_eq!(problem["code"], "signature-mismatch", "{row}");
    }
}

#[tokio::test]
async fn a_body_that_a_mapping_template_printed_anew_is_rejected() {
    let mut delivery = Delivery::genuine("msg_1", BODY);
    let parsed: Value = serde_json::from_str(BODY).unwrap();
    delivery.body = parsed.to_string().into();
    for (row, answer) in answers(&delivery).await {
        assert_eq!(answer["statusCode"], 401, "{row}");
    }
}
