//! How far everybody who reads the log has come, and whether that is far enough.

use std::sync::Arc;

use futures::future::try_join_all;

use crate::meter::{gauged, meters};
use crate::port::{EventLog, PortError, Projection, RelayLease};
use crate::recorded::Position;

/// How far behind the log anybody may be, in events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LagLimits {
    /// The relay. Devices that are up to date are served by it, later if it is late.
    pub relay: u64,
    /// Each view. What is asked over REST is as old as it is behind.
    pub views: u64,
}

/// Where everybody stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The end of the log.
    pub head: Position,
    /// The checkpoint of the relay.
    pub relay: Position,
    /// Those of the views, by their names.
    pub views: Vec<(&'static str, Position)>,
}

impl Progress {
    /// Looks at them. The head last: whoever is beyond it then has seen what the log does not have any more.
    ///
    /// # Errors
    /// A store failed.
    pub async fn look(log: &dyn EventLog, relay: &dyn RelayLease, projections: &[Arc<dyn Projection>]) -> Result<Self, PortError> {
        let views = projections.iter().map(|view| async move { Ok((view.name(), view.checkpoint().await?)) });
        let (relay, views) = futures::try_join!(relay.status(), try_join_all(views))?;
        let head = log.head().await?.position;
        Ok(Self { head, relay: relay.checkpoint, views })
    }

    /// Shows it to whoever reads `/metrics`.
    pub fn measure(&self) {
        let meters = meters();
        meters.log_head.set(gauged(self.head.0));
        meters.relay_checkpoint.set(gauged(self.relay.0));
        meters.relay_lag.set(gauged(self.behind(self.relay)));
        for (view, checkpoint) in &self.views {
            meters.view_checkpoint.of(view).set(gauged(checkpoint.0));
            meters.view_lag.of(view).set(gauged(self.behind(*checkpoint)));
        }
    }

    /// What is wrong with the relay, if anything is.
    #[must_use]
    pub fn fault_of_relay(&self, limits: LagLimits) -> Option<String> {
        self.fault("the relay", self.relay, limits.relay)
    }

    /// What is wrong with the views, if anything is.
    #[must_use]
    pub fn fault_of_views(&self, limits: LagLimits) -> Option<String> {
        let faults = self.views.iter().filter_map(|(view, checkpoint)| self.fault(&format!("the view {view}"), *checkpoint, limits.views));
        let faults: Vec<_> = faults.collect();
        (!faults.is_empty()).then(|| faults.join("; "))
    }

    /// Whether somebody has come further than the log: it was restored from a backup, or a replica missed its end.
    #[must_use]
    pub fn is_beyond(&self, checkpoint: Position) -> bool {
        checkpoint > self.head
    }

    fn behind(&self, checkpoint: Position) -> u64 {
        self.head.0.saturating_sub(checkpoint.0)
    }

    fn fault(&self, who: &str, checkpoint: Position, limit: u64) -> Option<String> {
        if self.is_beyond(checkpoint) {
            return Some(format!("{who} is at position {checkpoint}, beyond the end of the log at {}", self.head));
        }
        let behind = self.behind(checkpoint);
        (behind > limit).then(|| format!("{who} is {behind} events behind, more than {limit}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: LagLimits = LagLimits { relay: 10, views: 20 };

    fn at(head: u64, relay: u64, timeline: u64) -> Progress {
        let views = vec![("threads", Position(head)), ("timeline", Position(timeline))];
        Progress { head: Position(head), relay: Position(relay), views }
    }

    #[test]
    fn whoever_is_no_further_behind_than_they_may_be_is_well() {
        let progress = at(100, 90, 80);
        assert_eq!((progress.fault_of_relay(LIMITS), progress.fault_of_views(LIMITS)), (None, None));
    }

    #[test]
    fn one_event_more_is_too_many_and_is_said_of_whom() {
        let progress = at(100, 89, 79);
        let (relay, views) = (progress.fault_of_relay(LIMITS).unwrap(), progress.fault_of_views(LIMITS).unwrap());
        assert!(relay.contains("11 events behind"), "{relay}");
        assert!(views.contains("the view timeline is 21 events behind") && !views.contains("threads"), "{views}");
    }

    #[test]
    fn whoever_is_beyond_the_end_of_the_log_is_not_well() {
        let progress = at(100, 101, 102);
        assert!(progress.fault_of_relay(LIMITS).unwrap().contains("beyond the end"), "{progress:?}");
        assert!(progress.fault_of_views(LIMITS).unwrap().contains("beyond the end"), "{progress:?}");
    }
}
