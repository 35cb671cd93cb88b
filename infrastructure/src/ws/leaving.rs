//! A connection of a node that is being stopped: served on until a moment of its own, so that not all come back at once, and then only
//! until it has the answers to what it asked.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// How long a connection that is about to be closed waits for the answers to what was asked of it.
const SETTLING: Duration = Duration::from_secs(3);

/// How far it has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leaving {
    /// The node is not being stopped.
    No,
    /// The client knows, and is served until then.
    At(Instant),
    /// What was asked is answered, since then; nothing more is taken on.
    Since(Instant),
}

impl Leaving {
    /// Some moment within the spread, which begins after the grace: who leaves sooner may be sent here again.
    pub(super) fn after(grace: Duration, spread: Duration) -> Self {
        Self::At(Instant::now() + grace + spread.mul_f64(rand::random()))
    }

    /// Whether nothing more is taken on.
    pub(super) const fn is_settling(self) -> bool {
        matches!(self, Self::Since(_))
    }

    /// Waits for the moment to close, or to give up on what is not answered by then.
    pub(super) async fn over(self) {
        match self {
            Self::No => std::future::pending().await,
            Self::At(moment) => sleep_until(moment).await,
            Self::Since(moment) => sleep_until(moment + SETTLING).await,
        }
    }

    /// What comes when that is [over](Self::over); `None` is the end.
    pub(super) fn next(self) -> Option<Self> {
        (!self.is_settling()).then(|| Self::Since(Instant::now()))
    }
}
