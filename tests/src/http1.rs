//! A client that writes HTTP/1.1 byte by byte, and the tests that every framework must pass over it.

use std::net::SocketAddr;
use std::task::{Context, Waker};

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, ReadBuf};
use tokio::net::TcpStream;

use crate::net::{BODY_LIMIT, Delivery, Receiver, within};

/// Declares one test for each property. `$start` starts the receiver.
#[macro_export]
macro_rules! http1_tests {
    ($start:path) => {
        $crate::http1_tests!($start:
            a_genuine_delivery_reaches_the_handler
            a_forged_delivery_is_rejected
            a_chunked_delivery_arrives_whole
            a_delivery_that_breaks_off_never_reaches_the_handler
            a_request_that_its_headers_reject_is_not_asked_for_its_body
            a_connection_lives_on_after_a_rejection_without_body
        );
    };
    ($start:path: $($property:ident)+) => {
        $(
            #[tokio::test]
            async fn $property() {
                $crate::http1::$property($start().await).await;
            }
        )+
    };
}
pub use http1_tests;

pub struct Connection(BufReader<TcpStream>);

pub struct Answer {
    pub status: u16,
    pub body: String,
}

impl Connection {
    pub async fn open(address: SocketAddr) -> Self {
        Self(BufReader::new(TcpStream::connect(address).await.unwrap()))
    }

    pub async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).await.unwrap();
    }

    /// Like `write`, for a server that may have closed the connection.
    pub async fn try_write(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = within(self.0.write_all(bytes.as_ref())).await;
    }

    /// Ends the client's side of the connection. The server can still respond.
    pub async fn half_close(&mut self) {
        let _ = self.0.shutdown().await;
    }

    /// Ends the connection as a crash does: with a TCP RST.
    pub fn reset(self) {
        self.0.into_inner().set_zero_linger().unwrap();
    }

    /// Returns whether there is something to read, which may be the end of the connection.
    pub fn has_more(&self) -> bool {
        let mut cx = Context::from_waker(Waker::noop());
        let mut byte = [0];
        let peek = self
            .0
            .get_ref()
            .poll_peek(&mut cx, &mut ReadBuf::new(&mut byte));
        !self.0.buffer().is_empty() || peek.is_ready()
    }

    /// Waits until the server ends the connection, and returns what it sent until then.
    pub async fn rest(&mut self) -> String {
        let mut rest = Vec::new();
        // A reset ends the connection, too.
        let _ = within(self.0.read_to_end(&mut rest)).await;
        String::from_utf8_lossy(&rest).into_owned()
    }

    /// Sends the delivery with a `Content-Length`, in one write.
    pub async fn post(&mut self, delivery: &Delivery) -> Answer {
        let length = format!("content-length: {}\r\n", delivery.body.len());
        self.write(head(delivery, &length)).await;
        self.write(&delivery.body).await;
        self.answer().await
    }

    /// Reads one response. `100 Continue` counts as one.
    pub async fn answer(&mut self) -> Answer {
        within(async {
            let status_line = self.line().await;
            let status = status_line.split(' ').nth(1).unwrap().parse().unwrap();
            let mut length = 0;
            let mut is_chunked = false;
            loop {
                let line = self.line().await.to_ascii_lowercase();
                if line.is_empty() {
                    break;
                }
                if let Some(value) = line.strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
                is_chunked |= line == "transfer-encoding: chunked";
            }
            let body = if is_chunked {
                self.chunks().await
            } else {
                self.bytes(length).await
            };
            let body = String::from_utf8(body).unwrap();
            Answer { status, body }
        })
        .await
    }

    /// Reads a chunked body without trailers.
    async fn chunks(&mut self) -> Vec<u8> {
        let mut body = Vec::new();
        loop {
            let length = usize::from_str_radix(&self.line().await, 16).unwrap();
            body.extend(self.bytes(length).await);
            assert_eq!(self.line().await, "");
            if length == 0 {
                return body;
            }
        }
    }

    async fn bytes(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.0.read_exact(&mut bytes).await.unwrap();
        bytes
    }

    async fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).await.unwrap();
        assert!(line.ends_with("\r\n"), "the server hung up after {line:?}");
        line.trim_end().into()
    }
}

/// Returns the head of a request for the delivery. Each of the `more` headers ends with `\r\n`.
pub fn head(delivery: &Delivery, more: &str) -> String {
    let mut head = String::from("POST /webhook HTTP/1.1\r\nhost: localhost\r\n");
    for (name, value) in &delivery.headers() {
        head.push_str(name.as_str());
        head.push_str(": ");
        head.push_str(value.to_str().unwrap());
        head.push_str("\r\n");
    }
    head + more + "\r\n"
}

