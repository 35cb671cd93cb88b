//! A view built anew beside the live one, compared with it at one exact position, and put in its place.
//!
//! [`begin`](Rebuilder::begin) until it has begun, [`step`](Rebuilder::step) until it is [near](Progress::near), then
//! [`verify`](Rebuilder::verify) or [`exchange`](Rebuilder::exchange), either of which may ask for more steps first. Whoever dies leaves
//! the live view as it was; the next one goes on from what was built. Nothing but the view is written, so nothing that the server does
//! because of an event is done again.

mod error;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use futures::future::join;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use self::error::RebuildError;
use crate::port::lease::{Fenced, Lease};
use crate::port::projection::{Batch, LeftOut, Poison};
use crate::port::rebuilds::{Difference, Exchanged, Held, Meet, Meeting, Purpose, TableCheck};
use crate::port::{EventLog, PortError, Rebuilds};
use crate::project::MOST_PARKED;
use crate::recorded::{Position, Recorded};
use crate::view::ViewName;

/// Events that go into the view beside the live one in one transaction, at most.
pub const BATCH: usize = 8_192;
/// How long the lease of somebody who died keeps others waiting.
pub const LEASE: Duration = Duration::from_secs(2);
/// Most events that are still missing when the two views meet: those are taken in while they do.
const NEAR: u64 = 2_048;

#[derive(Debug, thiserror::Error)]
#[error("position {0} is missing")]
struct Missing(Position);

/// How far a rebuilding has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Everything up to here is in the view beside the live one.
    pub position: Position,
    /// Where it goes. This grows with the log.
    pub goal: Position,
}

impl Progress {
    /// Whether the two views can meet.
    #[must_use]
    pub fn near(self) -> bool {
        self.goal.0.saturating_sub(self.position.0) <= NEAR
    }
}

/// What a comparison came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// The position at which the two were compared.
    pub position: Position,
    /// Every table of the view.
    pub tables: Vec<TableCheck>,
    /// The rows that differ, as many as were asked for.
    pub differences: Vec<Difference>,
    /// How many differ in all.
    pub total: u64,
    /// Streams that are parked in the live view, and left out of both from their dead letters on.
    pub parked: usize,
}

/// What an exchange came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// Where the live view was. Elsewhere than `position` when it lagged or was beyond the head; then what was exchanged was no fault.
    pub live: Position,
    /// Where it is now.
    pub position: Position,
    /// The tables in which something was put right.
    pub exchanged: Vec<Exchanged>,
    /// Streams that are parked in it now.
    pub parked: usize,
}

/// Builds one view beside the live one.
pub struct Rebuilder {
    log: Arc<dyn EventLog>,
    rebuilds: Arc<dyn Rebuilds>,
    view: ViewName,
    purpose: Purpose,
    holder: Uuid,
    /// The lease of somebody else, when last looked at.
    held: Option<Held>,
    lease: Option<Lease>,
    batch: usize,
    /// How many are taken in at once: fewer than [`batch`](Self::batch) while it looks for one that cannot be.
    most: usize,
    progress: Progress,
    left_out: LeftOut,
    /// Read ahead: events after those that were taken in.
    ahead: Vec<Recorded>,
}

impl Rebuilder {
    /// For one view, under a name of its own.
    #[must_use]
    pub fn new(log: Arc<dyn EventLog>, rebuilds: Arc<dyn Rebuilds>, view: ViewName, purpose: Purpose, holder: Uuid) -> Self {
        let progress = Progress { position: Position::START, goal: Position::START };
        Self {
            log,
            rebuilds,
            view,
            purpose,
            holder,
            held: None,
            lease: None,
            batch: BATCH,
            most: BATCH,
            progress,
            left_out: LeftOut::default(),
            ahead: Vec::new(),
        }
    }

    /// Takes at most so many events in at once, instead of [`BATCH`].
    #[must_use]
    pub fn in_batches_of(self, batch: usize) -> Self {
        Self { batch, most: batch, ..self }
    }

    /// How far it has come.
    #[must_use]
    pub const fn progress(&self) -> Progress {
        self.progress
    }

    /// Takes the lease and goes on from what was built, if that can be used. Gives `false` while the lease of somebody who may have died has
    /// not run out.
    ///
    /// # Errors
    /// [`RebuildError::Busy`] when that somebody is alive, for they have renewed it.
    pub async fn begin(&mut self) -> Result<bool, RebuildError> {
        let lease = match self.rebuilds.acquire(self.view, self.purpose, self.holder, LEASE).await? {
            Ok(lease) => lease,
            Err(held) => {
                let renewed = self.held.as_ref().is_some_and(|before| before.expires_at != held.expires_at);
                if renewed {
                    let Held { purpose, begun_at, .. } = held;
                    return Err(RebuildError::Busy { view: self.view, purpose, begun_at });
                }
                self.held = Some(held);
                return Ok(false);
            }
        };
        self.lease = Some(lease);
        // Everything is tried again, but what was dropped.
        self.left_out = LeftOut { dropped: self.rebuilds.left_out(self.view).await?.dropped, ..LeftOut::default() };
        let goal = self.goal().await?;
        let position = match self.rebuilds.resume(self.view).await? {
            // What is compared must be where the live view is or before; and beyond the head is what a backup has taken away.
            Some((position, parked)) if position <= goal => {
                self.left_out.parked.extend(parked.parked);
                position
            }
            Some(_) | None => {
                self.rebuilds.begin(self.view, lease).await?.map_err(|fenced| self.fenced(fenced))?;
                Position::START
            }
        };
        self.progress = Progress { position, goal };
        self.ahead.clear();
        Ok(true)
    }

