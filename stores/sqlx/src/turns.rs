//! Turns: permits to use a pool.

use std::any::Any;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use sqlx::Pool;
use tokio::sync::Semaphore;

use crate::engine::Engine;

/// The turns of a pool. The options of its connections identify the pool, because all its clones share them.
struct Known {
    options: Weak<dyn Any + Send + Sync>,
    turns: Weak<Semaphore>,
}

/// Returns the turns of a pool, which all inboxes and stores on it share. There is one for each connection, or a single
/// one if the engine has only one writer.
pub(crate) fn of<DB: Engine>(pool: &Pool<DB>) -> Arc<Semaphore> {
    static KNOWN: Mutex<Vec<Known>> = Mutex::new(Vec::new());

    let options: Arc<dyn Any + Send + Sync> = pool.connect_options();
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    known.retain(|known| known.turns.strong_count() > 0);
    let same = known
        .iter()
        .find(|known| std::ptr::addr_eq(known.options.as_ptr(), Arc::as_ptr(&options)));
    if let Some(turns) = same.and_then(|known| known.turns.upgrade()) {
        return turns;
    }
    let turns = if DB::ONE_WRITER {
        1
    } else {
        pool.options().get_max_connections() as usize
    };
    let turns = Arc::new(Semaphore::new(turns.min(Semaphore::MAX_PERMITS)));
    known.push(Known {
        options: Arc::downgrade(&options),
        turns: Arc::downgrade(&turns),
    });
    turns
}

#[cfg(all(test, feature = "sqlite"))]
mod tests {
    use sqlx::SqlitePool;

    use super::*;

    #[tokio::test]
    async fn all_that_is_on_one_pool_shares_its_turns() {
        let [pool, other] = [(); 2].map(|()| SqlitePool::connect_lazy("sqlite::memory:").unwrap());
        let turns = of(&pool);
        assert!(Arc::ptr_eq(&turns, &of(&pool.clone())));
        assert!(!Arc::ptr_eq(&turns, &of(&other)));
    }
}
