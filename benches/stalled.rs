//! The memory of a server with 1,000 stalled uploads, according to Linux.
//!
//! ```text
//! cargo bench -p benches --bench stalled
//! ```
//!
//! Each connection announces 2 MiB, sends 64 KiB and stalls. The server, hyper on one thread, is in its own process. It
//! runs in four forms: the handler reads no body, drops each frame, keeps all frames, or is behind the layer. The
//! memory of the second is hyper's own: the buffers that bodies arrive in. The frames that the third keeps are parts of
//! them.
#![allow(clippy::unwrap_used, reason = "a benchmark that panics has failed")]

mod support;

use std::convert::Infallible;
use std::future::pending;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use std::{env, fs, thread};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tower::{Layer as _, Service, service_fn};

use self::support::net::Delivery;
use self::support::{KIB, MIB, receive};

const CONNECTIONS: usize = 1000;
const SENT: usize = 64 * KIB;
const FORMS: [&str; 4] = [
    "handler waits",
    "handler discards",
    "handler collects",
    "layer",
];

fn main() -> io::Result<()> {
    match env::args().nth(1).as_deref() {
        Some(form) if FORMS.contains(&form) => serve(form),
        _ => measure(),
    }
}

fn measure() -> io::Result<()> {
    let mut out = io::stdout();
    writeln!(out, "form              before     after  a connection")?;
    for form in FORMS {
        let server = Server::start(form);
        let before = server.settled_kib();
        let uploads: Vec<_> = (0..CONNECTIONS).map(|_| server.stalled_upload()).collect();
        let after = server.settled_kib();
        #[allow(clippy::cast_precision_loss, reason = "far from 2^53")]
        let each = (after - before) as f64 / CONNECTIONS as f64;
        writeln!(out, "{form:16} {before:5} KiB {after:5} KiB {each:9.1} KiB")?;
        // In the other order, it would see a thousand bodies break off.
        drop(server);
        drop(uploads);
    }
    Ok(())
}

/// The server. Dropping it stops the server.
struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start(form: &str) -> Self {
        let mut child = Command::new(env::current_exe().unwrap())
            .arg(form)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut address = String::new();
        let stdout = child.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut address).unwrap();
        let address = address.trim().to_owned();
        Self { child, address }
    }

    fn stalled_upload(&self) -> TcpStream {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(stream, "POST / HTTP/1.1\r\ncontent-length: {}\r\n", 2 * MIB).unwrap();
        for (name, value) in &Delivery::genuine("msg_1", "").headers() {
            write!(stream, "{name}: {}\r\n", value.to_str().unwrap()).unwrap();
        }
        stream.write_all(b"\r\n").unwrap();
        stream.write_all(&vec![b'a'; SENT]).unwrap();
        stream
    }

    /// Returns the memory, once it no longer changes.
    fn settled_kib(&self) -> usize {
        let mut last = 0;
        loop {
            thread::sleep(Duration::from_millis(500));
            let now = self.resident_kib();
            if now == last {
                return now;
            }
            last = now;
        }
    }

    fn resident_kib(&self) -> usize {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:"));
        let kib = line.unwrap().split_whitespace().nth(1).unwrap();
        kib.parse().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn serve(form: &str) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    match form {
        "handler waits" => runtime.block_on(accept(service_fn(wait))),
        "handler discards" => runtime.block_on(accept(service_fn(discard))),
        "handler collects" => runtime.block_on(accept(service_fn(receive::<Incoming>))),
        _ => {
            let layer = support::layer(support::secret());
            runtime.block_on(accept(layer.layer(service_fn(receive))))
        }
    }
}

async fn wait(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let _held = request;
    pending().await
}

async fn discard(mut request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    while request.body_mut().frame().await.is_some() {}
    Ok(Response::new(Full::default()))
}

async fn accept<S, ResBody>(service: S) -> io::Result<()>
where
    S: Service<Request<Incoming>, Response = Response<ResBody>, Error = Infallible>,
    S: Clone + Send + 'static,
    S::Future: Send,
    ResBody: Body<Data = Bytes, Error = Infallible> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    writeln!(io::stdout(), "{}", listener.local_addr()?)?;
    loop {
        let (stream, _) = listener.accept().await?;
        let service = TowerToHyperService::new(service.clone());
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}
