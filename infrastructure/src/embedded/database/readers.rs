//! A few connections that read, each from a snapshot. In WAL mode they wait for no writer, and no writer waits for them.

use std::sync::{Arc, Mutex, PoisonError};

use posthaste_application::port::PortError;
use rusqlite::{Connection, Transaction};
use tokio::sync::Semaphore;
use tokio::task;

use super::super::failure::{Failure, SERVICE};
use super::disk::Disk;

type Idle = Arc<Mutex<Vec<Connection>>>;

/// The connections that read.
#[derive(Debug)]
pub(crate) struct Readers {
    idle: Idle,
    permits: Arc<Semaphore>,
    disk: Arc<Disk>,
}

impl Readers {
    pub(super) fn new(connections: Vec<Connection>, disk: Arc<Disk>) -> Self {
        Self { permits: Arc::new(Semaphore::new(connections.len())), idle: Arc::new(Mutex::new(connections)), disk }
    }

    /// Does the work in one snapshot, on a thread that may block, and gives what came of it once the disk has what the snapshot shows:
    /// whoever is told of something that the machine's crash then undoes knows of it for ever.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, PortError> {
        let permit = Arc::clone(&self.permits).acquire_owned().await.expect("the semaphore is never closed");
        let idle = Arc::clone(&self.idle);
        let read = move || {
            // Given back after the connection, in this order, also if nobody waits any more.
            let _permit = permit;
            let mut lent = Lent::from(idle);
            let snapshot = lent.connection().transaction()?;
            work(&snapshot)
        };
        let value = task::spawn_blocking(read).await.map_err(|error| PortError::unavailable(SERVICE, error))??;
        self.disk.has_all().await?;
        Ok(value)
    }
}

/// A connection that goes back where it came from.
struct Lent {
    idle: Idle,
    connection: Option<Connection>,
}

impl From<Idle> for Lent {
    fn from(idle: Idle) -> Self {
        let connection = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        Self { idle, connection }
    }
}

impl Lent {
    fn connection(&mut self) -> &mut Connection {
        self.connection.as_mut().expect("as many connections as permits")
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).extend(self.connection.take());
    }
}
