//! Crowds: everybody comes back at once, some never read, and those beside them do not notice. One test at a time: each needs the machine.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "storms/crowd.rs"]
mod crowd;
#[path = "storms/fence.rs"]
mod fence;
#[path = "storms/line.rs"]
mod line;
#[path = "storms/neighbours.rs"]
mod neighbours;
#[path = "storms/pending.rs"]
mod pending;
#[path = "storms/storm.rs"]
mod storm;

use std::time::Duration;

use tokio::sync::{Mutex, MutexGuard};

/// How long anything may take that comes to an end by itself, with the whole crowd in its way.
const PATIENCE: Duration = Duration::from_secs(120);

/// Waits until no other test of this program runs.
async fn alone() -> MutexGuard<'static, ()> {
    static MACHINE: Mutex<()> = Mutex::const_new(());
    MACHINE.lock().await
}
