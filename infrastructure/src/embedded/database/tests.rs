//! What the disk has not taken yet, nobody is told: not who asked, not who reads, not who follows the log.

use std::os::unix::fs::MetadataExt as _;
use std::sync::Mutex;
use std::sync::mpsc;

use futures::FutureExt as _;
use futures::future::join_all;
use posthaste_application::append::{AppendError, append_queue};
use posthaste_application::port::EventLog;
use posthaste_application::recorded::{Append, Check, Expected, NewEvent, StreamId};
use posthaste_domain::{Category, CommandId};
use rusqlite::Transaction;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use super::super::failure::Failure;
use super::super::log::SqliteLog;
use super::*;
use crate::system::SystemClock;

/// How long somebody may take who waits for nothing.
const PROMPT: Duration = Duration::from_secs(60);
/// How long is looked whether somebody waits. Whoever does is not found out by it; whoever does not, is.
const LOOKED: Duration = Duration::from_millis(100);

/// A database, and its disk, which takes what it is given once for each `()`, and fails when nobody can give another.
struct Slow {
    // Before the database, which waits for the disk at its end.
    takes: mpsc::Sender<()>,
    database: Arc<Database>,
    directory: TempDir,
}

impl Slow {
    fn new() -> Self {
        let directory = TempDir::new().expect("a directory");
        let file = directory.path().join(FILE);
        let mut connection = connect(&file, OpenFlags::default()).expect("a database");
        connection.pragma_update(None, "journal_mode", "WAL").expect("a write-ahead log");
        migrate(&mut connection, 0).expect("a schema");
        let (takes, taken) = mpsc::channel();
        let taken = Mutex::new(taken);
        let disk = Arc::new(Disk::new(move || taken.lock().expect("no panic").recv().map_err(io::Error::other)));
        let readers = open_readers(&file, Arc::clone(&disk)).expect("readers");
        let writer = Some(Writer::start(connection, disk).expect("a thread"));
        let database = Arc::new(Database { readers, writer, head: watch::Sender::new(Position::START), _lock: None });
        Self { takes, database, directory }
    }

    fn take(&self) {
        self.takes.send(()).expect("the disk is there");
    }

    fn log(&self) -> Arc<dyn EventLog> {
        Arc::new(SqliteLog::new(Arc::clone(&self.database), Arc::new(SystemClock)))
    }

    /// How many events there are, as whoever waits for no disk sees it.
    fn committed(&self) -> i64 {
        let connection = connect(&self.directory.path().join(FILE), OpenFlags::SQLITE_OPEN_READ_ONLY).expect("the database");
        connection.query_row("SELECT count(*) FROM events", (), |row| row.get(0)).expect("a table")
    }

    async fn until_committed(&self, events: i64) {
        let committed = async {
            while self.committed() < events {
                sleep(Duration::from_millis(1)).await;
            }
        };
        timeout(PROMPT, committed).await.expect("it is committed");
    }
}

fn append(n: u128) -> Append {
    let stream = StreamId { category: Category::Message, id: Uuid::from_u128(n) };
    Append {
        command: CommandId::new(Uuid::from_u128(n)),
        fingerprint: [0; 32],
        actor: None,
        correlation: Uuid::nil(),
        causation: None,
        checks: vec![Check { stream, expected: Expected::NoStream }],
        events: vec![NewEvent {
            stream,
            version: 1,
            event_type: "message.posted".to_owned(),
            schema: 1,
            facts: "{}".to_owned(),
            content: None,
            owner: None,
            thread: None,
            addressees: Vec::new(),
        }],
        unsealed: None,
    }
}

async fn waits<T>(waiting: &mut JoinHandle<T>) {
    assert!(timeout(LOOKED, waiting).await.is_err(), "it was answered before the disk had it");
}

