//! The program as a process, an application that it forwards to, and an HTTP client that sends exactly the given bytes.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use serde_json::Value;
use tower_svix_tests::net::{Delivery, SECRET, TIMEOUT};
use tower_svix_tests::process::Server;
use tower_svix_tests::sender::Sender;

/// Returns a command for the program, without a secret.
pub(crate) fn webhook() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_webhook"));
    command.env_remove("WEBHOOK_SECRET").stdin(Stdio::null());
    command
}

/// Returns a command for the program with the secret of the tests.
pub(crate) fn with_secret() -> Command {
    let mut command = webhook();
    command.env("WEBHOOK_SECRET", SECRET);
    command
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Runs a command. Returns its exit code, its standard output and its standard error.
pub(crate) fn run(command: &mut Command) -> (i32, String, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().unwrap();
    (status.code().unwrap(), text(&stdout), text(&stderr))
}

/// Returns a genuine delivery of any bytes. The official package signs only text.
pub(crate) fn genuine_bytes(id: &str, body: impl Into<Bytes>) -> Delivery {
    let mut delivery = Delivery::genuine(id, "");
    delivery.body = body.into();
    let sender = Sender::with_secret(SECRET);
    let signature = sender.sign(id.as_bytes(), delivery.timestamp(), &delivery.body);
    delivery.set("webhook-signature", &signature);
    delivery
}

/// Creates an empty folder for the files of a test.
pub(crate) fn folder(name: &str) -> std::path::PathBuf {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// `webhook listen` with a page.
pub(crate) struct Listener {
    pub(crate) server: Server,
    /// The address of the page.
    pub(crate) page: SocketAddr,
}

impl Listener {
    pub(crate) fn start(args: &[&str]) -> Self {
        Self::start_with(&mut with_secret(), args)
    }

    pub(crate) fn start_with(program: &mut Command, args: &[&str]) -> Self {
        program
            .args(["listen", "--address", "127.0.0.1:0", "--page", "0"])
            .args(args);
        let server = Server::start(program);
        let line = server.line("the page is http://");
        let page = line.trim_end_matches('/').rsplit('/').next().unwrap();
        let page = page.parse().unwrap();
        Self { server, page }
    }

    pub(crate) fn deliver(&self, delivery: &Delivery) -> Answer {
        self.deliver_with(delivery, &[])
    }

    pub(crate) fn deliver_with(&self, delivery: &Delivery, more: &[(&str, &str)]) -> Answer {
        let mut headers: Vec<_> = delivery
            .headers()
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
            .collect();
        headers.push(("host".into(), self.server.address.to_string()));
        headers.extend(
            more.iter()
                .map(|(name, value)| ((*name).into(), (*value).into())),
        );
        call(
            self.server.address,
            "POST /hooks?from=svix",
            &headers,
            &delivery.body,
        )
    }

    /// Sends a request to the page as the page's script does, but without the token.
    pub(crate) fn get(&self, path: &str) -> Answer {
        let host = ("host".to_owned(), self.page.to_string());
        call(self.page, &format!("GET {path}"), &[host], b"")
    }

    /// Returns the details of a delivery, as the page's script gets them.
    pub(crate) fn detail(&self, number: u64) -> Value {
        let answer = self.get(&format!("/deliveries/{number}"));
        assert_eq!(answer.status, 200, "{number}");
        serde_json::from_slice(&answer.body).unwrap()
    }

    pub(crate) fn token(&self) -> String {
        let html = text(&self.get("/").body);
        let (_, rest) = html.split_once("name=\"token\" content=\"").unwrap();
        rest.split('"').next().unwrap().to_owned()
    }

    /// Sends a delivery again, as the buttons of the page do.
    pub(crate) fn send(&self, number: u64, order: &Value) -> Answer {
        let headers = [
            ("host", self.page.to_string()),
            ("origin", format!("http://{}", self.page)),
            ("content-type", "application/json".into()),
            ("x-webhook-token", self.token()),
        ]
        .map(|(name, value)| (name.to_owned(), value));
        let line = format!("POST /deliveries/{number}/send");
        call(self.page, &line, &headers, order.to_string().as_bytes())
    }
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

/// Sends a request with these headers, `connection` and `content-length`, and reads the whole response.
pub(crate) fn call(
    address: SocketAddr,
    line: &str,
    headers: &[(String, String)],
    body: &[u8],
) -> Answer {
    let mut request = format!("{line} HTTP/1.1\r\nConnection: close\r\n");
    for (name, value) in headers {
        let _ = write!(request, "{name}: {value}\r\n");
    }
    let _ = write!(request, "Content-Length: {}\r\n\r\n", body.len());
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(TIMEOUT)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    // This may fail, because the server may respond and close before it has read the body.
    let _ = stream.write_all(body);
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let end = answer
        .windows(4)
        .position(|part| part == b"\r\n\r\n")
        .unwrap();
    let head = text(&answer[..end]);
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer {
        status,
        head,
        body: answer[end + 4..].to_vec(),
    }
}

/// A request that reached the application.
#[derive(Clone, Debug)]
pub(crate) struct Arrived {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// A server that records requests, and answers 200 unless the body contains `please fail`.
#[derive(Clone)]
pub(crate) struct Application {
    pub(crate) address: SocketAddr,
    arrived: Arc<Mutex<Vec<Arrived>>>,
}

impl Application {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (application, router) = Self::new(listener.local_addr().unwrap());
        tokio::spawn(async { axum::serve(listener, router).await });
        application
    }

    /// Returns an application for this address, and the router that the caller must serve.
    pub(crate) fn new(address: SocketAddr) -> (Self, Router) {
        let application = Self {
            address,
            arrived: Arc::default(),
        };
        let router = Router::new()
            .fallback(Self::answer)
            .with_state(application.clone());
        (application, router)
    }

    #[allow(clippy::unused_async, reason = "axum asks for a future")]
    async fn answer(
        State(application): State<Self>,
        method: Method,
        uri: Uri,
        headers: HeaderMap,
        body: Bytes,
    ) -> Response {
        let fails = body.windows(11).any(|part| part == b"please fail");
        application.arrived.lock().unwrap().push(Arrived {
            method,
            uri,
            headers,
            body,
        });
        if fails {
            (StatusCode::INTERNAL_SERVER_ERROR, "it failed").into_response()
        } else {
            let headers = [
                ("x-from", "application"),
                ("content-type", "application/json"),
            ];
            (headers, r#"{"stored": true, "job": 17}"#).into_response()
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/webhook", self.address)
    }

    pub(crate) fn arrived(&self) -> Vec<Arrived> {
        self.arrived.lock().unwrap().clone()
    }
}
