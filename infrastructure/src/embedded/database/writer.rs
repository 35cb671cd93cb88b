//! The one connection that writes, on a thread of its own. Every transaction goes through [`Writer::write`] or [`Writer::commit`].

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use posthaste_application::port::PortError;
use posthaste_application::port::log::Durable;
use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

use super::super::failure::{Failure, SERVICE};
use super::disk::{Disk, Flusher};

/// Most transactions that wait for the writer; beyond that, callers wait before they enqueue.
const WAITING: usize = 64;

type Job = Box<dyn FnOnce(&mut Connection, &Flusher) + Send>;

/// What a transaction outlives once it is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Durability {
    /// The machine: it is on the disk.
    Machine,
    /// The process: the machine's next crash may undo it, together with everything written after it by the same kind. The next
    /// transaction of the other kind takes it to the disk along with itself.
    Process,
}

#[derive(Debug, thiserror::Error)]
#[error("the thread that writes has ended")]
struct Ended;

/// The way to the connection.
#[derive(Debug)]
pub(crate) struct Writer {
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
    disk: Arc<Disk>,
}

impl Writer {
    /// Hands a connection to a new thread, and what it commits to this disk.
    pub(super) fn start(mut connection: Connection, disk: Arc<Disk>) -> io::Result<Self> {
        let (jobs, mut waiting) = mpsc::channel::<Job>(WAITING);
        let flusher = Flusher::start(Arc::clone(&disk))?;
        let sound = Arc::clone(&disk);
        let write = move || {
            while let Some(job) = waiting.blocking_recv()
                && sound.is_sound()
            {
                job(&mut connection, &flusher);
            }
            flusher.finish();
        };
        let thread = thread::Builder::new().name("sqlite-writer".to_owned()).spawn(write)?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread), disk })
    }

    /// Does the work in a transaction, after those that were asked for before, and answers once it is as durable as is asked. Once asked
    /// for it is done, whether or not anybody still waits.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        durability: Durability,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, PortError> {
        match durability {
            Durability::Machine => {
                let disk = Arc::clone(&self.disk);
                let (value, durable) = self.commit_numbered(work, move |_, commit| disk.flush(commit)).await?;
                durable.wait().await?;
                Ok(value)
            }
            Durability::Process => {
                let transact = move |connection: &mut Connection, _: &Flusher| {
                    let transaction = begin(connection)?;
                    let value = work(&transaction)?;
                    transaction.commit()?;
                    Ok(value)
                };
                self.run(transact).await
            }
        }
    }

    /// Does the work in a transaction, after those that were asked for before, and answers when it is committed, which nobody may be told
    /// before it is durable as well. Meanwhile the next one is begun.
    pub(crate) async fn commit<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, Failure> + Send + 'static,
    ) -> Result<(T, Durable), PortError> {
        self.commit_numbered(work, Flusher::flush).await
    }

    async fn commit_numbered<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, Failure> + Send + 'static,
        flush: impl FnOnce(&Flusher, u64) + Send + 'static,
    ) -> Result<(T, Durable), PortError> {
        let disk = Arc::clone(&self.disk);
        let committed = move |connection: &mut Connection, flusher: &Flusher| {
            let transaction = begin(connection)?;
            let value = work(&transaction)?;
            let commit = disk.begin();
            let done = transaction.commit();
            flush(flusher, commit);
            done?;
            Ok((value, commit))
        };
        let (value, commit) = self.run(committed).await?;
        let disk = Arc::clone(&self.disk);
        Ok((value, Durable::once(async move { disk.has(commit).await })))
    }

    async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Connection, &Flusher) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, PortError> {
        let (answer, answered) = oneshot::channel();
        let answering: Job = Box::new(move |connection, flusher| {
            // Whoever asked may have gone; what was committed stays so.
            let _ = answer.send(job(connection, flusher));
        });
        let ended = || PortError::unavailable(SERVICE, Ended);
        self.jobs.as_ref().ok_or_else(ended)?.send(answering).await.map_err(|_| ended())?;
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

fn begin(connection: &mut Connection) -> rusqlite::Result<Transaction<'_>> {
    connection.transaction_with_behavior(TransactionBehavior::Immediate)
}
