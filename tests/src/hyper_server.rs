//! A hyper server for HTTP/1.1 and HTTP/2, without a framework.

use std::net::SocketAddr;

use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tower::{BoxError, Service};

/// Serves each connection with a clone of `service` and hyper's defaults, until the runtime ends.
pub async fn serve<S, B>(service: S) -> SocketAddr
where
    S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    serve_with(auto::Builder::new(TokioExecutor::new()), service).await
}

/// Does the same with the settings of `http`.
pub async fn serve_with<S, B>(http: auto::Builder<TokioExecutor>, service: S) -> SocketAddr
where
    S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (http, service) = (http.clone(), TowerToHyperService::new(service.clone()));
            tokio::spawn(async move {
                // It fails if the client breaks off, which is part of some tests.
                http.serve_connection(TokioIo::new(stream), service)
                    .await
                    .map_err(|error| error.to_string())
            });
        }
    });
    address
}
