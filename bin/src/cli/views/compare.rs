//! `posthaste views verify` and `diff`.

use anyhow::bail;
use posthaste_application::port::desk::{Answer, Ask};
use posthaste_application::port::rebuilds::{Difference, Purpose};
use posthaste_application::rebuild::{BATCH, Rebuilder, Verdict};
use posthaste_application::view::ViewName;
use serde_json::{Value, json};

use super::desk::{ask, beside_the_point};
use super::work::work;
use super::{Stores, memory};
use crate::cli::out::say;
use crate::cli::progress;
use crate::compose::Kept;

/// Rows that are named when a view is not right.
const NAMED: usize = 10;

/// Compares each view with one that is built from the log, and names what differs.
pub(super) async fn verify(stores: &Stores, views: &[ViewName]) -> anyhow::Result<()> {
    let mut wrong = Vec::new();
    for view in views.iter().copied() {
        let Some(verdict) = verdict(stores, view, NAMED).await? else { continue };
        let Verdict { position, tables, differences, total, parked } = &verdict;
        if stores.json {
            let keys: Vec<_> = differences.iter().map(|row| json!({ "table": row.table, "key": row.key, "is": what(row) })).collect();
            let said = if *total == 0 { "verified" } else { "wrong" };
            let tables: Vec<_> = tables.iter().map(|t| json!({ "table": t.table, "rows": t.live, "digest": t.digest })).collect();
            let report = json!({
                "view": view.as_str(), "verdict": said, "position": position, "tables": tables, "differences": total, "first": keys, "parked": parked,
            });
            say!("{report}");
        } else if *total == 0 {
            let rows: u64 = tables.iter().map(|table| table.live).sum();
            say!("{view}: verified at position {position}: all {rows} rows are what the log says{}", beside(*parked));
        } else {
            say!("{view}: {total} rows are not what the log says, at position {position}:");
            differences.iter().for_each(|row| say!("  {} {} is {}", row.table, row.key, what(row)));
        }
        if *total > 0 {
            wrong.push(format!("{view} ({total} rows)"));
        }
    }
    refuse(&wrong)
}

/// Shows what differs.
pub(super) async fn diff(stores: &Stores, views: &[ViewName], rows: usize) -> anyhow::Result<()> {
    let mut wrong = Vec::new();
    for view in views.iter().copied() {
        let Some(Verdict { position, differences, total, .. }) = verdict(stores, view, rows).await? else { continue };
        for row in &differences {
            if stores.json {
                say!("{}", json!({ "view": view.as_str(), "position": position, "difference": row, "is": what(row) }));
            } else {
                let side = |side: &Option<Value>| side.as_ref().map_or_else(|| "(no row)".to_owned(), Value::to_string);
                say!("{} {} is {}", row.table, row.key, what(row));
                say!("  live:    {}\n  rebuilt: {}", side(&row.live), side(&row.rebuilt));
            }
        }
        if total > 0 {
            let shown = differences.len();
            wrong.push(if (shown as u64) < total {
                format!("{view} ({total} rows, {shown} shown)")
            } else {
                format!("{view} ({total} rows)")
            });
        } else if !stores.json {
            say!("{view}: no difference at position {position}");
        }
    }
    refuse(&wrong)
}

fn refuse(wrong: &[String]) -> anyhow::Result<()> {
    if wrong.is_empty() {
        return Ok(());
    }
    bail!("not what the log says: {}; `posthaste views diff` shows them, `posthaste views rebuild` puts them right", wrong.join(", "))
}

/// `None` where there is nothing stored to compare: that has been said then.
async fn verdict(stores: &Stores, view: ViewName, rows: usize) -> anyhow::Result<Option<Verdict>> {
    let rebuilds = match &stores.kept {
        Kept::Stored(rebuilds) => rebuilds,
        Kept::InMemory(desk) => {
            let bar = progress::events(format!("verify {view}"), 0);
            return match ask(stores, desk, Ask::Verify { view, most: rows }, &bar).await? {
                Answer::Verified { verdict } => Ok(Some(verdict)),
                other @ (Answer::Status { .. } | Answer::Rebuilt { .. } | Answer::Failed { .. }) => Err(beside_the_point(&other)),
            };
        }
        Kept::Nowhere => return memory::fold_twice(stores, view).await.map(|()| None),
    };
    work(stores, rebuilds, (view, Purpose::Verify), BATCH, async |rebuilder: &mut Rebuilder| rebuilder.verify(rows).await).await.map(Some)
}

/// What is wrong with a row.
fn what(row: &Difference) -> &'static str {
    match (&row.live, &row.rebuilt) {
        (Some(_), None) => "too many",
        (None, _) => "missing",
        (Some(_), Some(_)) => "different",
    }
}

/// What is not in a view although it is in the log.
pub(super) fn beside(parked: usize) -> String {
    match parked {
        0 => String::new(),
        parked => format!("; {parked} streams are parked and left out from their dead letters on, see `posthaste dead list`"),
    }
}
