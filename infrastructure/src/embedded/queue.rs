//! The queue of a durable consumer without a broker: a cursor over the log, with the counts that RabbitMQ would keep.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use async_trait::async_trait;
use posthaste_application::port::queue::{Consumer, Consumption, Delivery, TRIES};
use posthaste_application::port::{EventLog, EventQueue, PortError};
use posthaste_application::recorded::{Position, Recorded};
use rusqlite::{OptionalExtension as _, Transaction, params};

use super::database::{Database, Durability};
use super::failure::Failure;
use super::row::{Unsigned, integer};
use super::statements;

/// Most events that are read at once.
const READ: usize = 512;

/// The queue of one consumer, in the embedded profile.
///
/// What is accepted or rejected outlives the process but perhaps not the machine: it is delivered again then.
pub struct SqliteQueue {
    log: Arc<dyn EventLog>,
    database: Arc<Database>,
    consumer: Consumer,
}

impl SqliteQueue {
    /// The queue of this consumer; of one that is new, from the present end of the log on.
    ///
    /// # Errors
    /// The file cannot be used.
    pub async fn declare(log: Arc<dyn EventLog>, database: Arc<Database>, consumer: Consumer) -> Result<Self, PortError> {
        let (name, head) = (consumer.name.clone(), log.head().await?.position);
        let begin = move |transaction: &Transaction<'_>| {
            transaction.prepare_cached(statements::CONSUMER_BEGIN)?.execute(params![name, integer(head.0)])?;
            Ok(())
        };
        database.writer()?.write(Durability::Process, begin).await?;
        Ok(Self { log, database, consumer })
    }
}

#[async_trait]
impl EventQueue for SqliteQueue {
    async fn consume(&self) -> Result<Box<dyn Consumption>, PortError> {
        let name = self.consumer.name.clone();
        let (from, rejected) = self.database.readers().read(move |snapshot| state(snapshot, &name)).await?;
        Ok(Box::new(Cursor {
            log: Arc::clone(&self.log),
            database: Arc::clone(&self.database),
            consumer: self.consumer.clone(),
            position: from,
            follows: from,
            ready: VecDeque::new(),
            rejected: rejected.into(),
            given: BTreeMap::new(),
            tags: 0,
        }))
    }
}

/// Where a consumer stands, and what it has rejected so far, with how often.
fn state(snapshot: &Transaction<'_>, name: &str) -> Result<(Position, Vec<(Position, u32)>), Failure> {
    let mut checkpoint = snapshot.prepare_cached(statements::CONSUMER_CHECKPOINT)?;
    let checkpoint: Option<Unsigned> = checkpoint.query_row([name], |row| row.get(0)).optional()?;
    let mut rejected = snapshot.prepare_cached(statements::CONSUMER_REJECTED)?;
    let rejected = rejected.query_map([name], |row| {
        let Unsigned(position) = row.get(0)?;
        Ok((Position(position), row.get(1)?))
    })?;
    Ok((checkpoint.map_or(Position::START, |Unsigned(checkpoint)| Position(checkpoint)), rejected.collect::<Result<_, _>>()?))
}

struct Cursor {
    log: Arc<dyn EventLog>,
    database: Arc<Database>,
    consumer: Consumer,
    /// Everything up to here was read.
    position: Position,
    /// The last wanted event that was read, or where reading began.
    follows: Position,
    /// Read, and not given out yet.
    ready: VecDeque<(Recorded, Position)>,
    /// To be given out again; on the disk, too.
    rejected: VecDeque<(Position, u32)>,
    /// Given out: the position under each tag, and how often it was rejected before.
    given: BTreeMap<u64, (Position, u32)>,
    tags: u64,
}

