//! Views that are built anew beside the live ones, while those are read and written: compared with them at one exact position, and put in
//! their place. For stores that keep their views; one in memory is built anew whenever it starts.

use std::fmt::{self, Display};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::PortError;
use super::lease::{Fenced, Lease};
use super::projection::{Batch, LeftOut};
use crate::recorded::Position;
use crate::view::ViewName;

/// What a view is built anew for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// To be put in place of the live one.
    Rebuild,
    /// To be compared with the live one.
    Verify,
}

impl Purpose {
    /// Every purpose.
    pub const ALL: [Self; 2] = [Self::Rebuild, Self::Verify];

    /// As it is stored and shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rebuild => "rebuild",
            Self::Verify => "verify",
        }
    }
}

impl Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Somebody works on a view's rebuilding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Held {
    /// What for.
    pub purpose: Option<Purpose>,
    /// Since when.
    pub begun_at: Option<DateTime<Utc>>,
    /// When their lease runs out, unless they renew it.
    pub expires_at: DateTime<Utc>,
}

/// How a view and its rebuilding are doing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RebuildStatus {
    /// Everything up to here is in the live view.
    pub live: Position,
    /// Everything up to here is in what is built beside it; `None` when nothing was begun.
    pub beside: Option<Position>,
    /// Who builds it, unless they have finished or died.
    pub held: Option<Held>,
}

/// A table of a view, compared with the one beside it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableCheck {
    /// Its name.
    pub table: String,
    /// Rows of the live one.
    pub live: u64,
    /// Rows of the one beside it.
    pub rebuilt: u64,
    /// Which buckets of keys differ; empty when the two are equal.
    pub buckets: Vec<i32>,
    /// Of everything that is live, in hexadecimal; equal for equal rows, whatever their order.
    pub digest: String,
}

impl TableCheck {
    /// Whether the two are equal.
    #[must_use]
    pub fn is_equal(&self) -> bool {
        self.buckets.is_empty()
    }
}

/// A row that differs. What people wrote, and what they are called, is shown as a digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// The table.
    pub table: String,
    /// The columns of its key.
    pub key: Value,
    /// The columns that differ, as they are live; `None` when there is no such row.
    pub live: Option<Value>,
    /// The columns that differ, as they should be; `None` when there should be no such row.
    pub rebuilt: Option<Value>,
}

/// The rows of a table that were put right.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchanged {
    /// The table.
    pub table: String,
    /// Rows that were taken out: those that were wrong, and those that should not have been there.
    pub removed: u64,
    /// Rows that were put in: those that were wrong, and those that were missing.
    pub added: u64,
}

/// How the two views meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meet {
    /// The live one as it is at this moment; it goes on meanwhile.
    Snapshot,
    /// The live one stands still: who projects waits, who reads does not.
    Still,
}

/// The live view and the one beside it, both at rest for as long as this lasts. Dropped, it has changed nothing.
#[async_trait]
pub trait Meeting: Send {
    /// Everything up to here is in the live view.
    fn live(&self) -> Position;

    /// Everything up to here is in the one beside it.
    fn beside(&self) -> Position;

    /// What is left out of the live view.
    fn left_out(&self) -> &LeftOut;

    /// Whether somebody asked for something else to be left out since the one beside it was begun: it is of no use then.
    fn is_outdated(&self) -> bool;

    /// Takes what comes after [`beside`](Self::beside) into the one beside the live view.
    ///
    /// # Errors
    /// [`PortError::Poison`] as in [`Rebuilds::take`]; the meeting is of no use then.
    async fn take(&mut self, batch: Batch<'_>) -> Result<(), PortError>;

    /// Compares them, table by table.
    async fn compare(&mut self) -> Result<Vec<TableCheck>, PortError>;

    /// The first rows of a table that differ, in the order of their keys, and how many differ in all.
    async fn differences(&mut self, table: &TableCheck, most: usize) -> Result<(Vec<Difference>, u64), PortError>;

    /// Makes the live rows of a table what they are beside it. For whoever meets with [`Meet::Still`].
    async fn exchange(&mut self, table: &TableCheck) -> Result<Exchanged, PortError>;

    /// Ends it, with everything that was done, the checkpoint of the live view where the one beside it is, and the dead letters of the
    /// one beside it instead of its own. What was asked for of those is done with this.
    async fn commit(self: Box<Self>) -> Result<(), PortError>;
}

/// The views beside the live ones, one for each. One holder at a time works on one, by the store's clock; everything is fenced by an epoch.
/// Nothing of it touches the live view, but a [`Meeting`] that is committed.
#[async_trait]
pub trait Rebuilds: Send + Sync {
    /// What is stored.
    async fn status(&self, view: ViewName) -> Result<RebuildStatus, PortError>;

    /// Takes the lease if it is free or has run out, and says who has it if not.
    async fn acquire(&self, view: ViewName, purpose: Purpose, holder: Uuid, ttl: Duration) -> Result<Result<Lease, Held>, PortError>;

    /// Where an earlier holder of the lease got to with the view beside the live one, and the streams parked in that, if it can be used:
    /// not when somebody has asked for something else to be left out since.
    async fn resume(&self, view: ViewName) -> Result<Option<(Position, LeftOut)>, PortError>;

    /// What is left out of the live view.
    async fn left_out(&self, view: ViewName) -> Result<LeftOut, PortError>;

    /// Empties the view beside the live one, and begins it before the first event.
    async fn begin(&self, view: ViewName, lease: Lease) -> Result<Result<(), Fenced>, PortError>;

    /// Takes a batch into the view beside the live one, moves its checkpoint to the end of it, and renews the lease, in one transaction.
    /// Fenced also when the checkpoint is not where the batch begins.
    ///
    /// # Errors
    /// [`PortError::Poison`] when one of the events can never be taken.
    async fn take(&self, view: ViewName, lease: Lease, batch: Batch<'_>, ttl: Duration) -> Result<Result<(), Fenced>, PortError>;

    /// Brings the two together.
    async fn meet(&self, view: ViewName, lease: Lease, how: Meet) -> Result<Result<Box<dyn Meeting>, Fenced>, PortError>;

    /// Empties the view beside the live one: it has served.
    async fn forget(&self, view: ViewName, lease: Lease) -> Result<Result<(), Fenced>, PortError>;

    /// Gives the lease up. Nothing happens if it is not ours.
    async fn release(&self, view: ViewName, lease: Lease) -> Result<(), PortError>;
}
