//! `axum::serve` with limits.
//!
//! `axum::serve` accepts any number of connections. It has no timeout for the head of a request, nor for a client that
//! does not read its response.

use std::io;
use std::sync::Arc;

use axum::Router;
use axum::serve::{Listener, ListenerExt as _};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::signal;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_io_timeout::TimeoutStream;

use crate::limits::{HEAD_LIMIT, HEAD_TIMEOUT, MAX_CONNECTIONS, SHUTDOWN_GRACE, WRITE_TIMEOUT};

/// Serves until `stop` completes, and then waits up to [`SHUTDOWN_GRACE`] for running requests.
pub(crate) async fn serve(listener: TcpListener, router: Router, stop: impl Future<Output = ()>) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_LIMIT);
    let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let graceful = GracefulShutdown::new();
    let mut listener = listener.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });

    let accept = async {
        while let Ok(slot) = Arc::clone(&slots).acquire_owned().await {
            let (stream, _) = listener.accept().await;
            let mut stream = TimeoutStream::new(stream);
            stream.set_write_timeout(Some(WRITE_TIMEOUT));
            let stream = TokioIo::new(Box::pin(stream));
            let service = TowerToHyperService::new(router.clone());
            let connection = graceful.watch(http.serve_connection(stream, service));
            tokio::spawn(async move {
                // Ignore an error: the client has disconnected, is slow, or does not speak HTTP.
                let _ = connection.await;
                drop(slot);
            });
        }
    };
    tokio::select! {
        () = accept => {}
        () = stop => {}
    }
    drop(listener);
    let _ = timeout(SHUTDOWN_GRACE, graceful.shutdown()).await;
}

/// Returns a future that completes at SIGTERM or Ctrl-C.
pub(crate) fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    #[cfg(unix)]
    {
        use signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        Ok(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        })
    }
    #[cfg(not(unix))]
    Ok(async {
        let _ = signal::ctrl_c().await;
    })
}
