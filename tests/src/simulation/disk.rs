//! The embedded profile's file: it outlives every process of the simulation, and is opened again after all of them have crashed.

use std::sync::{Arc, Mutex, PoisonError};

use futures::executor::block_on;
use posthaste_application::port::{Clock, Cursors, EventLog, PortError, RelayLease};
use posthaste_infrastructure::embedded::{Database, SqliteCursors, SqliteLease, SqliteLog};
use tempfile::TempDir;

/// What is in the file.
#[derive(Clone)]
pub(super) struct Stores {
    pub(super) log: Arc<dyn EventLog>,
    pub(super) cursors: Arc<dyn Cursors>,
    pub(super) lease: Arc<dyn RelayLease>,
}

/// The disk.
pub(super) struct Disk {
    folder: TempDir,
    clock: Arc<dyn Clock>,
    stores: Mutex<Option<Stores>>,
}

#[derive(Debug, thiserror::Error)]
#[error("nobody answers")]
pub(super) struct Silence;

/// What a store says that says nothing.
pub(super) fn silence() -> PortError {
    PortError::unavailable("simulation", Silence)
}

impl Disk {
    /// An empty one; where memory can be had as a folder, nothing of it is ever written anywhere.
    pub(super) fn new(clock: Arc<dyn Clock>) -> anyhow::Result<Self> {
        let memory = std::path::Path::new("/dev/shm");
        let folder = if memory.is_dir() { tempfile::tempdir_in(memory)? } else { tempfile::tempdir()? };
        let disk = Self { folder, clock, stores: Mutex::new(None) };
        disk.open()?;
        Ok(disk)
    }

    /// Opens the file.
    pub(super) fn open(&self) -> anyhow::Result<()> {
        let database = Database::open(self.folder.path())?;
        let stores = Stores {
            log: Arc::new(SqliteLog::new(Arc::clone(&database), Arc::clone(&self.clock))),
            cursors: Arc::new(SqliteCursors::new(Arc::clone(&database))),
            lease: Arc::new(SqliteLease::new(database, Arc::clone(&self.clock))),
        };
        *self.stores.lock().unwrap_or_else(PoisonError::into_inner) = Some(stores);
        Ok(())
    }

    /// Closes it, as far as nobody holds what they were given.
    pub(super) fn close(&self) {
        let stores = self.stores.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(stores);
    }

    /// The path of the file.
    pub(super) fn file(&self) -> std::path::PathBuf {
        self.folder.path().join("posthaste.db")
    }

    /// What is in it, if it is open.
    pub(super) fn stores(&self) -> Result<Stores, PortError> {
        self.stores.lock().unwrap_or_else(PoisonError::into_inner).clone().ok_or_else(silence)
    }

    /// Does something to it at once: nobody else runs meanwhile, so it is one step of the simulation however long it takes.
    pub(super) fn now<T, F: Future<Output = Result<T, PortError>>>(&self, work: impl FnOnce(Stores) -> F) -> Result<T, PortError> {
        block_on(work(self.stores()?))
    }
}
