//! What an operator sees and does: metrics, readiness, logs, the doctor, and what the documentation promises of them.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![allow(clippy::disallowed_methods, reason = "what somebody does to the database, several statements at once")]

#[path = "operations/backup.rs"]
mod backup;
#[path = "operations/docs.rs"]
mod docs;
#[path = "operations/doctor.rs"]
mod doctor;
#[path = "operations/logs.rs"]
mod logs;
#[path = "operations/metrics.rs"]
mod metrics;
#[path = "operations/readiness.rs"]
mod readiness;
#[path = "operations/scrape.rs"]
mod scrape;
#[path = "operations/trace.rs"]
mod trace;

use std::time::Duration;

use anyhow::ensure;
use tokio::time::{Instant, sleep};

/// How long anything may take that comes by itself, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Asks again and again until there is an answer that fits, which it gives. If there is none in time, says what the last one was.
async fn until<T: std::fmt::Debug>(
    what: &str,
    mut ask: impl AsyncFnMut() -> anyhow::Result<T>,
    fits: impl Fn(&T) -> bool,
) -> anyhow::Result<T> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let answer = ask().await?;
        if fits(&answer) {
            return Ok(answer);
        }
        ensure!(Instant::now() < deadline, "{what}: not after {PATIENCE:?}; the last answer was {answer:?}");
        sleep(Duration::from_millis(50)).await;
    }
}
