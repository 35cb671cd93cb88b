//! The schema, forward only.

use std::time::Duration;

use tokio_postgres::{Client, Config, NoTls};

use super::connect::place;
use super::door::{Statement, statement};

mod embedded {
    #![allow(missing_docs, unreachable_pub, clippy::unwrap_used, reason = "written by the macro")]
    refinery::embed_migrations!("../migrations");
}

const LOCK: Statement = statement!("migrate_lock");

/// Why the schema is not the one this program needs.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// The URL makes no sense.
    #[error("the PostgreSQL URL cannot be read")]
    Url(#[source] tokio_postgres::Error),
    /// There is no way to the database.
    #[error("cannot connect to PostgreSQL at {place}: is it running, and is the address right?")]
    Connect {
        /// Where it was looked for.
        place: String,
        /// What came of it.
        #[source]
        source: tokio_postgres::Error,
    },
    /// It fails.
    #[error("cannot use PostgreSQL")]
    Use(#[from] tokio_postgres::Error),
    /// A migration failed, or one that was applied is not what it was.
    #[error("cannot migrate")]
    Migrate(#[from] refinery::Error),
}

/// The version of the schema this program needs.
pub(super) fn version() -> i64 {
    let runner = embedded::migrations::runner();
    let versions = runner.get_migrations().iter().map(|migration| i64::from(migration.version()));
    versions.max().unwrap_or_default()
}

/// What was done to a schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Migrated {
    /// Its version since then.
    pub schema: i64,
    /// The migrations that were applied now.
    pub applied: Vec<String>,
}

/// Brings the database to the schema this program needs, as its owner: a role that may create tables and roles. Several at once take turns.
///
/// # Errors
/// See [`MigrateError`].
pub async fn migrate(owner_url: &str) -> Result<Migrated, MigrateError> {
    let mut config: Config = owner_url.parse().map_err(MigrateError::Url)?;
    config.connect_timeout(Duration::from_secs(10)).application_name("posthaste migrate");
    let (mut client, connection) = config.connect(NoTls).await.map_err(|source| MigrateError::Connect { place: place(&config), source })?;
    // Its error reaches whoever uses the client.
    let connection = tokio::spawn(connection);
    let outcome = run(&mut client).await;
    drop(client);
    // With the connection goes the lock.
    let _ = connection.await;
    outcome
}

async fn run(client: &mut Client) -> Result<Migrated, MigrateError> {
    client.execute(LOCK.sql, &[]).await?;
    let report = embedded::migrations::runner().run_async(client).await?;
    for migration in report.applied_migrations() {
        tracing::info!(migration = %migration, "applied");
    }
    Ok(Migrated { schema: version(), applied: report.applied_migrations().iter().map(ToString::to_string).collect() })
}
