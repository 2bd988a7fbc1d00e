//! An HTTP/2 client that can send a body in any frames, and break off.
#![allow(dead_code, reason = "each test uses its part")]

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

use crate::net::{Delivery, within};

type Body = UnsyncBoxBody<Bytes, io::Error>;

pub(crate) struct Connection(http2::SendRequest<Body>);

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .unwrap();
        tokio::spawn(connection);
        Self(sender)
    }

    /// Makes the delivery with this body in place of its own.
    pub(crate) async fn post(
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

/// The body in frames of `size` bytes.
pub(crate) fn frames(body: &Bytes, size: usize) -> Body {
    let frames: Vec<_> = body
        .chunks(size)
        .map(|chunk| Ok(Frame::data(Bytes::copy_from_slice(chunk))))
        .collect();
    StreamBody::new(stream::iter(frames)).boxed_unsync()
}

/// The first `len` bytes of the body, after which the client gives up.
pub(crate) fn broken_off(body: &Bytes, len: usize) -> Body {
    let first = Ok(Frame::data(body.slice(..len)));
    let gone = Err(io::ErrorKind::ConnectionReset.into());
    StreamBody::new(stream::iter([first, gone])).boxed_unsync()
}

/// A body of which not a byte ever comes.
pub(crate) fn stalled() -> Body {
    StreamBody::new(stream::pending().map(|bytes: Bytes| Ok(Frame::data(bytes)))).boxed_unsync()
}
