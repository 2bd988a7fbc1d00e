//! The configuration that a layer shares with its services.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::response;

use super::erased::ErasedStore;
use crate::grpc;

type IsProcessed = dyn Fn(&response::Parts) -> bool + Send + Sync;

#[derive(Clone)]
pub(super) struct Config {
    pub(super) store: Arc<dyn ErasedStore>,
    pub(super) lease: Duration,
    pub(super) retention: Duration,
    /// `None`: any 2xx is, unless gRPC says otherwise.
    pub(super) processed: Option<Arc<IsProcessed>>,
    pub(super) fail_open: bool,
}

impl Config {
    pub(super) fn new(store: Arc<dyn ErasedStore>) -> Self {
        Self {
            store,
            lease: Duration::from_secs(60),
            retention: Duration::from_secs(48 * 60 * 60),
            processed: None,
            fail_open: false,
        }
    }

    pub(super) fn is_processed(&self, response: &response::Parts) -> bool {
        match &self.processed {
            Some(processed) => processed(response),
            None => response.status.is_success() && !grpc::is_failure(&response.headers),
        }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let processed = match self.processed {
            Some(_) => "custom",
            None => "2xx",
        };
        f.debug_struct("Config")
            .field("lease", &self.lease)
            .field("retention", &self.retention)
            .field("processed", &processed)
            .field("fail_open", &self.fail_open)
            .finish_non_exhaustive()
    }
}