    /// Takes the next events in, and reads those after them meanwhile.
    ///
    /// # Errors
    /// See [`RebuildError`].
    pub async fn step(&mut self) -> Result<Progress, RebuildError> {
        if self.progress.position >= self.progress.goal {
            self.progress.goal = self.goal().await?;
        }
        let last = loop {
            if self.ahead.is_empty() {
                self.ahead = self.log.read(self.progress.position, self.batch).await?;
            }
            // Not beyond the goal, though there may be more.
            let within = self.ahead.partition_point(|event| event.position <= self.progress.goal).min(self.most);
            let rest = self.ahead.split_off(within);
            let events = std::mem::replace(&mut self.ahead, rest);
            let Some(last) = self.consecutive(self.progress.position, &events)? else { return Ok(self.progress) };
            if self.take_or_park(events, last).await? {
                break last;
            }
        };
        self.progress.position = last;
        if self.progress.near() {
            self.progress.goal = self.goal().await?;
        }
        Ok(self.progress)
    }

    /// Takes events in. One that can never be taken is looked for in halves, `false` then, until it is found alone: it parks its stream.
    async fn take_or_park(&mut self, mut events: Vec<Recorded>, last: Position) -> Result<bool, RebuildError> {
        let (lease, after) = (self.lease()?, self.progress.position);
        let admitted: Vec<_> = events.iter().filter(|event| self.left_out.admits(event)).collect();
        let batch = Batch { after, upto: last, events: &admitted, poison: None };
        let take = self.rebuilds.take(self.view, lease, batch, LEASE);
        let taken = if self.ahead.is_empty() {
            // Asked first: the log is read while the events are folded.
            let (ahead, taken) = join(self.log.read(last, self.batch), take).await;
            self.ahead = ahead?;
            taken
        } else {
            take.await
        };
        let taken = match taken {
            Err(error) if error.is_poison() && events.len() > 1 => {
                self.most = events.len() / 2;
                events.append(&mut self.ahead);
                self.ahead = events;
                return Ok(false);
            }
            Err(error) if error.is_poison() => self.park(&events[0], error).await?,
            taken => taken?,
        };
        taken.map_err(|fenced| self.fenced(fenced))?;
        self.most = (self.most * 2).min(self.batch);
        Ok(true)
    }

    async fn park(&mut self, event: &Recorded, error: PortError) -> Result<Result<(), Fenced>, RebuildError> {
        if self.left_out.parked.len() >= MOST_PARKED {
            return Err(RebuildError::TooMany { view: self.view, source: error });
        }
        let poison = Poison::of(event, &error);
        let batch = Batch { after: self.progress.position, upto: event.position, events: &[], poison: Some(&poison) };
        let taken = self.rebuilds.take(self.view, self.lease()?, batch, LEASE).await?;
        if taken.is_ok() {
            self.left_out.parked.insert(poison.stream, poison.position);
        }
        Ok(taken)
    }

    /// Compares the two at the position where the live view is, and names some of the rows that differ. `None`: there is more to take in first.
    ///
    /// # Errors
    /// See [`RebuildError`].
    pub async fn verify(&mut self, most: usize) -> Result<Option<Verdict>, RebuildError> {
        let Some(mut meeting) = self.meet(Meet::Snapshot).await? else { return Ok(None) };
        let (live, beside) = (meeting.live(), meeting.beside());
        if live != beside {
            return Err(RebuildError::WentBack { view: self.view, live, beside });
        }
        let tables = meeting.compare().await?;
        let (mut differences, mut total) = (Vec::new(), 0);
        for table in tables.iter().filter(|table| !table.is_equal()) {
            let (found, all) = meeting.differences(table, most.saturating_sub(differences.len())).await?;
            differences.extend(found);
            total += all;
        }
        Ok(Some(Verdict { position: live, tables, differences, total, parked: meeting.left_out().parked.len() }))
    }

    /// Compares the two while the live one stands still, and makes it what is beside it. `None`: there is more to take in first.
    ///
    /// # Errors
    /// See [`RebuildError`].
    pub async fn exchange(&mut self) -> Result<Option<Outcome>, RebuildError> {
        let Some(mut meeting) = self.meet(Meet::Still).await? else { return Ok(None) };
        let (live, position) = (meeting.live(), meeting.beside());
        let mut exchanged = Vec::new();
        for table in meeting.compare().await?.iter().filter(|table| !table.is_equal()) {
            exchanged.push(meeting.exchange(table).await?);
        }
        if !exchanged.is_empty() {
            let unequal = meeting.compare().await?.into_iter().find(|table| !table.is_equal());
            if let Some(TableCheck { table, .. }) = unequal {
                return Err(RebuildError::NotExchanged { table });
            }
        }
        meeting.commit().await?;
        Ok(Some(Outcome { live, position, exchanged, parked: self.left_out.parked.len() }))
    }