pub async fn a_genuine_delivery_reaches_the_handler(receiver: Receiver) {
    let delivery = Delivery::genuine("msg_1", r#"{"type": "job.completed"}"#);
    let answer = Connection::open(receiver.address)
        .await
        .post(&delivery)
        .await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "msg_1"));
    receiver.inbox.assert_holds(&[&delivery]);
}

pub async fn a_forged_delivery_is_rejected(receiver: Receiver) {
    let forged = Delivery::forged("msg_1", "{}");
    let answer = Connection::open(receiver.address).await.post(&forged).await;
    assert_eq!(answer.status, 401);
    assert!(
        answer.body.contains("\"signature-mismatch\""),
        "{}",
        answer.body
    );
    receiver.inbox.assert_holds(&[]);
}

pub async fn a_chunked_delivery_arrives_whole(receiver: Receiver) {
    let delivery = Delivery::genuine("msg_1", "one, two and three");
    let mut connection = Connection::open(receiver.address).await;
    let more = "transfer-encoding: chunked\r\ntrailer: extra\r\n";
    connection.write(head(&delivery, more)).await;
    for chunk in ["5\r\none, \r\n", "8\r\ntwo and \r\n", "5\r\nthree\r\n"] {
        connection.write(chunk).await;
    }
    connection.write("0\r\nextra: unsigned\r\n\r\n").await;
    assert_eq!(connection.answer().await.status, 200);
    receiver.inbox.assert_holds(&[&delivery]);
}

pub async fn a_delivery_that_breaks_off_never_reaches_the_handler(receiver: Receiver) {
    let body = "a body of some length";
    for (framing, sent) in [
        ("content-length: 21\r\n", "a body of"),
        ("transfer-encoding: chunked\r\n", "15\r\na body of"),
        // The whole body is there, but not the last chunk.
        (
            "transfer-encoding: chunked\r\n",
            "15\r\na body of some length\r\n",
        ),
    ] {
        let mut connection = Connection::open(receiver.address).await;
        let delivery = Delivery::genuine("msg_broken", body);
        connection.write(head(&delivery, framing)).await;
        connection.write(sent).await;
        connection.half_close().await;
        // The server has finished when it closes its side. Its response depends on the framework.
        let rest = connection.rest().await;
        assert!(!rest.contains("200 OK"), "{framing:?}: {rest}");
    }

    let next = Delivery::genuine("msg_next", body);
    let answer = Connection::open(receiver.address).await.post(&next).await;
    assert_eq!(answer.status, 200);
    receiver.inbox.assert_holds(&[&next]);
}

pub async fn a_request_that_its_headers_reject_is_not_asked_for_its_body(receiver: Receiver) {
    let expect = |length| format!("content-length: {length}\r\nexpect: 100-continue\r\n");
    let mut dotted_id = Delivery::genuine("msg_1", "{}");
    dotted_id.id = "msg.1".into();
    for (name, delivery, length, status) in [
        ("dotted id", &dotted_id, 2, 401),
        (
            "too long",
            &Delivery::genuine("msg_1", "{}"),
            BODY_LIMIT + 1,
            413,
        ),
    ] {
        let mut connection = Connection::open(receiver.address).await;
        connection.write(head(delivery, &expect(length))).await;
        // If the server asked for the body, the first response would be `100 Continue`, as it is below.
        assert_eq!(connection.answer().await.status, status, "{name}");
    }

    let delivery = Delivery::genuine("msg_2", "{}");
    let mut connection = Connection::open(receiver.address).await;
    connection.write(head(&delivery, &expect(2))).await;
    assert_eq!(connection.answer().await.status, 100);
    connection.write(&delivery.body).await;
    assert_eq!(connection.answer().await.status, 200);
    receiver.inbox.assert_holds(&[&delivery]);
}

pub async fn a_connection_lives_on_after_a_rejection_without_body(receiver: Receiver) {
    let mut connection = Connection::open(receiver.address).await;
    let unsigned = "POST /webhook HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\n\r\n";
    connection.write(unsigned).await;
    let answer = connection.answer().await;
    assert_eq!(answer.status, 401);
    assert!(
        answer.body.contains("\"header-missing\""),
        "{}",
        answer.body
    );

    let delivery = Delivery::genuine("msg_1", "{}");
    assert_eq!(connection.post(&delivery).await.status, 200);
    receiver.inbox.assert_holds(&[&delivery]);
}
