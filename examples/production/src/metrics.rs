//! The numbers of the layers, for Prometheus.

use std::time::Duration;

use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle};
use tokio::time::interval;

/// How often the numbers are tidied up.
const TIDY_PERIOD: Duration = Duration::from_secs(5);

/// Records what the layers count from now on. The handle renders it.
pub(crate) fn install() -> Result<PrometheusHandle, BuildError> {
    let metrics = PrometheusBuilder::new().install_recorder()?;
    tokio::spawn(tidy(metrics.clone()));
    Ok(metrics)
}

/// The recorder keeps each value that was measured until it is told to sum them up, or is asked for the numbers: if nobody
/// asked for long, they would fill the memory.
async fn tidy(metrics: PrometheusHandle) {
    let mut ticks = interval(TIDY_PERIOD);
    loop {
        ticks.tick().await;
        metrics.run_upkeep();
    }
}