    /// Ends it: `served` when what was built is of no more use.
    ///
    /// # Errors
    /// See [`RebuildError`].
    pub async fn end(&mut self, served: bool) -> Result<(), RebuildError> {
        let Some(lease) = self.lease.take() else { return Ok(()) };
        if served {
            self.rebuilds.forget(self.view, lease).await?.map_err(|fenced| self.fenced(fenced))?;
        }
        Ok(self.rebuilds.release(self.view, lease).await?)
    }

    /// Brings the two together, the one beside the live one no less far, unless that is too much to do while they meet.
    async fn meet(&mut self, how: Meet) -> Result<Option<Box<dyn Meeting>>, RebuildError> {
        let lease = self.lease()?;
        let mut meeting = self.rebuilds.meet(self.view, lease, how).await?.map_err(|fenced| self.fenced(fenced))?;
        if meeting.is_outdated() {
            return Err(RebuildError::Outdated { view: self.view });
        }
        if self.purpose == Purpose::Verify {
            self.left_out.parked.extend(&meeting.left_out().parked);
        }
        let head = self.log.head().await?.position;
        let goal = meeting.live().min(head);
        self.progress.goal = goal;
        if !(Progress { position: meeting.beside(), goal }).near() {
            return Ok(None);
        }
        while meeting.beside() < goal {
            let after = meeting.beside();
            let mut events = self.log.read(after, self.batch).await?;
            events.retain(|event| event.position <= goal);
            let upto = self.consecutive(after, &events)?.unwrap_or(after);
            let admitted: Vec<_> = events.iter().filter(|event| self.left_out.admits(event)).collect();
            match meeting.take(Batch { after, upto, events: &admitted, poison: None }).await {
                Err(error) if error.is_poison() => {
                    // It is parked before they meet again.
                    drop(meeting);
                    self.ahead.clear();
                    while self.progress.position < goal {
                        self.step().await?;
                    }
                    return Ok(None);
                }
                taken => taken?,
            }
        }
        Ok(Some(meeting))
    }

    /// Where the view beside the live one goes: to the end of the log, or, to be compared, to where the live one is.
    async fn goal(&mut self) -> Result<Position, RebuildError> {
        match self.purpose {
            Purpose::Rebuild => Ok(self.log.head().await?.position),
            Purpose::Verify => {
                let live = self.rebuilds.status(self.view).await?.live;
                // Asked after that, it says of everything up to there whether it is left out.
                self.left_out.parked.extend(self.rebuilds.left_out(self.view).await?.parked);
                let head = self.log.head().await?.position;
                if live > head {
                    return Err(RebuildError::BeyondHead { view: self.view, live, head });
                }
                Ok(live)
            }
        }
    }

    /// The last of the events after a position, `None` when there need not be any. To go on over a hole would leave it in the view for ever.
    fn consecutive(&self, after: Position, events: &[Recorded]) -> Result<Option<Position>, RebuildError> {
        let mut last = after;
        for event in events {
            if event.position != last.next() {
                return Err(PortError::corrupt("the log", Missing(last.next())).into());
            }
            last = event.position;
        }
        if events.is_empty() && after < self.progress.goal {
            return Err(PortError::corrupt("the log", Missing(after.next())).into());
        }
        Ok((!events.is_empty()).then_some(last))
    }

    fn lease(&self) -> Result<Lease, RebuildError> {
        self.lease.ok_or(RebuildError::Fenced { view: self.view })
    }

    fn fenced(&mut self, _: Fenced) -> RebuildError {
        self.lease = None;
        RebuildError::Fenced { view: self.view }
    }
}

/// Builds a view anew and puts it in the place of the live one, because somebody asked to have its dead letters tried again. `None`: somebody
/// else is at it.
///
/// # Errors
/// See [`RebuildError`].
pub async fn fold_anew(
    log: Arc<dyn EventLog>,
    rebuilds: Arc<dyn Rebuilds>,
    view: ViewName,
    holder: Uuid,
) -> Result<Option<Outcome>, RebuildError> {
    let mut rebuilder = Rebuilder::new(log, rebuilds, view, Purpose::Rebuild, holder);
    match rebuilder.begin().await {
        Ok(true) => {}
        Ok(false) | Err(RebuildError::Busy { .. }) => return Ok(None),
        Err(error) => return Err(error),
    }
    let built = async {
        loop {
            while !rebuilder.progress().near() {
                rebuilder.step().await?;
            }
            if let Some(outcome) = rebuilder.exchange().await? {
                return Ok(outcome);
            }
        }
    };
    let built = built.await;
    rebuilder.end(built.is_ok()).await?;
    built.map(Some)
}
