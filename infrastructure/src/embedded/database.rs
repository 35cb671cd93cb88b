//! The file: opened once for writing, any number of times for reading.

mod disk;
mod readers;
#[cfg(test)]
mod tests;
mod writer;

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use posthaste_application::port::PortError;
use posthaste_application::recorded::Position;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};
use tokio::sync::watch;

use super::failure::SERVICE;
use super::statements;
use disk::Disk;
pub(super) use readers::Readers;
pub(super) use writer::{Durability, Writer};

/// The name of the file in the data directory.
const FILE: &str = "posthaste.db";
/// Held by the server that writes.
const LOCK: &str = "posthaste.lock";
/// Tells our files from those of others: `post` in ASCII.
const APPLICATION: i64 = 0x706f_7374;
/// How long a statement waits for another process that looks at the file.
const BUSY: Duration = Duration::from_secs(10);
/// How long others may look at the lock.
const LOOKS: Duration = Duration::from_millis(200);
/// Every statement there is, and some.
const CACHED_STATEMENTS: usize = 128;

/// Why a data directory could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The directory cannot be used.
    #[error("cannot use the data directory {}", directory.display())]
    Directory {
        /// Which.
        directory: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Another server is running on it.
    #[error("another server uses the data directory {}: stop it, or choose another directory", directory.display())]
    InUse {
        /// Which.
        directory: PathBuf,
    },
    /// There is nothing to read.
    #[error("there is no {FILE} in {}", directory.display())]
    Missing {
        /// Where it was looked for.
        directory: PathBuf,
    },
    /// The file belongs to another program.
    #[error("{} was not written by posthaste", file.display())]
    Foreign {
        /// Which.
        file: PathBuf,
    },
    /// The file is of an older version and only read, or of a newer one that does not take this program any more.
    #[error("{} has schema version {found}, and this version of posthaste knows {known}", file.display())]
    UnknownVersion {
        /// Which.
        file: PathBuf,
        /// The version in the file.
        found: i64,
        /// The newest version known.
        known: i64,
    },
    /// SQLite cannot open the file.
    #[error("cannot open {}", file.display())]
    Sqlite {
        /// Which.
        file: PathBuf,
        /// What SQLite said.
        #[source]
        source: rusqlite::Error,
    },
}

#[derive(Debug, thiserror::Error)]
#[error("the database was opened for reading only")]
struct ReadOnly;

/// The file of the embedded profile. Dropping the last handle waits for what is being written, then closes it.
#[derive(Debug)]
pub struct Database {
    // In the order of closing: the writer last, because it tidies up, and the lock after everything.
    readers: Readers,
    writer: Option<Writer>,
    head: watch::Sender<Position>,
    _lock: Option<Held>,
}

/// The lock on a data directory. It is let go of in so many words: merely to close the file would leave it to whatever process is just
/// being started from this one, until that has become another program.
#[derive(Debug)]
struct Held(File);

impl Drop for Held {
    fn drop(&mut self) {
        if let Err(error) = self.0.unlock() {
            tracing::warn!(error = &error as &dyn std::error::Error, "the lock of the data directory goes with the process");
        }
    }
}

impl Database {
    /// Opens a data directory to write and read; creates what is missing. Blocks; called once, at the start.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open(directory: &Path) -> Result<Arc<Self>, OpenError> {
        let unusable = |source| OpenError::Directory { directory: directory.to_owned(), source };
        create(directory).map_err(unusable)?;
        let lock = File::options().create(true).truncate(false).write(true).open(directory.join(LOCK)).map_err(unusable)?;
        match try_lock(&lock) {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(OpenError::InUse { directory: directory.to_owned() }),
            Err(TryLockError::Error(source)) => return Err(unusable(source)),
        }

