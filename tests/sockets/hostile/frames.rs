//! HTTP/2 frame by frame, for what a client library refuses to send.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpSocket, TcpStream};
use tower_svix_tests::net::{Delivery, within};

use super::hpack::{block, status};

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;

const ACK: u8 = 1;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

const HEADER_TABLE_SIZE: u16 = 1;
pub(crate) const INITIAL_WINDOW_SIZE: u16 = 4;

pub(crate) const PROTOCOL_ERROR: u32 = 1;
pub(crate) const REFUSED_STREAM: u32 = 7;
pub(crate) const CANCEL: u32 = 8;
pub(crate) const ENHANCE_YOUR_CALM: u32 = 11;

/// The start of every connection.
pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub(crate) struct Connection(BufReader<TcpStream>);

/// The answer of the server to a stream, or to the whole connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Status(u16),
    Reset(u32),
    GoAway(u32),
    Closed,
}

struct Frame {
    kind: u8,
    flags: u8,
    stream: u32,
    payload: Vec<u8>,
}

impl Connection {
    /// Connects with these settings, and acknowledges those of the server.
    pub(crate) async fn open(address: SocketAddr, settings: &[(u16, u32)]) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        Self::start(stream, settings).await
    }

    /// Does the same with small socket buffers.
    pub(crate) async fn open_narrow(address: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4_096).unwrap();
        socket.set_send_buffer_size(4_096).unwrap();
        Self::start(socket.connect(address).await.unwrap(), &[]).await
    }

    async fn start(stream: TcpStream, settings: &[(u16, u32)]) -> Self {
        let mut connection = Self(BufReader::new(stream));
        // Without a table, each response contains its status.
        let all = [&[(HEADER_TABLE_SIZE, 0)], settings].concat();
        connection.write(PREFACE).await;
        connection.write(self::settings(&all)).await;
        let theirs = connection.next().await.unwrap();
        assert_eq!((theirs.kind, theirs.flags), (SETTINGS, 0));
        connection.write(settings_ack()).await;
        connection
    }

    /// The server may have closed the connection, and then does not see this.
    pub(crate) async fn write(&mut self, frames: impl AsRef<[u8]>) {
        let _ = within(self.0.write_all(frames.as_ref())).await;
    }

    /// Waits until the server has read everything that was written so far.
    pub(crate) async fn settle(&mut self) {
        self.write(ping(*b"settled?")).await;
        loop {
            let frame = self.next().await.expect("the server is there");
            if (frame.kind, frame.flags) == (PING, ACK) {
                break;
            }
        }
    }

    /// Waits for the server's answer to this stream. Answers to other streams are dropped.
    pub(crate) async fn answer(&mut self, stream: u32) -> Answer {
        loop {
            let Some(frame) = self.next().await else {
                return Answer::Closed;
            };
            match frame.kind {
                HEADERS if frame.stream == stream => return Answer::Status(status(&frame.payload)),
                RST_STREAM if frame.stream == stream => {
                    return Answer::Reset(u32_at(&frame.payload, 0));
                }
                GOAWAY => return Answer::GoAway(u32_at(&frame.payload, 4)),
                _ => {}
            }
        }
    }

    /// Waits for this number of acknowledgements of frames of this kind.
    pub(crate) async fn acknowledged(&mut self, kind: u8, count: usize) {
        let mut left = count;
        while left > 0 {
            let frame = self.next().await.expect("the server is there");
            assert_ne!(frame.kind, GOAWAY, "{:?}", frame.payload);
            if (frame.kind, frame.flags) == (kind, ACK) {
                left -= 1;
            }
        }
    }

    /// Waits for the end of the connection. Returns the code of the error and the server's explanation, or `None` if it
    /// sends neither.
    pub(crate) async fn end(&mut self) -> Option<(u32, String)> {
        loop {
            let frame = self.next().await?;
            if frame.kind == GOAWAY {
                let words = String::from_utf8_lossy(&frame.payload[8..]).into_owned();
                return Some((u32_at(&frame.payload, 4), words));
            }
        }
    }

    /// Sends the delivery in one `HEADERS` and one `DATA` frame.
    pub(crate) async fn post(&mut self, stream: u32, delivery: &Delivery) -> Answer {
        self.write(head(stream, delivery)).await;
        self.write(last_data(stream, &delivery.body)).await;
        self.answer(stream).await
    }

    /// Returns the next frame, unless the server has closed the connection.
    async fn next(&mut self) -> Option<Frame> {
        within(async {
            let mut head = [0; 9];
            self.0.read_exact(&mut head).await.ok()?;
            let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
            self.0.read_exact(&mut payload).await.ok()?;
            Some(Frame {
                kind: head[3],
                flags: head[4],
                stream: u32_at(&head, 5),
                payload,
            })
        })
        .await
    }
}

/// Returns the fields of a request for the delivery.
pub(crate) fn fields(delivery: &Delivery) -> Vec<(String, String)> {
    let mut fields: Vec<_> = [
        (":method", "POST"),
        (":scheme", "http"),
        (":authority", "localhost"),
        (":path", "/webhook"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    fields.extend(
        delivery
            .headers()
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())),
    );
    fields
}

/// Returns the head of a request for the delivery. Its body follows.
pub(crate) fn head(stream: u32, delivery: &Delivery) -> Vec<u8> {
    headers(stream, &block(&fields(delivery)))
}

/// Returns the head of a request, in as many frames as necessary. Its body follows.
pub(crate) fn headers(stream: u32, block: &[u8]) -> Vec<u8> {
    let mut parts = block.chunks(16_384).peekable();
    let mut kind = HEADERS;
    let mut frames = Vec::new();
    while let Some(part) = parts.next() {
        let flags = if parts.peek().is_none() {
            END_HEADERS
        } else {
            0
        };
        frames.extend(frame(kind, flags, stream, part));
        kind = CONTINUATION;
    }
    frames
}

/// Returns the start of a head. [`continuation`]s follow.
pub(crate) fn unfinished_headers(stream: u32, block: &[u8]) -> Vec<u8> {
    frame(HEADERS, 0, stream, block)
}

pub(crate) fn continuation(stream: u32, block: &[u8]) -> Vec<u8> {
    frame(CONTINUATION, 0, stream, block)
}

pub(crate) fn data(stream: u32, bytes: &[u8]) -> Vec<u8> {
    frame(DATA, 0, stream, bytes)
}

pub(crate) fn last_data(stream: u32, bytes: &[u8]) -> Vec<u8> {
    frame(DATA, END_STREAM, stream, bytes)
}

pub(crate) fn reset(stream: u32) -> Vec<u8> {
    frame(RST_STREAM, 0, stream, &CANCEL.to_be_bytes())
}

pub(crate) fn ping(payload: [u8; 8]) -> Vec<u8> {
    frame(PING, 0, 0, &payload)
}

pub(crate) fn settings(settings: &[(u16, u32)]) -> Vec<u8> {
    let payload: Vec<u8> = settings
        .iter()
        .flat_map(|(name, value)| [&name.to_be_bytes()[..], &value.to_be_bytes()].concat())
        .collect();
    frame(SETTINGS, 0, 0, &payload)
}

pub(crate) fn settings_ack() -> Vec<u8> {
    frame(SETTINGS, ACK, 0, &[])
}

pub(crate) fn go_away() -> Vec<u8> {
    // No stream of the server was seen, and there is no error.
    frame(GOAWAY, 0, 0, &[0; 8])
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = vec![length[1], length[2], length[3], kind, flags];
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap())
}
