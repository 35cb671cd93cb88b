//! Views that are in the memory of a server, while none runs: what they would be.

use std::time::Instant;

use anyhow::{Context as _, ensure};
use indicatif::ProgressBar;
use posthaste_application::recorded::Position;
use posthaste_application::view::folding::Folding;
use posthaste_application::view::{People, Threads, Timeline, View, ViewName};
use serde_json::json;

use super::Stores;
use super::compare::beside;
use crate::cli::out::say;
use crate::cli::{Interrupted, progress};

/// The pages that the log is folded in, once with each.
const PAGES: [usize; 2] = [4_096, 1_000];
const HONEST: &str = "no server runs; one that starts has this fold in its memory";

/// Folds the log twice, in pages of different sizes, and says whether the same came of it.
pub(super) async fn fold_twice(stores: &Stores, view: ViewName) -> anyhow::Result<()> {
    match view {
        ViewName::Threads => twice::<Threads>(stores).await,
        ViewName::Timeline => twice::<Timeline>(stores).await,
        ViewName::People => twice::<People>(stores).await,
    }
}

async fn twice<V: View + PartialEq>(stores: &Stores) -> anyhow::Result<()> {
    let (view, head) = (V::NAME, stores.log.head().await?.position);
    let begun = Instant::now();
    let bar = progress::events(format!("verify {view}"), head.0 * 2);
    let folds = async { anyhow::Ok([fold::<V>(stores, head, PAGES[0], &bar).await?, fold::<V>(stores, head, PAGES[1], &bar).await?]) };
    let folds = tokio::select! {
        folds = folds => folds,
        stopped = tokio::signal::ctrl_c() => {
            stopped.context("Ctrl-C cannot be heard")?;
            Err(Interrupted("stopped: nothing was changed".to_owned()).into())
        }
    };
    bar.finish_and_clear();
    let [one, other] = folds.with_context(|| format!("{view} cannot be folded"))?;
    ensure!(one == other, "{view}: two folds of the same {head} events are not equal");
    let parked = one.parked();
    let rate = (head.0 * 2) as f64 / begun.elapsed().as_secs_f64();
    if stores.json {
        let report = json!({ "view": view.as_str(), "verdict": "verified", "position": head, "events_per_second": rate.round(), "parked": parked, "note": HONEST });
        say!("{report}");
    } else {
        say!("{view}: the log folds to the same twice, up to position {head} ({rate:.0} events/s){}; {HONEST}", beside(parked));
    }
    Ok(())
}

async fn fold<V: View>(stores: &Stores, head: Position, page: usize, bar: &ProgressBar) -> anyhow::Result<Folding<V>> {
    let mut folding = Folding::default();
    loop {
        let taken = folding.step(&*stores.log, head, page).await?;
        if taken == 0 {
            return Ok(folding);
        }
        bar.inc(taken as u64);
        // A fold of a file never waits, and Ctrl-C is heard between two pages.
        tokio::task::yield_now().await;
    }
}
