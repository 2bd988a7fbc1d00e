//! Finds two layers on one path that share one store: the inner one would never get the claim.
//!
//! Whether two stores share their ids shows in what they do, and in nothing else: two values can be connected to one
//! database. So the stores are tried, with a key that nobody else has.

use std::sync::Arc;
use std::time::Duration;

use http::Extensions;

use super::erased::ErasedStore;
use super::key::{ClaimToken, EventKey};
use super::store::{BoxFuture, ClaimStatus, StoreError};

/// How long the trial's claims last at most.
const LEASE: Duration = Duration::from_secs(10);

/// Stands in the extensions of a request whose event a layer outside holds.
#[derive(Clone)]
pub(super) struct HeldOutside {
    store: Arc<dyn ErasedStore>,
    key: EventKey,
    /// The layer outside of that one.
    further: Option<Arc<HeldOutside>>,
}

impl HeldOutside {
    /// Tells the layers inside that the event of a request is claimed.
    pub(super) fn tell(extensions: &mut Extensions, store: Arc<dyn ErasedStore>, key: EventKey) {
        let further = extensions.remove::<Self>().map(Arc::new);
        extensions.insert(Self {
            store,
            key,
            further,
        });
    }

    /// Starts to find out whether a layer outside holds `key` in `store`. Returns `None` if none holds that key anywhere.
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
                // If one of them fails, nothing is known, and the delivery is answered as any duplicate is.
                if let Ok(true) = share_ids(&outside, &store).await {
                    return true;
                }
            }
            false
        }))
    }
}

/// Whether what is claimed in one store is claimed in the other.
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
    // Whatever failed, and if only its reply was lost: nothing stays claimed. That a release fails says nothing.
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
