//! The recipes of `docs/RECIPES.md`: one file each, with its tests at the foot.

pub mod axum_state;
pub mod extra_credentials;
pub mod moving_over;
pub mod queue_worker;
pub mod refresh_secrets;
#[cfg(unix)]
pub mod reload_on_signal;
pub mod several_senders;

#[cfg(test)]
mod test_log;
