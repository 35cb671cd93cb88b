//! Erases those who have asked for it, once their time has come.
//!
//! Whose that is, the view of people says; whether it is so, their own stream, with the append: nobody is erased who has cancelled, however
//! late, and nobody twice. What a crash leaves is done by whoever begins next, because it begins with the first deletion that ever was.

use chrono::{DateTime, TimeDelta, Utc};
use posthaste_domain::user::UserRefusal;
use posthaste_domain::{CommandId, Refusal, UserId};
use uuid::Uuid;

use super::erase::{Eraser, Erasure};
use crate::execute::{Envelope, ExecuteError, Executor};
use crate::port::Ports;
use crate::view::Deletion;

/// How many deletions are looked at together.
const PAGE: usize = 100;
/// How often it begins anew. A view that is catching up need not show what is due first things first.
const ANEW: TimeDelta = TimeDelta::hours(1);

/// Erases those whose time has come, while the relay beside it holds its lease.
pub struct Deletions {
    ports: Ports,
    eraser: Eraser,
    /// Under which name the relay beside it holds its lease.
    holder: Uuid,
    /// All up to here are done.
    done: Option<Deletion>,
    /// When it began.
    since: DateTime<Utc>,
}

impl Deletions {
    /// Works while the relay of this name holds the lease. Two that believe they do harm nothing.
    #[must_use]
    pub fn new(ports: Ports, executor: Executor, holder: Uuid) -> Self {
        Self { eraser: Eraser::of(&ports, executor), since: ports.clock.now(), ports, holder, done: None }
    }

    /// Erases some of those whose time has come, and gives how many were looked at. Can be dropped at any point and called again.
    ///
    /// # Errors
    /// Not all of it could be done, and will be tried again.
    pub async fn step(&mut self) -> Result<usize, ExecuteError> {
        if self.ports.relay.status().await?.holder != Some(self.holder) {
            self.done = None;
            return Ok(0);
        }
        let now = self.ports.clock.now();
        if now - self.since >= ANEW {
            (self.done, self.since) = (None, now);
        }
        let due = self.ports.views.deletions(self.done, now, PAGE).await?;
        let mut failed = None;
        for deletion in &due {
            // Nobody waits for somebody else who cannot be erased.
            match self.complete(*deletion).await {
                Err(error) => failed = failed.or(Some(error)),
                Ok(()) if failed.is_none() => self.done = Some(*deletion),
                Ok(()) => {}
            }
        }
        failed.map_or(Ok(due.len()), Err)
    }

    async fn complete(&self, Deletion { user, .. }: Deletion) -> Result<(), ExecuteError> {
        let id = self.ports.ids.next();
        let envelope = Envelope { command: CommandId::new(id), actor: None, correlation: id, at: self.ports.clock.now() };
        match self.eraser.erase(envelope, Erasure::Due, user).await {
            Ok(erased) if erased.repeated => Ok(()),
            Ok(_) => self.look_for_orphans(user).await,
            // They have thought better of it, and the view has not come so far. If they think better of that, their time is another.
            Err(ExecuteError::Refused(Refusal::User(UserRefusal::NotDue))) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Whoever owns something cannot leave. If it went wrong all the same, what was promised to them is kept, and somebody is told.
    async fn look_for_orphans(&self, user: UserId) -> Result<(), ExecuteError> {
        let threads = self.eraser.executor.states().owned(user).await?;
        if !threads.is_empty() {
            tracing::warn!(%user, ?threads, "somebody was erased who owned threads: nobody owns them now");
        }
        Ok(())
    }
}
