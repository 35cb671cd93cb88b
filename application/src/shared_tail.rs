//! The end of the log, in memory for all who follow it in this process.
//!
//! The relay and every projector read the same new events at the same time. What this process records is here before they look; of what others
//! record the first who asks reads, and the others get what it found.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use futures::FutureExt as _;
use futures::lock::Mutex as AsyncMutex;

use crate::content::keyring::ERASED;
use crate::port::{EventLog, PortError, Tail};
use crate::recorded::{Head, Position, Recorded};

/// Most events that are kept. Whoever is further behind reads the log itself.
const EVENTS: usize = 8_192;
/// Most bytes of facts and content that are kept.
const BYTES: usize = 16 * 1024 * 1024;

/// The last events, without a hole.
#[derive(Default)]
struct Kept {
    events: VecDeque<Arc<Recorded>>,
    bytes: usize,
}

impl Kept {
    /// The position before the first and that of the last.
    fn span(&self) -> Option<(Position, Position)> {
        let first = self.events.front()?.position;
        Some((Position(first.0 - 1), self.events.back()?.position))
    }

    /// What is kept of the events after a position, if the next one is.
    fn after(&self, after: Position, limit: usize) -> Option<Vec<Arc<Recorded>>> {
        let (before, last) = self.span()?;
        if after < before || after >= last {
            return None;
        }
        let skipped = usize::try_from(after.0 - before.0).ok()?;
        Some(self.events.iter().skip(skipped).take(limit).cloned().collect())
    }

    /// Takes in what was read of the log, if it goes on where this ends, or begins beyond.
    fn extend(&mut self, read: &[Arc<Recorded>]) {
        let dense = read.windows(2).all(|pair| pair[1].position == pair[0].position.next());
        let (Some(first), true) = (read.first(), dense) else { return };
        match self.span() {
            Some((_, last)) if first.position <= last => return,
            Some((_, last)) if first.position > last.next() => *self = Self::default(),
            Some(_) | None => {}
        }
        for event in read {
            self.bytes += size(event);
            self.events.push_back(Arc::clone(event));
        }
        // What was said before somebody was erased may have been theirs.
        let erased = read.iter().rev().find(|event| event.event_type == ERASED).map_or(Position::START, |erased| erased.position);
        while self.events.len() > EVENTS || self.bytes > BYTES || self.events.front().is_some_and(|oldest| oldest.position < erased) {
            let Some(oldest) = self.events.pop_front() else { return };
            self.bytes -= size(&oldest);
        }
    }

    /// Whether this event is the next one, or the first of all.
    fn awaits(&self, event: &Recorded) -> bool {
        self.span().is_none_or(|(_, last)| event.position == last.next())
    }
}

fn size(event: &Recorded) -> usize {
    event.facts.len() + event.content.as_ref().map_or(0, Vec::len)
}

/// A log whose last events are read once and given to all who ask.
pub struct SharedTail {
    log: Arc<dyn EventLog>,
    kept: Mutex<Kept>,
    /// Held by who reads what comes after what is kept, so that the others wait for it instead of reading the same.
    reading: AsyncMutex<()>,
}

impl SharedTail {
    /// The tail of this log.
    #[must_use]
    pub fn new(log: Arc<dyn EventLog>) -> Self {
        Self { log, kept: Mutex::default(), reading: AsyncMutex::default() }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in what this process has recorded, or read ahead of all who follow. If there is something before it that was not read yet, all of
    /// it is read together.
    pub fn recorded(&self, events: Vec<Recorded>) {
        // Made outside of the lock.
        let events: Vec<_> = events.into_iter().map(Arc::new).collect();
        let mut kept = self.kept();
        if events.first().is_some_and(|first| kept.awaits(first)) {
            kept.extend(&events);
        }
    }

    /// What is not kept: of those who read on where it ends, the first reads the log.
    async fn read_on(&self, after: Position, limit: usize) -> Result<Vec<Arc<Recorded>>, PortError> {
        if !self.is_next(after) {
            return self.read_log(after, limit).await;
        }
        let _reading = self.reading.lock().await;
        if let Some(found) = self.kept().after(after, limit) {
            return Ok(found);
        }
        let read = self.read_log(after, limit).await?;
        self.kept().extend(&read);
        Ok(read)
    }

    async fn read_log(&self, after: Position, limit: usize) -> Result<Vec<Arc<Recorded>>, PortError> {
        Ok(self.log.read(after, limit).await?.into_iter().map(Arc::new).collect())
    }

    /// Whether this reads on where what is kept ends, or beyond: what somebody finds there, others will ask for.
    fn is_next(&self, after: Position) -> bool {
        self.kept().span().is_none_or(|(_, last)| after >= last)
    }
}

#[async_trait]
impl Tail for SharedTail {
    async fn read(&self, after: Position, limit: usize) -> Result<Vec<Arc<Recorded>>, PortError> {
        let kept = self.kept().after(after, limit);
        let Some(mut found) = kept else { return self.read_on(after, limit).await };
        if let Some(last) = found.last().map(|event| event.position).filter(|_| found.len() < limit)
            // To ask the log for what is not known to be there would be a read by each of those who follow.
            && self.log.grown(last).now_or_never().is_some()
        {
            found.extend(self.read_on(last, limit - found.len()).await?);
        }
        Ok(found)
    }

    async fn head(&self) -> Result<Head, PortError> {
        let head = self.log.head().await?;
        let mut kept = self.kept();
        if kept.span().is_some_and(|(_, last)| last > head.position) {
            // An older log was put in its place, so none of this is there.
            *kept = Kept::default();
        }
        Ok(head)
    }

    async fn grown(&self, beyond: Position) {
        self.log.grown(beyond).await;
    }
}