async fn ends<T>(waiting: JoinHandle<T>) -> T {
    timeout(PROMPT, waiting).await.expect("it is answered").expect("no panic")
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_asked_reads_or_follows_is_told_once_the_disk_has_it() {
    let slow = Slow::new();
    for (before, batch) in [(0, vec![append(1)]), (1, vec![append(2), append(3)])] {
        let (log, count) = (slow.log(), batch.len());
        let follows = slow.log();
        let mut asked = tokio::spawn(async move { log.append(&batch).await });
        slow.until_committed(i64::try_from(before + count).expect("few")).await;
        let log = slow.log();
        let mut reads = tokio::spawn(async move { log.read(Position(before as u64), 10).await });
        waits(&mut reads).await;
        waits(&mut asked).await;
        assert_eq!(follows.grown(Position(before as u64)).now_or_never(), None, "those who follow are woken for it");

        slow.take();
        let answers = ends(asked).await.expect("recorded");
        assert!(answers.len() == count && answers.iter().all(Result::is_ok), "{answers:?}");
        assert_eq!(ends(reads).await.expect("readable").len(), count);
        timeout(PROMPT, follows.grown(Position(before as u64))).await.expect("woken");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_transactions_do_not_wait_for_the_disk_and_one_flush_serves_them_all() {
    let slow = Slow::new();
    let writer = slow.database.writer().expect("a writer");
    let nothing = |_: &Transaction<'_>| Ok::<_, Failure>(());
    let (_, first) = timeout(PROMPT, writer.commit(nothing)).await.expect("it does not wait").expect("committed");
    let mut later = Vec::new();
    for _ in 0..5 {
        let (_, durable) = timeout(PROMPT, writer.commit(nothing)).await.expect("it does not wait").expect("committed");
        later.push(tokio::spawn(durable.wait()));
    }
    timeout(PROMPT, writer.write(Durability::Process, nothing)).await.expect("it is asked for no more").expect("committed");
    slow.take();
    timeout(PROMPT, first.wait()).await.expect("flushed").expect("on the disk");
    // The first flush may have begun when any of them was committed: one more serves all the others.
    slow.take();
    for durable in later {
        ends(durable).await.expect("on the disk");
    }
}

// On one thread, so that what is asked for at once is recorded together.
#[tokio::test]
async fn a_queue_records_on_and_answers_in_order() {
    let slow = Slow::new();
    let (queue, appender) = append_queue(slow.log());
    let appending = tokio::spawn(appender.run());
    let ask = |numbers: [u128; 2]| {
        let queue = queue.clone();
        let asked = numbers.map(move |n| {
            let queue = queue.clone();
            async move { queue.append(append(n)).await.expect("recorded").last.0 }
        });
        tokio::spawn(join_all(asked))
    };
    let mut first = ask([1, 2]);
    slow.until_committed(2).await;
    let mut second = ask([3, 4]);
    slow.until_committed(4).await;
    waits(&mut first).await;
    slow.take();
    assert_eq!(ends(first).await, [1, 2]);
    waits(&mut second).await;
    slow.take();
    assert_eq!(ends(second).await, [3, 4]);
    drop(queue);
    assert_eq!(ends(appending).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn once_the_disk_has_failed_nothing_is_answered_and_nothing_written() {
    let Slow { takes, database, directory: _directory } = Slow::new();
    let log: Arc<dyn EventLog> = Arc::new(SqliteLog::new(Arc::clone(&database), Arc::new(SystemClock)));
    let (queue, appender) = append_queue(Arc::clone(&log));
    tokio::spawn(appender.run());
    drop(takes);
    let failed = timeout(PROMPT, queue.append(append(1))).await.expect("it is answered");
    assert!(matches!(failed, Err(AppendError::Failed(_))), "{failed:?}");
    let failed = timeout(PROMPT, log.append(&[append(2), append(3)])).await.expect("it is answered");
    assert!(matches!(failed, Err(PortError::Unavailable { .. })), "{failed:?}");
    let read = timeout(PROMPT, log.read(Position::START, 10)).await.expect("it is answered");
    assert!(matches!(read, Err(PortError::Unavailable { .. })), "what may be undone is not given: {read:?}");
    let writer = database.writer().expect("a writer");
    let asked = timeout(PROMPT, writer.write(Durability::Process, |_| Ok(()))).await.expect("it is answered");
    assert!(matches!(asked, Err(PortError::Unavailable { .. })), "{asked:?}");
}

#[test]
fn the_write_ahead_log_is_one_file_for_as_long_as_the_database_is_open() {
    let directory = TempDir::new().expect("a directory");
    let (file, log) = (directory.path().join(FILE), directory.path().join(format!("{FILE}-wal")));
    let connection = connect(&file, OpenFlags::default()).expect("a database");
    connection.pragma_update(None, "journal_mode", "WAL").expect("a write-ahead log");
    connection.execute_batch("CREATE TABLE numbers (n)").expect("a table");
    let disk = Disk::of(&connection).expect("its write-ahead log");
    let inode = fs::metadata(&log).expect("the file").ino();
    for mode in ["PASSIVE", "FULL", "RESTART", "TRUNCATE"] {
        connection.execute("INSERT INTO numbers VALUES (1)", ()).expect("written");
        connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), (), |_| Ok(())).expect("a checkpoint");
        connection.execute("INSERT INTO numbers VALUES (1)", ()).expect("written");
        assert_eq!(fs::metadata(&log).expect("the file").ino(), inode, "{mode}");
    }
    disk.flush(disk.begin());
    assert!(disk.is_sound());
}

#[tokio::test]
async fn a_copy_that_has_no_write_ahead_log_is_read_and_written() {
    let (original, copy) = (TempDir::new().expect("a directory"), TempDir::new().expect("a directory"));
    drop(Database::open(original.path()).expect("a database"));
    let file = connect(&original.path().join(FILE), OpenFlags::default()).expect("the database");
    file.execute("VACUUM INTO ?1", [copy.path().join(FILE).to_string_lossy()]).expect("a copy");
    let log = |database| SqliteLog::new(database, Arc::new(SystemClock));
    let reads = log(Database::open_read_only(copy.path()).expect("readable"));
    assert_eq!(reads.read(Position::START, 10).await.expect("readable"), []);
    drop(reads);
    let writes = log(Database::open_beside(copy.path()).expect("writable"));
    writes.append(&[append(1), append(2)]).await.expect("recorded");
    assert_eq!(writes.read(Position::START, 10).await.expect("readable").len(), 2);
}
