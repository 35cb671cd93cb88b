//! Building a view beside the live one: waiting for the lease, taking the log in, stopping when told to.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use indicatif::ProgressBar;
use posthaste_application::port::rebuilds::Purpose;
use posthaste_application::port::{Ids as _, Rebuilds};
use posthaste_application::rebuild::{RebuildError, Rebuilder};
use posthaste_application::view::ViewName;
use posthaste_infrastructure::system::SystemIds;
use tokio::time::sleep;

use super::Stores;
use crate::cli::{Interrupted, progress};

/// Between two looks at the lease of somebody who may have died.
const LOOK: Duration = Duration::from_millis(100);

/// Builds a view beside the live one, and does with it what `conclude` does as soon as that has what it needs.
pub(super) async fn work<T>(
    stores: &Stores,
    rebuilds: &Arc<dyn Rebuilds>,
    (view, purpose): (ViewName, Purpose),
    batch: usize,
    mut conclude: impl AsyncFnMut(&mut Rebuilder) -> Result<Option<T>, RebuildError>,
) -> anyhow::Result<T> {
    let mut rebuilder = Rebuilder::new(Arc::clone(&stores.log), Arc::clone(rebuilds), view, purpose, SystemIds.next()).in_batches_of(batch);
    let bar = progress::events(format!("{purpose} {view}"), 0);
    let worked = tokio::select! {
        worked = carry_out(&mut rebuilder, &bar, &mut conclude) => Some(worked),
        stopped = tokio::signal::ctrl_c() => {
            stopped.context("Ctrl-C cannot be heard")?;
            None
        }
    };
    bar.finish_and_clear();
    let Some(worked) = worked else {
        // What is built stays for the next run, which need not wait.
        rebuilder.end(false).await?;
        let at = rebuilder.progress();
        let said = format!("stopped at {} of {}: the live view is as it was; run it again to go on", at.position, at.goal);
        return Err(Interrupted(said).into());
    };
    // What failed is gone on with as well.
    let ended = rebuilder.end(worked.is_ok()).await;
    let worked = worked?;
    ended?;
    Ok(worked)
}

async fn carry_out<T>(
    rebuilder: &mut Rebuilder,
    bar: &ProgressBar,
    conclude: &mut impl AsyncFnMut(&mut Rebuilder) -> Result<Option<T>, RebuildError>,
) -> Result<T, RebuildError> {
    while !rebuilder.begin().await? {
        bar.set_message("  (waiting for the lease of an earlier run to run out)");
        sleep(LOOK).await;
    }
    let mut progress = rebuilder.progress();
    bar.set_length(progress.goal.0);
    bar.set_position(progress.position.0);
    bar.reset_eta();
    loop {
        bar.set_message("");
        while !progress.near() {
            progress = rebuilder.step().await?;
            bar.set_length(progress.goal.0);
            bar.set_position(progress.position.0);
        }
        bar.set_message("  (comparing)");
        if let Some(concluded) = conclude(rebuilder).await? {
            return Ok(concluded);
        }
        progress = rebuilder.progress();
    }
}
