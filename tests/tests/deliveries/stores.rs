//! Logs and cursors of either profile.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use posthaste_application::port::{Cursors, EventLog};
use posthaste_domain::{DeviceId, UserId};
use posthaste_infrastructure::embedded::{self, SqliteCursors, SqliteLog};
use posthaste_infrastructure::postgres::{PgCursors, PgLog};
use posthaste_infrastructure::system::SystemClock;
use posthaste_tests::Database;
use tempfile::TempDir;
use tokio_postgres::{Client, Row};
use uuid::Uuid;

/// What the adapters of a profile stand on.
pub(crate) enum Stores {
    Embedded,
    Distributed { database: Box<Database>, owner: Client },
}

/// An empty log and its cursors.
pub(crate) struct Store<'a> {
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) cursors: Arc<dyn Cursors>,
    /// Where the SQL view is.
    pub(crate) view: Option<&'a Client>,
    _data: Option<TempDir>,
}

impl Stores {
    pub(crate) fn embedded() -> Self {
        Self::Embedded
    }

    pub(crate) async fn distributed() -> anyhow::Result<Self> {
        let database = Box::new(Database::new("deliveries").await?);
        let owner = database.owner().await?;
        Ok(Self::Distributed { database, owner })
    }

    pub(crate) async fn fresh(&self) -> Store<'_> {
        match self {
            Self::Embedded => {
                let data = TempDir::new().unwrap();
                let database = embedded::Database::open(data.path()).unwrap();
                let cursors = Arc::new(SqliteCursors::new(Arc::clone(&database)));
                Store { log: Arc::new(SqliteLog::new(database, Arc::new(SystemClock))), cursors, view: None, _data: Some(data) }
            }
            Self::Distributed { database, owner } => {
                for table in ["events", "event_users", "cursor_moves", "cursor_sends"] {
                    for statement in [
                        format!("ALTER TABLE {table} DISABLE TRIGGER append_only"),
                        format!("TRUNCATE {table}"),
                        format!("ALTER TABLE {table} ENABLE ALWAYS TRIGGER append_only"),
                    ] {
                        owner.execute(&statement, &[]).await.unwrap();
                    }
                }
                for statement in ["TRUNCATE cursors", "UPDATE log_head SET position = 0, hash = decode(repeat('00', 32), 'hex')"] {
                    owner.execute(statement, &[]).await.unwrap();
                }
                let cursors = Arc::new(PgCursors::new(database.postgres.clone()));
                Store { log: Arc::new(PgLog::new(database.postgres.clone())), cursors, view: Some(owner), _data: None }
            }
        }
    }
}

/// A row of the view.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) position: u64,
    pub(crate) user: UserId,
    pub(crate) status: String,
    pub(crate) committed: DateTime<Utc>,
    pub(crate) sent: Option<(DateTime<Utc>, DeviceId)>,
    pub(crate) delivered: Option<(DateTime<Utc>, DeviceId)>,
    pub(crate) read: Option<(DateTime<Utc>, Option<DeviceId>)>,
}

impl Line {
    pub(crate) fn of(row: &Row) -> Self {
        let at = |column| row.get::<_, Option<DateTime<Utc>>>(column);
        let device = |column| row.get::<_, Option<Uuid>>(column).map(DeviceId::new);
        let (sent, delivered) = (device("sent_device"), device("delivered_device"));
        assert_eq!((at("sent_at").is_some(), at("delivered_at").is_some()), (sent.is_some(), delivered.is_some()), "a time has a device");
        Self {
            position: u64::try_from(row.get::<_, i64>("position")).unwrap(),
            user: UserId::new(row.get("user_id")),
            status: row.get("status"),
            committed: row.get("committed_at"),
            sent: at("sent_at").zip(sent),
            delivered: at("delivered_at").zip(delivered),
            read: at("read_at").map(|at| (at, device("read_device"))),
        }
    }
}
