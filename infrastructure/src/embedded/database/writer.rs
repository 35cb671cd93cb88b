//! The one connection that writes, on a thread of its own. Every transaction goes through [`Writer::write`].

use std::io;
use std::thread::{self, JoinHandle};

use posthaste_application::port::PortError;
use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

use super::super::failure::{Failure, SERVICE};

/// Most transactions that wait for the writer; beyond that, callers wait before they enqueue.
const WAITING: usize = 64;

type Job = Box<dyn FnOnce(&mut Open) + Send>;

/// The connection, and what its transactions outlive as it is set now.
struct Open {
    connection: Connection,
    durability: Option<Durability>,
}

/// What a transaction outlives once it is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Durability {
    /// The machine: it is on the disk.
    Machine,
    /// The process: the machine's next crash may undo it, together with everything written after it by the same kind. The next
    /// transaction of the other kind takes it to the disk along with itself.
    Process,
}

impl Durability {
    const fn synchronous(self) -> &'static str {
        match self {
            Self::Machine => "FULL",
            Self::Process => "NORMAL",
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the thread that writes has ended")]
struct Ended;

/// The way to the connection.
#[derive(Debug)]
pub(crate) struct Writer {
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Hands a connection to a new thread.
    pub(super) fn start(connection: Connection) -> io::Result<Self> {
        let (jobs, mut waiting) = mpsc::channel::<Job>(WAITING);
        let mut open = Open { connection, durability: None };
        let write = move || {
            while let Some(job) = waiting.blocking_recv() {
                job(&mut open);
            }
        };
        let thread = thread::Builder::new().name("sqlite-writer".to_owned()).spawn(write)?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread) })
    }

    /// Does the work in a transaction, after those that were asked for before. Once asked for it is done, whether or not anybody still
    /// waits; `committed` is called on the writer's thread as soon as it is.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        durability: Durability,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, Failure> + Send + 'static,
        committed: impl FnOnce(&T) + Send + 'static,
    ) -> Result<T, PortError> {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |open| {
            let done = open.transact(durability, work);
            if let Ok(value) = &done {
                committed(value);
            }
            // Whoever asked may have gone; what was committed stays so.
            let _ = answer.send(done);
        });
        let ended = || PortError::unavailable(SERVICE, Ended);
        self.jobs.as_ref().ok_or_else(ended)?.send(job).await.map_err(|_| ended())?;
        Ok(answered.await.map_err(|_| ended())??)
    }
}

impl Drop for Writer {
    /// Waits for what was asked for, then closes the connection, before anybody else may open the file.
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // A panic there was reported there.
            let _ = thread.join();
        }
    }
}

impl Open {
    fn transact<T>(&mut self, durability: Durability, work: impl FnOnce(&Transaction<'_>) -> Result<T, Failure>) -> Result<T, Failure> {
        if self.durability != Some(durability) {
            self.connection.pragma_update(None, "synchronous", durability.synchronous())?;
            self.durability = Some(durability);
        }
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let value = work(&transaction)?;
        transaction.commit()?;
        Ok(value)
    }
}
