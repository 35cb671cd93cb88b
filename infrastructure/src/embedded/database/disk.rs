//! What was committed is brought to the disk, by who commits or by a thread of its own: meanwhile the next transactions are written, and one
//! flush serves all that were committed when it begins.

use std::fmt;
use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};

use posthaste_application::port::PortError;
use rusqlite::Connection;
use tokio::sync::watch;

use super::super::failure::SERVICE;

#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the disk did not take what was written: what the server knows and what the file holds may differ until it is started again")]
struct NotTaken;

/// How far the disk is behind. Commits are numbered from 1.
pub(crate) struct Disk {
    flush: Box<dyn Fn() -> io::Result<()> + Send + Sync>,
    /// The last commit that was begun: whatever a snapshot shows was committed by it.
    begun: AtomicU64,
    /// The last that outlives the machine's crash; an error once that cannot be known any more.
    flushed: watch::Sender<Result<u64, NotTaken>>,
}

impl Disk {
    /// The disk of a database that was read in WAL mode, so that it has a write-ahead log. In that is what was committed until a checkpoint,
    /// which flushes it first, has brought it into the database's own file, and flushed that.
    pub(super) fn of(connection: &Connection) -> io::Result<Self> {
        let log = File::open(format!("{}-wal", connection.path().unwrap_or_default()))?;
        Ok(Self::new(move || log.sync_data()))
    }

    /// The disk of who commits nothing.
    pub(super) fn of_nobody() -> Self {
        Self::new(|| Ok(()))
    }

    /// The disk, to which everything that is committed comes by this.
    pub(super) fn new(flush: impl Fn() -> io::Result<()> + Send + Sync + 'static) -> Self {
        Self { flush: Box::new(flush), begun: AtomicU64::new(0), flushed: watch::Sender::new(Ok(0)) }
    }

    /// Numbers a commit that is about to be made.
    pub(super) fn begin(&self) -> u64 {
        self.begun.fetch_add(1, Ordering::SeqCst) + 1
    }

    /// Has this commit, which was made or has failed, flushed, and all before. Blocks.
    pub(super) fn flush(&self, commit: u64) {
        let done = (self.flush)().map_err(|error| {
            // What the system failed to write once it may have forgotten: the next flush would tell nothing of it.
            tracing::error!(error = &error as &dyn std::error::Error, "cannot flush the database; nothing more is written");
            NotTaken
        });
        self.flushed.send_modify(|flushed| *flushed = flushed.and_then(|before| done.map(|()| commit.max(before))));
    }

    /// Whether anything may still be written.
    pub(super) fn is_sound(&self) -> bool {
        self.flushed.borrow().is_ok()
    }

    /// Waits until the disk has what any snapshot taken before shows.
    ///
    /// # Errors
    /// It did not take it.
    pub(super) async fn has_all(&self) -> Result<(), PortError> {
        self.has(self.begun.load(Ordering::SeqCst)).await
    }

    /// Waits until the disk has this commit, and all before.
    ///
    /// # Errors
    /// It did not take it.
    pub(super) async fn has(&self, commit: u64) -> Result<(), PortError> {
        let mut flushed = self.flushed.subscribe();
        let flushed = flushed.wait_for(|flushed| flushed.is_err() || flushed.is_ok_and(|flushed| flushed >= commit)).await;
        let flushed = *flushed.expect("the sender lives as long as `self`");
        flushed.map(drop).map_err(|not_taken| PortError::unavailable(SERVICE, not_taken))
    }
}

impl fmt::Debug for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Disk").field("begun", &self.begun).field("flushed", &self.flushed).finish_non_exhaustive()
    }
}

/// The thread that flushes while others write.
pub(super) struct Flusher {
    commits: mpsc::Sender<u64>,
    thread: JoinHandle<()>,
}

impl Flusher {
    pub(super) fn start(disk: Arc<Disk>) -> io::Result<Self> {
        let (commits, waiting) = mpsc::channel();
        let run = move || {
            while let Ok(commit) = waiting.recv() {
                disk.flush(waiting.try_iter().last().unwrap_or(commit));
            }
        };
        Ok(Self { commits, thread: thread::Builder::new().name("sqlite-flusher".to_owned()).spawn(run)? })
    }

    /// Has a commit flushed that was made, or has failed. Does not wait for it.
    pub(super) fn flush(&self, commit: u64) {
        // It ends after whoever could ask.
        let _ = self.commits.send(commit);
    }

    /// Waits until everything is flushed that was asked for.
    pub(super) fn finish(self) {
        drop(self.commits);
        // A panic there was reported there.
        let _ = self.thread.join();
    }
}
