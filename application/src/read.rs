//! Reading, gathered: whatever comes in a burst for one user and thread becomes one command, so that scrolling through a thread on three
//! devices is one event and not three hundred. Whoever asked is answered after the commit.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use async_trait::async_trait;
use futures::channel::oneshot;
use futures::stream::{self, StreamExt as _};
use futures::task::AtomicWaker;
use posthaste_domain::{CommandId, DeviceId, ThreadId, UserId};
use uuid::Uuid;

use crate::execute::{Command, Envelope, ExecuteError, Executed, Executor};
use crate::port::{Clock, EventLog, Ids};
use crate::recorded::Position;

/// Most reads that wait; beyond that they are refused.
const WAITING: usize = 4_096;
/// Most commands that are on their way at once.
const AT_ONCE: usize = 256;

/// Somebody has read everything in a thread up to a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Read {
    /// Who.
    pub user: UserId,
    /// Which thread.
    pub thread: ThreadId,
    /// Inclusive.
    pub upto: Position,
    /// On which of their devices, when it is said by one; of those that are gathered, the furthest one's goes into the log.
    pub device: Option<DeviceId>,
    /// Ties together what one request sets off; of those that are gathered, the furthest one's goes into the log.
    pub correlation: Uuid,
}

/// Why a read came to nothing.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ReadError {
    /// Nobody can have read what is not there.
    #[error("{upto} is beyond the head of the log {head}")]
    Beyond {
        /// What was asked.
        upto: Position,
        /// The end of the log.
        head: Position,
    },
    /// Too many wait; the same can be asked again.
    #[error("too many reads are waiting")]
    Full,
    /// The process is stopping; the same can be asked again.
    #[error("the read queue is closed")]
    Closed,
    /// The command was refused, or failed.
    #[error(transparent)]
    Failed(#[from] Arc<ExecuteError>),
}

type Answer = Result<Executed, ReadError>;
type Asker = oneshot::Sender<Answer>;

#[derive(Default)]
struct Waiting {
    reads: Vec<(Read, Asker)>,
    closed: bool,
}

#[derive(Default)]
struct Gathered {
    waiting: Mutex<Waiting>,
    waker: AtomicWaker,
}

impl Gathered {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What carries out the command of a gather.
#[async_trait]
pub trait Execute: Send + Sync {
    /// As [`Executor::execute`].
    async fn execute(&self, envelope: Envelope, command: Command) -> Result<Executed, ExecuteError>;
}

#[async_trait]
impl Execute for Executor {
    async fn execute(&self, envelope: Envelope, command: Command) -> Result<Executed, ExecuteError> {
        Self::execute(self, envelope, command).await
    }
}

/// The way in. Cheap to clone.
#[derive(Clone)]
pub struct ReadQueue(Arc<Gathered>);

/// The way out: one per process, driven by waiting for [`ReadWriter::arrived`], then for more to gather, then calling [`ReadWriter::step`].
pub struct ReadWriter {
    gathered: Arc<Gathered>,
    log: Arc<dyn EventLog>,
    executor: Arc<dyn Execute>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
}

/// A queue in front of the command path.
#[must_use]
pub fn read_queue(log: Arc<dyn EventLog>, executor: Arc<dyn Execute>, clock: Arc<dyn Clock>, ids: Arc<dyn Ids>) -> (ReadQueue, ReadWriter) {
    let gathered = Arc::new(Gathered::default());
    (ReadQueue(Arc::clone(&gathered)), ReadWriter { gathered, log, executor, clock, ids })
}

impl ReadQueue {
    /// Takes note of it; what this gives ends with the outcome, after the commit: `repeated` when it was read that far already. Dropping
    /// it does not take the read back.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn read(&self, read: Read) -> impl Future<Output = Result<Executed, ReadError>> + Send + use<> {
        let accepted = self.accept(read);
        async move { accepted?.await.unwrap_or(Err(ReadError::Closed)) }
    }

    fn accept(&self, read: Read) -> Result<oneshot::Receiver<Answer>, ReadError> {
        let mut waiting = self.0.waiting();
        if waiting.closed {
            return Err(ReadError::Closed);
        }
        if waiting.reads.len() >= WAITING {
            return Err(ReadError::Full);
        }
        let (answer, answered) = oneshot::channel();
        waiting.reads.push((read, answer));
        drop(waiting);
        self.0.waker.wake();
        Ok(answered)
    }
}

impl ReadWriter {
    /// Waits for a read. Can be dropped and called again at any time.
    pub async fn arrived(&mut self) {
        poll_fn(|cx| {
            self.gathered.waker.register(cx.waker());
            if self.gathered.waiting().reads.is_empty() { Poll::Pending } else { Poll::Ready(()) }
        })
        .await;
    }

    /// Carries out what was gathered, one command for each user and thread, and answers everybody. Gives how many commands it was. Whom it
    /// had not answered when it was dropped is told that the queue is closed.
    pub async fn step(&mut self) -> usize {
        let reads = std::mem::take(&mut self.gathered.waiting().reads);
        if reads.is_empty() {
            return 0;
        }
        let head = match self.log.head().await {
            Ok(head) => head.position,
            Err(error) => {
                let error = Arc::new(ExecuteError::from(error));
                reads.into_iter().for_each(|(_, asker)| tell(asker, Err(ReadError::Failed(Arc::clone(&error)))));
                return 0;
            }
        };
        // In an order that does not change from run to run.
        let mut bursts: BTreeMap<(UserId, ThreadId), (Read, Vec<Asker>)> = BTreeMap::new();
        for (read, asker) in reads {
            if read.upto > head {
                tell(asker, Err(ReadError::Beyond { upto: read.upto, head }));
                continue;
            }
            let (furthest, askers) = bursts.entry((read.user, read.thread)).or_insert_with(|| (read, Vec::new()));
            if read.upto > furthest.upto {
                *furthest = read;
            }
            askers.push(asker);
        }
        let commands = bursts.len();
        let writer = &*self;
        let carried_out = bursts.into_values().map(|(furthest, askers)| async move {
            let answer = writer.carry_out(furthest).await.map_err(Arc::new);
            for asker in askers {
                tell(asker, answer.as_ref().copied().map_err(|error| ReadError::Failed(Arc::clone(error))));
            }
        });
        stream::iter(carried_out).buffer_unordered(AT_ONCE).collect::<()>().await;
        commands
    }

    async fn carry_out(&self, read: Read) -> Result<Executed, ExecuteError> {
        let Read { user, thread, upto, device, correlation } = read;
        let envelope = Envelope { command: CommandId::new(self.ids.next()), actor: Some(user), correlation, at: self.clock.now() };
        self.executor.execute(envelope, Command::ReadUpTo { thread, upto, device }).await
    }
}

impl Drop for ReadWriter {
    fn drop(&mut self) {
        let mut waiting = self.gathered.waiting();
        waiting.closed = true;
        // Dropping their way back tells them.
        waiting.reads.clear();
    }
}

fn tell(asker: Asker, answer: Answer) {
    // Whoever asked may have gone; what was read stays read.
    let _ = asker.send(answer);
}

#[cfg(test)]
mod tests;
