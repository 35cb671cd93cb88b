//! Who is online, for those who may know.
//!
//! - [`Renewer`] keeps the leases of the devices that are connected here. Whoever disconnects is just not renewed any more, so the rest of
//!   the lease is the grace in which they can come back unnoticed.
//! - [`Lookout`] looks at everybody who is watched on this node, and tells each watcher what has changed.
//!
//! Nothing of it is in the log, and all of it may be lost: then nobody is told of a change, and everything else goes on.

mod board;
mod lookout;
mod renewer;
#[cfg(test)]
mod tests;

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures::future::try_join;
use posthaste_domain::UserId;

pub use lookout::{Look, Lookout, Watcher};
pub use renewer::Renewer;

use crate::port::presence::Seen;
use crate::port::{PortError, Presence};
use crate::view::{Glimpse, Views};

/// Most users that one connection can watch.
pub const WATCHED: usize = 200;
/// Users and pairs that are asked about together.
const TOGETHER: usize = 1_000;

/// How long things take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PresenceTiming {
    /// How long a device is there without a sign of life.
    pub lease: Duration,
    /// At least this long between two changes of one user that a watcher is told.
    pub calm: Duration,
}

impl Default for PresenceTiming {
    fn default() -> Self {
        Self { lease: Duration::from_secs(30), calm: Duration::from_secs(5) }
    }
}

impl PresenceTiming {
    /// How old a lease is when it is renewed. Well before [`PresenceTiming::disbelief`], so that everybody is there again in time when
    /// what was known is lost.
    #[must_use]
    pub fn renewal(&self) -> Duration {
        self.lease / 4
    }

    /// How long somebody must be seen to be gone before it is believed.
    #[must_use]
    pub fn disbelief(&self) -> Duration {
        self.lease / 3
    }
}

/// A user's presence, as somebody may see it. Whoever may not be seen is offline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Who.
    pub user: UserId,
    /// Whether they are online.
    pub online: bool,
    /// When they were online last: to the minute for friends, to the hour for others. `None` while they are, and when it is not shown.
    pub last_seen: Option<DateTime<Utc>>,
}

impl Shown {
    /// What is shown of somebody to whoever has this glimpse of them.
    fn new(user: UserId, online: bool, last: Option<DateTime<Utc>>, glimpse: Glimpse) -> Self {
        let online = online && glimpse.presence;
        let last_seen = last.filter(|_| !online && glimpse.last_seen).and_then(|at| coarse(at, glimpse.close));
        Self { user, online, last_seen }
    }
}

/// The beginning of the minute, or of the hour.
fn coarse(at: DateTime<Utc>, close: bool) -> Option<DateTime<Utc>> {
    let grain = if close { TimeDelta::minutes(1) } else { TimeDelta::hours(1) };
    let seconds = at.timestamp();
    DateTime::from_timestamp(seconds - seconds.rem_euclid(grain.num_seconds()), 0)
}

/// The presence of these users as this one may see it, in this order.
///
/// # Errors
/// The presence, or what users are to each other, cannot be asked.
pub async fn shown_to(looker: UserId, users: &[UserId], presence: &dyn Presence, views: &dyn Views) -> Result<Vec<Shown>, PortError> {
    let pairs: Vec<_> = users.iter().map(|user| (looker, *user)).collect();
    let (seen, glimpses) = try_join(presence.look(users), views.glimpses(&pairs)).await?;
    let shown = seen.into_iter().zip(glimpses).map(|(Seen { user, online, last }, glimpse)| Shown::new(user, online, last, glimpse));
    Ok(shown.collect())
}
