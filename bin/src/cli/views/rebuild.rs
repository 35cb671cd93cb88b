//! `posthaste views rebuild`.

use std::time::Instant;

use posthaste_application::port::desk::{Answer, Ask};
use posthaste_application::port::rebuilds::{Exchanged, Purpose};
use posthaste_application::rebuild::{Outcome, Rebuilder};
use posthaste_application::view::ViewName;
use serde_json::json;

use super::Stores;
use super::compare::beside;
use super::desk::{ask, beside_the_point};
use super::work::work;
use crate::cli::out::say;
use crate::cli::progress;
use crate::compose::Kept;

const NOWHERE: &str = "no server runs, and views are in the memory of the server alone: a start is the rebuild";

/// Rebuilds them one after the other.
pub(super) async fn rebuild(stores: &Stores, views: &[ViewName], batch: usize) -> anyhow::Result<()> {
    for view in views.iter().copied() {
        let begun = Instant::now();
        let outcome = match &stores.kept {
            Kept::Stored(rebuilds) => work(stores, rebuilds, (view, Purpose::Rebuild), batch, Rebuilder::exchange).await?,
            Kept::InMemory(desk) => {
                let bar = progress::events(format!("rebuild {view}"), 0);
                match ask(stores, desk, Ask::Rebuild { view }, &bar).await? {
                    Answer::Rebuilt { outcome } => outcome,
                    other @ (Answer::Status { .. } | Answer::Verified { .. } | Answer::Failed { .. }) => {
                        return Err(beside_the_point(&other));
                    }
                }
            }
            Kept::Nowhere => {
                let report = json!({ "view": view.as_str(), "rebuilt": false, "reason": NOWHERE });
                say!("{}", if stores.json { report.to_string() } else { format!("{view}: nothing to do: {NOWHERE}") });
                continue;
            }
        };
        let seconds = begun.elapsed().as_secs_f64();
        let Outcome { live, position, exchanged, parked } = &outcome;
        if stores.json {
            let report = json!({
                "view": view.as_str(), "rebuilt": true, "position": position, "live": live, "exchanged": exchanged, "parked": parked, "seconds": seconds,
            });
            say!("{report}");
        } else {
            say!("{view}: {} (rebuilt at position {position} in {seconds:.1} s{})", in_words(&outcome), beside(*parked));
        }
    }
    Ok(())
}

fn in_words(Outcome { live, position, exchanged, parked: _ }: &Outcome) -> String {
    if exchanged.is_empty() {
        return "it was what the log says, row by row".to_owned();
    }
    let table = |Exchanged { table, removed, added }: &Exchanged| format!("{table}: {removed} rows out, {added} in");
    let tables = exchanged.iter().map(table).collect::<Vec<_>>().join("; ");
    if live == position { format!("put right: {tables}") } else { format!("brought from position {live} to {position}: {tables}") }
}
