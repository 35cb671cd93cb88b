//! From the queue of mails to those who read them.

use std::time::Duration;

use posthaste_application::mail::Courier;
use tokio_util::sync::CancellationToken;

use super::{BackOff, pause};

/// How often it is looked whether a mail is due.
const LOOK: Duration = Duration::from_secs(1);

/// Sends what is due. What is being sent when the process stops is sent again by whoever is next.
pub(crate) async fn send(courier: Courier, stopping: CancellationToken) {
    let mut back_off = BackOff::new();
    while let Some(sent) = stopping.run_until_cancelled(courier.step()).await {
        match sent {
            Ok(sent) => {
                back_off.reset();
                if sent == 0 {
                    pause(LOOK, &stopping).await;
                }
            }
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "no mail is sent for a moment");
                back_off.pause(&stopping).await;
            }
        }
    }
}
