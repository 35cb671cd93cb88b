//! Logs of servers that run, as whoever has the keys reads them.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use posthaste_application::content::keyring::{Access, Keyring, Sealing};
use posthaste_application::content::log::SealedLog;
use posthaste_application::content::{MasterKey, MasterKeys};
use posthaste_application::port::{ContentKeys, EventLog};
use posthaste_infrastructure::embedded::{Database, SqliteKeys, SqliteLog, kept_content_key};
use posthaste_infrastructure::postgres::{PgKeys, PgLog, Postgres, PostgresConfig};
use posthaste_infrastructure::system::{SystemClock, SystemRandomness};

use crate::Sandbox;
use crate::node::MASTER_KEY;

/// The log of a sandbox.
///
/// # Errors
/// PostgreSQL is not there.
pub async fn of_sandbox(sandbox: &Sandbox) -> anyhow::Result<SealedLog> {
    let postgres = Postgres::connect(PostgresConfig::new(sandbox.postgres_server_url())).await?;
    opened(Arc::new(PgLog::new(postgres.clone())), Arc::new(PgKeys::new(postgres)), MASTER_KEY)
}

/// The log in a data folder.
///
/// # Errors
/// There is none, or no key.
pub fn of_folder(data: &Path) -> anyhow::Result<SealedLog> {
    let (database, key) = (Database::open_read_only(data)?, kept_content_key(data)?.context("there is no content.key")?);
    let log = SqliteLog::new(Arc::clone(&database), Arc::new(SystemClock));
    opened(Arc::new(log), Arc::new(SqliteKeys::new(database)), &key)
}

fn opened(log: Arc<dyn EventLog>, keys: Arc<dyn ContentKeys>, master: &str) -> anyhow::Result<SealedLog> {
    with_keys(log, keys, master, Access::Read)
}

/// A log that seals and opens by these keys, as a server has it.
///
/// # Errors
/// It is no master key.
pub fn with_keys(log: Arc<dyn EventLog>, keys: Arc<dyn ContentKeys>, master: &str, access: Access) -> anyhow::Result<SealedLog> {
    let masters = MasterKeys::new(MasterKey::parse(master)?, Vec::new());
    let keyring = Keyring::new(keys, masters, Arc::new(SystemRandomness), Sealing::On, access);
    Ok(SealedLog::new(log, Arc::new(keyring)))
}
