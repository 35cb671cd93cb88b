//! Waiting for what comes by itself.

use std::fmt::Debug;
use std::time::Duration;

use anyhow::ensure;
use tokio::time::{Instant, sleep};

/// How long anything may take that comes by itself, on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Asks again and again until there is an answer that fits, which it gives.
///
/// # Errors
/// Asking failed; or there was none in time, and it says what the last one was.
pub async fn until<T: Debug>(what: &str, mut ask: impl AsyncFnMut() -> anyhow::Result<T>, fits: impl Fn(&T) -> bool) -> anyhow::Result<T> {
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
