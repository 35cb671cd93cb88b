//! Where somebody beside a server asks for what only the server can do, because it alone has its views: in memory. Where views are stored,
//! whoever asks can do it, and there is no such place.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::PortError;
use crate::rebuild::{Outcome, Verdict};
use crate::recorded::Position;
use crate::view::ViewName;

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub enum Ask {
    /// How far every view is.
    Status,
    /// Fold a view anew beside the live one, and put it in its place.
    Rebuild {
        /// Which.
        view: ViewName,
    },
    /// Fold a view anew beside the live one, and say what differs.
    Verify {
        /// Which.
        view: ViewName,
        /// Most entries to name.
        most: usize,
    },
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Answer {
    /// How far every view was.
    Status {
        /// When, by the clock of the server.
        at: DateTime<Utc>,
        /// Where each was, and where the one is that is folded anew beside it, if one is.
        views: Vec<(ViewName, Position, Option<Position>)>,
    },
    /// It was put in the place of the live one.
    Rebuilt {
        /// What changed by that.
        outcome: Outcome,
    },
    /// It was compared with the live one.
    Verified {
        /// What differs.
        verdict: Verdict,
    },
    /// It was not done, and nothing was changed.
    Failed {
        /// Why.
        reason: String,
    },
}

/// How far it is with something that was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Slip {
    /// Nobody has taken it up.
    Waits,
    /// It is under way.
    UnderWay {
        /// Where the view is that is folded anew.
        position: Position,
        /// Where it goes.
        goal: Position,
    },
    /// It has ended.
    Done(Answer),
}

/// The number of something that was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Number(pub i64);

/// The place.
#[async_trait]
pub trait Desk: Send + Sync {
    /// Asks for something, at a time.
    async fn ask(&self, ask: Ask, at: DateTime<Utc>) -> Result<Number, PortError>;

    /// How far it is with that. `None` when nobody asks for it any more.
    async fn slip(&self, number: Number) -> Result<Option<Slip>, PortError>;

    /// Takes back what was asked, done or not.
    async fn withdraw(&self, number: Number) -> Result<(), PortError>;

    /// What was asked and is not done, in that order.
    async fn open(&self) -> Result<Vec<(Number, Ask)>, PortError>;

    /// Says how far it is. Gives `false` when nobody asks for it any more.
    async fn tell(&self, number: Number, position: Position, goal: Position) -> Result<bool, PortError>;

    /// Says what came of it. Nothing happens if nobody asks for it any more.
    async fn answer(&self, number: Number, answer: &Answer) -> Result<(), PortError>;
}
