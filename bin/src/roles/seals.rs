//! Seals the log now and then, beside the relay.

use std::time::Duration;

use posthaste_application::Ports;
use posthaste_application::verify::{SealError, SealStep, Sealer};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::{BackOff, POLL, pause};

/// How long a process that does not relay waits before it looks again.
const STANDBY: Duration = Duration::from_secs(2);

/// Seals the log while this process relays. What cannot be sealed is told, again and again, and nothing else stops for it.
pub(crate) async fn seal(mut sealer: Sealer, ports: Ports, stopping: CancellationToken) {
    let mut back_off = BackOff::new();
    while let Some(stepped) = stopping.run_until_cancelled(sealer.step()).await {
        match stepped {
            Ok(SealStep::Sealed(_) | SealStep::Moved) => back_off.reset(),
            Ok(SealStep::Idle) => {
                back_off.reset();
                let checked = sealer.checked().unwrap_or_default();
                stopping.run_until_cancelled(timeout(POLL, ports.log.grown(checked))).await;
            }
            Ok(SealStep::Standby) => pause(STANDBY, &stopping).await,
            Err(error @ (SealError::Found(_) | SealError::BadSeal(_))) => {
                tracing::error!(error = &error as &dyn std::error::Error, "the log is not sealed");
                back_off.pause(&stopping).await;
            }
            Err(error @ SealError::Port(_)) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "the log could not be sealed");
                back_off.pause(&stopping).await;
            }
        }
    }
}
