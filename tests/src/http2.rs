//! An HTTP/2 client that can choose the frames of a body, and break off.

use std::io;
use std::net::SocketAddr;

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::{HeaderMap, Request, Version};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

use crate::net::{Delivery, Receiver, within};

type Body = UnsyncBoxBody<Bytes, io::Error>;

pub struct Connection(http2::SendRequest<Body>);

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Connection {
    pub async fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .unwrap();
        tokio::spawn(connection);
        Self(sender)
    }

    /// Sends the delivery with another body.
    pub async fn post(
        &mut self,
        path: &str,
        delivery: &Delivery,
        more: &[(&'static str, &'static str)],
        body: Body,
    ) -> hyper::Result<Answer> {
        let mut request = Request::post(format!("http://localhost{path}"))
            .version(Version::HTTP_2)
            .body(body)
            .unwrap();
        *request.headers_mut() = delivery.headers();
        for (name, value) in more {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        within(async {
            let response = self.0.send_request(request).await?;
            let status = response.status().as_u16();
            let (head, body) = response.into_parts();
            Ok(Answer {
                status,
                headers: head.headers,
                body: body.collect().await?.to_bytes(),
            })
        })
        .await
    }
}

impl Connection {
    async fn post_genuine(
        &mut self,
        id: &str,
        path: &str,
        headers: &[(&'static str, &'static str)],
        body: &Bytes,
    ) -> Delivery {
        let delivery = Delivery::genuine(id, body.clone());
        let answer = self
            .post(path, &delivery, headers, frames(body, 1024))
            .await;
        assert_eq!(answer.unwrap().status, 200, "{id}");
        delivery
    }
}

/// Breaks a valid delivery off at several points, and sends others on the same connection at the same time.
pub async fn a_delivery_that_breaks_off_never_reaches_the_handler(
    receiver: Receiver,
    path: &'static str,
    headers: &'static [(&'static str, &'static str)],
    body: Bytes,
) {
    let mut connection = Connection::open(receiver.address).await;
    let mut expected = Vec::new();
    // In the last case, the whole body is there, but not the end of the stream.
    for len in [1, body.len() - 1, body.len()] {
        let broken = Delivery::genuine("msg_broken", body.clone());
        let (give_up, gone) = oneshot::channel();
        let rest = broken_off(&broken.body, len, gone);
        let mut clone = Connection(connection.0.clone());
        let answer = tokio::spawn(async move { clone.post(path, &broken, headers, rest).await });

        // Once it responds to another delivery, the server has read what was sent of this one.
        expected.push(
            connection
                .post_genuine("msg_meanwhile", path, headers, &body)
                .await,
        );
        give_up.send(()).unwrap();
        let answer = within(answer).await.unwrap();
        assert!(answer.is_err(), "{len}: {answer:?}");
        expected.push(
            connection
                .post_genuine("msg_next", path, headers, &body)
                .await,
        );
    }
    receiver
        .inbox
        .assert_holds(&expected.iter().collect::<Vec<_>>());
}

/// Returns the body in frames of `size` bytes.
pub fn frames(body: &Bytes, size: usize) -> Body {
    let frames: Vec<_> = body
        .chunks(size)
        .map(|chunk| Ok(Frame::data(Bytes::copy_from_slice(chunk))))
        .collect();
    StreamBody::new(stream::iter(frames)).boxed_unsync()
}

/// Returns a body of the first `len` bytes, which fails when `gone` is told.
fn broken_off(body: &Bytes, len: usize, gone: oneshot::Receiver<()>) -> Body {
    let first = Ok(Frame::data(body.slice(..len)));
    let rest = stream::once(async {
        gone.await.unwrap();
        Err(io::ErrorKind::ConnectionReset.into())
    });
    StreamBody::new(stream::iter([first]).chain(rest)).boxed_unsync()
}

/// Returns a body that never sends a byte.
pub fn stalled() -> Body {
    StreamBody::new(stream::pending().map(|bytes: Bytes| Ok(Frame::data(bytes)))).boxed_unsync()
}