        let file = directory.join(FILE);
        let failed = |source| OpenError::Sqlite { file: file.clone(), source };
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = connect(&file, flags).map_err(failed)?;
        let version = version(&connection, &file)?;
        connection.pragma_update(None, "journal_mode", "WAL").map_err(failed)?;
        // Fewer, larger checkpoints; the log is written in long runs.
        connection.pragma_update(None, "wal_autocheckpoint", 4_096).map_err(failed)?;
        connection.pragma_update(None, "journal_size_limit", 64 << 20).map_err(failed)?;
        // No larger: after a page of an index was split, the commit goes through all pages that are kept.
        connection.pragma_update(None, "cache_size", -(16 << 10)).map_err(failed)?;
        migrate(&mut connection, version).map_err(failed)?;
        // What a statement of many rows has changed is kept until it is through, to be undone alone, and so is what it sorts: as when events are
        // sorted in by thread. In a file, which it is from the first statement of a transaction on that changes 64 KiB, that is a write for each page.
        connection.pragma_update(None, "temp_store", "MEMORY").map_err(failed)?;
        // Whoever held the lease was another process, and the lock says that it has ended: no need to wait for its time to run out.
        connection.execute(statements::LEASE_VACATE, ()).map_err(failed)?;
        connection.execute(statements::WEBHOOK_ENDPOINTS_VACATE, ()).map_err(failed)?;
        let head = head(&connection).map_err(failed)?;
        let disk = Arc::new(Disk::of(&connection).map_err(unusable)?);
        let readers = open_readers(&file, Arc::clone(&disk)).map_err(failed)?;
        let writer = Writer::start(connection, disk).map_err(unusable)?;
        Ok(Arc::new(Self { readers, writer: Some(writer), head: watch::Sender::new(head), _lock: Some(Held(lock)) }))
    }

    /// Opens a data directory for an operator's small change beside the server that may be running on it, whose file it waits for. Appends to
    /// the log are as safe as the server's own, for the head is read within each transaction; but nothing wakes the server, so it finds them
    /// with its next look, within a second or so. Blocks.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open_beside(directory: &Path) -> Result<Arc<Self>, OpenError> {
        let mut database = Self::existing(directory)?;
        let file = directory.join(FILE);
        let failed = |source| OpenError::Sqlite { file: file.clone(), source };
        let connection = connect(&file, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX).map_err(failed)?;
        // What SQLite has copied and no server has opened yet has no write-ahead log. The first look makes the file.
        connection.pragma_update(None, "journal_mode", "WAL").map_err(failed)?;
        head(&connection).map_err(failed)?;
        let unusable = |source| OpenError::Directory { directory: directory.to_owned(), source };
        let disk = Arc::new(Disk::of(&connection).map_err(unusable)?);
        database.writer = Some(Writer::start(connection, disk).map_err(unusable)?);
        Ok(Arc::new(database))
    }

    /// Opens a data directory to read only, whether or not a server is running on it. Changes no data, but may create the files that
    /// SQLite keeps beside its own. Blocks.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open_read_only(directory: &Path) -> Result<Arc<Self>, OpenError> {
        Self::existing(directory).map(Arc::new)
    }

    /// Whether a server, or an import, runs on a data directory. Looked at for an instant, for which one that is just starting waits.
    #[must_use]
    pub fn is_in_use(directory: &Path) -> bool {
        let Ok(lock) = File::open(directory.join(LOCK)) else { return false };
        match lock.try_lock_shared() {
            Ok(()) => drop(Held(lock)),
            Err(TryLockError::WouldBlock) => return true,
            Err(TryLockError::Error(_)) => {}
        }
        false
    }

    fn existing(directory: &Path) -> Result<Self, OpenError> {
        let file = directory.join(FILE);
        if !file.exists() {
            return Err(OpenError::Missing { directory: directory.to_owned() });
        }
        let failed = |source| OpenError::Sqlite { file: file.clone(), source };
        let connection = connect(&file, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX).map_err(failed)?;
        let found = version(&connection, &file)?;
        if found < known_version() {
            return Err(OpenError::UnknownVersion { file, found, known: known_version() });
        }
        let head = head(&connection).map_err(failed)?;
        // Nothing is committed through what is read by. What a server on it has committed, that makes durable, and whoever commits beside it
        // makes it durable as well.
        let readers = open_readers(&file, Arc::new(Disk::of_nobody())).map_err(failed)?;
        Ok(Self { readers, writer: None, head: watch::Sender::new(head), _lock: None })
    }

    pub(super) fn readers(&self) -> &Readers {
        &self.readers
    }

    /// # Errors
    /// It was opened for reading only.
    pub(super) fn writer(&self) -> Result<&Writer, PortError> {
        self.writer.as_ref().ok_or_else(|| PortError::rejected(SERVICE, ReadOnly))
    }

    /// The end of the log, as this process moved it; a process that only reads is told of nothing.
    pub(super) fn head(&self) -> &watch::Sender<Position> {
        &self.head
    }
}

