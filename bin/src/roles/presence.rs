//! Keeps the leases of those who are connected, and looks at those who are watched.

use std::sync::Arc;
use std::time::Duration;

use posthaste_application::port::PortError;
use posthaste_application::presence::{Look, Lookout, PresenceTiming, Renewer};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::pause;

/// How often it is looked at who has just connected, when leases are not so short that it must be more often.
const RENEW: Duration = Duration::from_secs(1);
/// How often those who are watched are looked at, when leases are not so short that it must be more often.
const WATCH: Duration = Duration::from_secs(2);
/// How long it is gathered who wants to watch whom.
const CROWD: Duration = Duration::from_millis(20);

/// Keeps the leases of those who are connected. What is not connected any more, also because the process stops, runs out by itself.
pub(crate) async fn renew(mut renewer: Renewer, timing: PresenceTiming, stopping: CancellationToken) {
    let mut ticks = interval((timing.lease / 32).min(RENEW));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut outage = Outage::new("presence could not be kept");
    while stopping.run_until_cancelled(ticks.tick()).await.is_some() {
        let Some(renewed) = stopping.run_until_cancelled(renewer.step()).await else { return };
        outage.note(renewed);
    }
}

/// Looks at those who are watched, and tells those who watch them.
pub(crate) async fn look_out(lookout: Arc<Lookout>, timing: PresenceTiming, stopping: CancellationToken) {
    let mut looks = interval((timing.disbelief() / 2).min(WATCH));
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut outage = Outage::new("presence could not be looked at");
    loop {
        let look = tokio::select! {
            () = stopping.cancelled() => return,
            _ = looks.tick() => Look::All,
            () = lookout.asked() => {
                pause(CROWD, &stopping).await;
                Look::New
            }
        };
        let Some(told) = stopping.run_until_cancelled(lookout.step(look)).await else { return };
        outage.note(told);
    }
}

/// What is tried again and again is told once when it begins to fail, and once when it works again.
struct Outage {
    what: &'static str,
    lasts: bool,
}

impl Outage {
    const fn new(what: &'static str) -> Self {
        Self { what, lasts: false }
    }

    fn note<T>(&mut self, tried: Result<T, PortError>) {
        match tried {
            Ok(_) if self.lasts => tracing::info!(what = self.what, "it works again"),
            Err(error) if !self.lasts => tracing::warn!(error = &error as &dyn std::error::Error, "{}", self.what),
            Ok(_) | Err(_) => return,
        }
        self.lasts = !self.lasts;
    }
}
