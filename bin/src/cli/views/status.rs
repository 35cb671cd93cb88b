//! `posthaste views status`.

use std::time::Duration;

use anyhow::Context as _;
use indicatif::ProgressBar;
use posthaste_application::port::desk::{Answer, Ask};
use posthaste_application::port::rebuilds::{Held, RebuildStatus};
use posthaste_application::recorded::Position;
use posthaste_application::view::ViewName;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::Stores;
use super::desk::{ask, beside_the_point};
use crate::cli::out::say;
use crate::compose::Kept;

const NOWHERE: &str = "no server runs: views are in the memory of the server, which folds the log at every start and is ready when it has";

/// How far every view is, and how fast it goes.
pub(super) async fn status(stores: &Stores, over: Duration) -> anyhow::Result<()> {
    let Some((before, _)) = look(stores).await? else {
        let head = stores.log.head().await?.position;
        for view in ViewName::ALL {
            let report = json!({ "view": view.as_str(), "checkpoint": null, "head": head, "note": NOWHERE });
            say!("{}", if stores.json { report.to_string() } else { format!("{view}: {NOWHERE}; the log is at {head}") });
        }
        return Ok(());
    };
    let begun = Instant::now();
    sleep(over).await;
    let (after, took) = look(stores).await?.context("the server has ended")?;
    let elapsed = (begun.elapsed() - took / 2).as_secs_f64();
    let head = stores.log.head().await?.position;
    for (view, (before, after)) in ViewName::ALL.into_iter().zip(before.iter().zip(&after)) {
        let rate = |from: Position, to: Position| (to.0.saturating_sub(from.0) as f64 / elapsed).round();
        let seen = Seen {
            view,
            head,
            status: after,
            rate: rate(before.live, after.live),
            beside: rate(before.beside.unwrap_or_default(), after.beside.unwrap_or_default()),
        };
        say!("{}", if stores.json { seen.to_json().to_string() } else { seen.in_words() });
    }
    Ok(())
}

/// How every view is, and how long it took to find that out. `None` when there are none.
async fn look(stores: &Stores) -> anyhow::Result<Option<(Vec<RebuildStatus>, Duration)>> {
    let begun = Instant::now();
    let seen = match &stores.kept {
        Kept::Stored(rebuilds) => {
            let mut seen = Vec::new();
            for view in ViewName::ALL {
                seen.push(rebuilds.status(view).await?);
            }
            seen
        }
        Kept::InMemory(desk) => match ask(stores, desk, Ask::Status, &ProgressBar::hidden()).await? {
            Answer::Status { at, views } => {
                // What is beside a view in memory is being folded: nothing is left there of what was interrupted.
                let held = Held { purpose: None, begun_at: None, expires_at: at };
                let seen = |(_, live, beside): (_, _, Option<_>)| RebuildStatus { live, beside, held: beside.map(|_| held.clone()) };
                views.into_iter().map(seen).collect()
            }
            other @ (Answer::Rebuilt { .. } | Answer::Verified { .. } | Answer::Failed { .. }) => return Err(beside_the_point(&other)),
        },
        Kept::Nowhere => return Ok(None),
    };
    Ok(Some((seen, begun.elapsed())))
}

/// One view, looked at twice. Rates are events a second.
struct Seen<'a> {
    view: ViewName,
    head: Position,
    status: &'a RebuildStatus,
    rate: f64,
    beside: f64,
}

impl Seen<'_> {
    fn to_json(&self) -> Value {
        let RebuildStatus { live, beside, held } = self.status;
        let rebuild =
            beside.map(|position| json!({ "position": position, "events_per_second": self.beside, "running": held.is_some(), "by": held }));
        json!({
            "view": self.view.as_str(), "checkpoint": live, "head": self.head, "lag": self.head.0.saturating_sub(live.0),
            "beyond_head": live > &self.head, "events_per_second": self.rate, "rebuild": rebuild,
        })
    }

    fn in_words(&self) -> String {
        let RebuildStatus { live, beside, held } = self.status;
        let lag = self.head.0.saturating_sub(live.0);
        let mut said = format!("{}: at {live}, ", self.view);
        said += &match lag {
            _ if *live > self.head => format!("beyond the head of the log {}: rebuild it", self.head),
            0 => "up to date".to_owned(),
            lag if self.rate > 0.0 => format!("{lag} behind, {:.0} s to go", lag as f64 / self.rate),
            lag => format!("{lag} behind, and standing"),
        };
        said += &format!("; {} events/s", self.rate);
        match (beside, held) {
            (Some(beside), Some(Held { purpose, .. })) => {
                let purpose = purpose.map_or("rebuild", |purpose| purpose.as_str());
                said += &format!("; {purpose} under way: at {beside} of {}, {} events/s", self.head, self.beside);
            }
            (Some(beside), None) => said += &format!("; a rebuild was interrupted at {beside}: run it again to go on"),
            (None, Some(_)) => said += "; a rebuild begins",
            (None, None) => {}
        }
        said
    }
}