/// Takes the lock, unless somebody has it for longer than it takes to look whether a server runs.
#[allow(clippy::disallowed_methods, reason = "a process does this once, before it has anything else to do")]
fn try_lock(lock: &File) -> Result<(), TryLockError> {
    let looks_end = Instant::now() + LOOKS;
    loop {
        match lock.try_lock() {
            Err(TryLockError::WouldBlock) if Instant::now() < looks_end => thread::sleep(LOOKS / 20),
            tried => return tried,
        }
    }
}

/// Makes the directory, for nobody else to look into, and makes sure that it is still there after a crash of the machine.
fn create(directory: &Path) -> io::Result<()> {
    if directory.is_dir() {
        return Ok(());
    }
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory)?;
    match directory.canonicalize()?.parent() {
        Some(parent) => File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}

fn connect(file: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(file, flags)?;
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
    keep_plans(&connection)?;
    // What is committed is kept from the machine's crash by `Disk`. SQLite itself flushes only what keeps the file in order: the
    // write-ahead log before a checkpoint, and the file itself before the write-ahead log is begun anew.
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    Ok(connection)
}

/// Has each statement planned once. Else those that might be planned otherwise for other parameters are parsed anew each time, cached or not.
pub(super) fn keep_plans(connection: &Connection) -> rusqlite::Result<bool> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)
}

fn open_readers(file: &Path, disk: Arc<Disk>) -> rusqlite::Result<Readers> {
    let count = thread::available_parallelism().map_or(2, |cores| cores.get().clamp(2, 8));
    let open = |_| connect(file, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX);
    Ok(Readers::new((0..count).map(open).collect::<Result<_, _>>()?, disk))
}

fn known_version() -> i64 {
    i64::try_from(statements::SCHEMA.len()).expect("a handful of versions")
}

/// The version of the schema in a file that is ours and takes this program; 0 when it is empty.
fn version(connection: &Connection, file: &Path) -> Result<i64, OpenError> {
    let failed = |source| OpenError::Sqlite { file: file.to_owned(), source };
    let number = |sql| connection.query_row(sql, (), |row| row.get::<_, i64>(0)).map_err(failed);
    let application = number("PRAGMA application_id")?;
    let found = number("PRAGMA user_version")?;
    let known = known_version();
    if application == 0 && found == 0 && number("SELECT count(*) FROM sqlite_schema")? == 0 {
        Ok(0)
    } else if application != APPLICATION {
        Err(OpenError::Foreign { file: file.to_owned() })
    } else if (1..=known).contains(&found) {
        Ok(found)
    } else if found > known && number(statements::SCHEMA_OLDEST).is_ok_and(|oldest| oldest <= known) {
        tracing::info!(schema.found = found, schema.known = known, "the file is newer than this program, and takes it");
        Ok(found)
    } else {
        Err(OpenError::UnknownVersion { file: file.to_owned(), found, known })
    }
}

/// Brings a file from its version to the newest one, in one transaction.
fn migrate(connection: &mut Connection, version: i64) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for (newer, script) in (1..).zip(statements::SCHEMA).filter(|(newer, _)| *newer > version) {
        transaction.execute_batch(script)?;
        transaction.pragma_update(None, "application_id", APPLICATION)?;
        transaction.pragma_update(None, "user_version", newer)?;
    }
    transaction.commit()
}

fn head(connection: &Connection) -> rusqlite::Result<Position> {
    let position: i64 = connection.query_row(statements::HEAD_READ, (), |row| row.get(0))?;
    Ok(Position(position.unsigned_abs()))
}
