//! How long one poll blocks the executor while a long body arrives over a socket.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use http_body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use peers::contender::OURS;
use peers::cpu_time;
use peers::delivery::{Delivery, ID};
use peers::results::{PollTimes, Polls, PollsOf, Stored as _, is_quick};
use peers::services::{self, Receiver};
use peers::tables;
use pin_project_lite::pin_project;
use tokio::net::TcpListener;
use tower::{BoxError, ServiceExt as _};

const BODY_LEN: usize = 8 * 1024 * 1024;
const BODY_LIMIT: usize = 16 * 1024 * 1024;

fn main() -> io::Result<()> {
    let deliveries = if is_quick() { 10 } else { 100 };
    let layer = services::tower_svix_layer().body_limit(BODY_LIMIT);
    let contenders = vec![
        measure("no verification", deliveries, services::unverified())?,
        measure(OURS, deliveries, services::tower_svix(&layer))?,
        measure("webhook-verify", deliveries, services::webhook_verify())?,
        measure("svix, by hand", deliveries, services::svix())?,
    ];
    let polls = Polls {
        body_len: BODY_LEN,
        deliveries,
        contenders,
    };
    print!("{}", tables::polls(&polls));
    polls.save()
}

fn measure<R>(
    name: &str,
    deliveries: usize,
    service: impl Receiver<Incoming, R> + 'static,
) -> io::Result<PollsOf>
where
    R: Body<Data = Bytes, Error: Into<BoxError>> + 'static,
{
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
    let address = listener.local_addr()?;
    let sender = thread::spawn(move || (0..deliveries).try_for_each(|_| deliver(address)));

    let of_service = Log::default();
    let of_connection = Log::default();
    let log = of_service.clone();
    let service = service.map_future(move |future| Timed::new(future, &log));
    runtime.block_on(async {
        for _ in 0..deliveries {
            let (stream, _) = listener.accept().await?;
            let service = TowerToHyperService::new(service.clone());
            let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            Timed::new(connection, &of_connection)
                .await
                .map_err(io::Error::other)?;
        }
        io::Result::Ok(())
    })?;
    sender.join().expect("the sender does not panic")?;

    Ok(PollsOf {
        name: name.to_owned(),
        service: of_service.times(),
        connection: of_connection.times(),
    })
}

/// Sends a signed delivery, and checks that it is accepted.
fn deliver(address: SocketAddr) -> io::Result<()> {
    let delivery = Delivery::signed(BODY_LEN);
    let mut stream = TcpStream::connect(address)?;
    write!(
        stream,
        "POST /webhook HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: {BODY_LEN}\r\n\
         webhook-id: {ID}\r\nwebhook-timestamp: {}\r\nwebhook-signature: {}\r\n\r\n",
        delivery.timestamp,
        delivery.header("webhook-signature"),
    )?;
    stream.write_all(&delivery.body)?;
    let mut response = String::new();
    stream.read_to_string(&mut response)?;
    assert!(response.starts_with("HTTP/1.1 200 "), "{response}");
    Ok(())
}

/// The time of each poll.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<Duration>>>);

impl Log {
    fn record(&self, time: Duration) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(time);
    }

    fn times(&self) -> PollTimes {
        let mut times = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        times.sort_unstable();
        PollTimes {
            count: times.len(),
            p99: times[times.len() * 99 / 100],
            longest: times[times.len() - 1],
        }
    }
}

pin_project! {
    /// A future that times its polls.
    struct Timed<F> {
        #[pin]
        future: F,
        log: Log,
    }
}

impl<F> Timed<F> {
    fn new(future: F, log: &Log) -> Self {
        Self {
            future,
            log: log.clone(),
        }
    }
}

impl<F: Future> Future for Timed<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let (time, poll) = cpu_time::of(|| this.future.poll(cx));
        this.log.record(time);
        poll
    }
}
