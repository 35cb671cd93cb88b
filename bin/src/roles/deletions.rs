//! From those who have asked to be erased to those who were.

use std::time::Duration;

use posthaste_application::content::deletions::Deletions;
use tokio_util::sync::CancellationToken;

use super::{BackOff, pause};

/// How often it is looked whose time has come.
const LOOK: Duration = Duration::from_secs(1);

/// Erases those whose time has come while this process relays.
pub(crate) async fn complete(mut deletions: Deletions, stopping: CancellationToken) {
    let mut back_off = BackOff::new();
    while let Some(done) = stopping.run_until_cancelled(deletions.step()).await {
        match done {
            Ok(done) => {
                back_off.reset();
                if done == 0 {
                    pause(LOOK, &stopping).await;
                }
            }
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "nobody is erased for a moment");
                back_off.pause(&stopping).await;
            }
        }
    }
}
