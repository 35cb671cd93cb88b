//! The moments that people name.

use anyhow::Context as _;
use posthaste_application::audit::as_of::{AsOf, Moment};
use posthaste_application::port::EventLog;

use crate::cli::{Interrupted, progress};

/// The moment that is meant. A time is looked for from the end of the log.
pub(super) async fn moment(log: &dyn EventLog, as_of: AsOf) -> anyhow::Result<Moment> {
    let length = match as_of {
        AsOf::Position(_) => 0,
        AsOf::Time(_) => log.head().await?.position.0,
    };
    let bar = progress::events("find", length);
    let looked_at = |events| bar.inc(events);
    let resolved = interruptible(as_of.resolve_telling(log, &looked_at)).await;
    bar.finish_and_clear();
    Ok(resolved??)
}

/// What only looks is stopped by Ctrl-C wherever it is.
pub(super) async fn interruptible<T>(looking: impl Future<Output = T>) -> anyhow::Result<T> {
    tokio::select! {
        looked = looking => Ok(looked),
        stopped = tokio::signal::ctrl_c() => {
            stopped.context("Ctrl-C cannot be heard")?;
            Err(Interrupted("stopped: nothing was changed".to_owned()).into())
        }
    }
}
