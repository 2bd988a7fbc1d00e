//! The metrics of the layers, for Prometheus.

use std::time::Duration;

use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle};
use tokio::time::interval;

/// The interval in which recorded values are summarised.
const TIDY_PERIOD: Duration = Duration::from_secs(5);

/// Installs the recorder, and returns the handle that renders the metrics.
pub(crate) fn install() -> Result<PrometheusHandle, BuildError> {
    let metrics = PrometheusBuilder::new().install_recorder()?;
    tokio::spawn(tidy(metrics.clone()));
    Ok(metrics)
}

/// Summarises the recorded values at intervals. The recorder keeps every value until then, or until the metrics are
/// rendered, so that its memory would grow without limit if nothing scraped them.
async fn tidy(metrics: PrometheusHandle) {
    let mut ticks = interval(TIDY_PERIOD);
    loop {
        ticks.tick().await;
        metrics.run_upkeep();
    }
}
