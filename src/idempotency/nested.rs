//! Detects two layers on one path that share one store, where the inner layer would never get the claim.
//!
//! Only a trial shows whether two stores share their ids, because two values can be connected to one database. So a
//! random key is claimed in both stores.

use std::sync::Arc;
use std::time::Duration;

use http::Extensions;

use super::erased::ErasedStore;
use super::key::{ClaimToken, EventKey};
use super::store::{BoxFuture, ClaimStatus, StoreError};

/// The lease of the trial's claims.
const LEASE: Duration = Duration::from_secs(10);

/// A claim of an outer layer, in the extensions of the request.
#[derive(Clone)]
pub(super) struct HeldOutside {
    store: Arc<dyn ErasedStore>,
    key: EventKey,
    /// The claim of the next outer layer.
    further: Option<Arc<HeldOutside>>,
}

impl HeldOutside {
    /// Tells inner layers that the event of a request is claimed.
    pub(super) fn tell(extensions: &mut Extensions, store: Arc<dyn ErasedStore>, key: EventKey) {
        let further = extensions.remove::<Self>().map(Arc::new);
        extensions.insert(Self {
            store,
            key,
            further,
        });
    }

    /// Starts to find out whether an outer layer holds `key` in `store`. Returns `None` if no outer layer holds that
    /// key.
    pub(super) fn look_for(
        extensions: &Extensions,
        store: &Arc<dyn ErasedStore>,
        key: &EventKey,
    ) -> Option<BoxFuture<bool>> {
        let mut stores = Vec::new();
        let mut held = extensions.get::<Self>();
        while let Some(this) = held {
            if this.key == *key {
                stores.push(Arc::clone(&this.store));
            }
            held = this.further.as_deref();
        }
        if stores.is_empty() {
            return None;
        }
        let store = Arc::clone(store);
        Some(Box::pin(async move {
            for outside in stores {
                // If a store fails, nothing is known, and the delivery is answered like any duplicate.
                if let Ok(true) = share_ids(&outside, &store).await {
                    return true;
                }
            }
            false
        }))
    }
}

/// Returns whether a claim in one store is also a claim in the other.
async fn share_ids(
    one: &Arc<dyn ErasedStore>,
    other: &Arc<dyn ErasedStore>,
) -> Result<bool, StoreError> {
    let random = || ClaimToken::random().map_err(StoreError::new);
    let key = EventKey::new(None, &format!("tower-svix-trial-{}", random()?));
    let (ours, theirs) = (random()?, random()?);
    let ours_claim = Arc::clone(one).claim(key.clone(), ours, LEASE).await;
    let theirs_claim = match ours_claim {
        Ok(_) => Some(Arc::clone(other).claim(key.clone(), theirs, LEASE).await),
        Err(_) => None,
    };
    // Nothing may stay claimed, even if only the reply of a claim was lost. The result of a release does not matter.
    let _ = Arc::clone(one).release(key.clone(), ours).await;
    if !matches!(
        theirs_claim,
        None | Some(Ok(ClaimStatus::InProgress { .. }))
    ) {
        let _ = Arc::clone(other).release(key, theirs).await;
    }
    ours_claim?;
    let claim = theirs_claim.transpose()?;
    Ok(matches!(claim, Some(ClaimStatus::InProgress { .. })))
}