#[async_trait]
impl Consumption for Cursor {
    async fn next(&mut self, most: usize) -> Result<Vec<Delivery>, PortError> {
        loop {
            if let Some((position, rejected)) = self.rejected.front().copied() {
                let events = self.log.read(Position(position.0.saturating_sub(1)), 1).await?;
                self.rejected.pop_front();
                if let Some(event) = events.into_iter().find(|event| event.position == position) {
                    return Ok(vec![self.give(event, None, rejected)]);
                }
            } else if self.ready.is_empty() {
                self.read().await?;
            } else {
                let count = most.min(self.ready.len());
                let events: Vec<_> = self.ready.drain(..count).collect();
                return Ok(events.into_iter().map(|(event, follows)| self.give(event, Some(follows), 0)).collect());
            }
        }
    }

    async fn accept(&mut self, upto: u64) -> Result<(), PortError> {
        let accepted: Vec<_> = self.given.range(..=upto).map(|(_, given)| *given).collect();
        let (name, checkpoint) = (self.consumer.name.clone(), self.checkpoint(|tag| tag <= upto));
        let settle = move |transaction: &Transaction<'_>| {
            for (position, _) in accepted.iter().filter(|(_, rejected)| *rejected > 0) {
                transaction.prepare_cached(statements::CONSUMER_FORGIVE)?.execute(params![name, integer(position.0)])?;
            }
            transaction.prepare_cached(statements::CONSUMER_MOVE)?.execute(params![name, integer(checkpoint.0)])?;
            Ok(())
        };
        self.database.writer()?.write(Durability::Process, settle).await?;
        self.given.retain(|tag, _| *tag > upto);
        Ok(())
    }

    async fn reject(&mut self, tag: u64) -> Result<(), PortError> {
        let Some((position, _)) = self.given.get(&tag).copied() else { return Ok(()) };
        // What is rejected is kept beside the checkpoint, which can go on over it.
        let (name, checkpoint) = (self.consumer.name.clone(), self.checkpoint(|settled| settled == tag));
        let reject = move |transaction: &Transaction<'_>| {
            let row = params![name, integer(position.0)];
            let mut reject = transaction.prepare_cached(statements::CONSUMER_REJECT)?;
            let rejected: u32 = reject.query_row(row, |row| row.get(0))?;
            if rejected >= TRIES {
                transaction.prepare_cached(statements::CONSUMER_FORGIVE)?.execute(row)?;
                transaction.prepare_cached(statements::CONSUMER_BURY)?.execute(row)?;
            }
            transaction.prepare_cached(statements::CONSUMER_MOVE)?.execute(params![name, integer(checkpoint.0)])?;
            Ok(rejected)
        };
        let rejected = self.database.writer()?.write(Durability::Process, reject).await?;
        self.given.remove(&tag);
        if rejected < TRIES {
            self.rejected.push_back((position, rejected));
        }
        Ok(())
    }
}

impl Cursor {
    /// Up to where everything is settled when these tags are: before the first event that is not, or everything that was read.
    fn checkpoint(&self, settled: impl Fn(u64) -> bool) -> Position {
        let open = self.given.iter().filter(|(tag, _)| !settled(**tag)).map(|(_, (position, _))| *position);
        let unsettled = open.chain(self.ready.iter().map(|(event, _)| event.position)).min();
        unsettled.map_or(self.position, |position| Position(position.0.saturating_sub(1)))
    }

    /// Reads on in the log, or waits for it to grow.
    async fn read(&mut self) -> Result<(), PortError> {
        let events = self.log.read(self.position, READ).await?;
        let Some(last) = events.last().map(|event| event.position) else {
            self.log.grown(self.position).await;
            return Ok(());
        };
        for event in events.into_iter().filter(|event| self.consumer.types.contains(&event.event_type)) {
            let follows = std::mem::replace(&mut self.follows, event.position);
            self.ready.push_back((event, follows));
        }
        self.position = last;
        Ok(())
    }

    fn give(&mut self, event: Recorded, follows: Option<Position>, rejected: u32) -> Delivery {
        self.tags += 1;
        self.given.insert(self.tags, (event.position, rejected));
        Delivery { tag: self.tags, event, follows, rejected }
    }
}
