//! The metrics of the inbox and its worker, for Prometheus.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use metrics_exporter_prometheus::PrometheusBuilder;
use tokio::net::TcpListener;

use crate::BoxError;

/// The interval in which recorded values are summarised. The recorder keeps every value until then, so that its memory
/// would grow without limit if nothing scraped the metrics.
const TIDY_PERIOD: Duration = Duration::from_secs(5);

/// Installs the recorder, and serves `GET /metrics` at an address, which should not be public. Returns the bound
/// address.
pub async fn serve(address: SocketAddr) -> Result<SocketAddr, BoxError> {
    let metrics = PrometheusBuilder::new().install_recorder()?;
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    let tidied = metrics.clone();
    tokio::spawn(async move {
        let mut ticks = tokio::time::interval(TIDY_PERIOD);
        loop {
            ticks.tick().await;
            tidied.run_upkeep();
        }
    });
    let routes = Router::new().route("/metrics", get(async move || metrics.render()));
    tokio::spawn(async move { axum::serve(listener, routes).await });
    Ok(address)
}
