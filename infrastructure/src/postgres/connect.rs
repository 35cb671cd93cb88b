//! The pool, and what must hold before anything uses it.

use std::fmt;
use std::time::Duration;

use deadpool_postgres::{Manager, ManagerConfig, Pool, PoolError, QueueMode, RecyclingMethod, Runtime};
use tokio_postgres::config::Host;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Config, NoTls};

use super::door::{Statement, statement};
use super::migrations;
use super::schema::{self, Fit};

/// How this program finds and treats the database.
#[derive(Clone)]
pub struct PostgresConfig {
    /// `postgres://role@host:port/database`; the role is `posthaste_server` or a member of it, never the owner.
    pub url: String,
    /// Most connections at once; one more listens.
    pub connections: usize,
    /// Longest time of a statement, and of waiting for a connection.
    pub statement_timeout: Duration,
}

impl PostgresConfig {
    /// 16 connections, 10 seconds.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), connections: 16, statement_timeout: Duration::from_secs(10) }
    }

    /// As the driver takes it. The driver sets `TCP_NODELAY` on every socket itself.
    pub(super) fn driver(&self) -> Result<Config, tokio_postgres::Error> {
        let mut config: Config = self.url.parse()?;
        let own = config.get_options().unwrap_or_default().to_owned();
        let limit = self.statement_timeout.as_millis();
        // Commits are waited for until they are on disk, whatever the database's default.
        config.options(format!("{own} -c statement_timeout={limit} -c synchronous_commit=on -c timezone=UTC"));
        config.application_name("posthaste");
        config.connect_timeout(self.statement_timeout);
        // A peer that vanished without a word.
        config.keepalives_idle(Duration::from_secs(15)).keepalives_interval(Duration::from_secs(5)).keepalives_retries(3);
        config.tcp_user_timeout(self.statement_timeout);
        Ok(config)
    }
}

impl fmt::Debug for PostgresConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresConfig")
            .field("url", &"…")
            .field("connections", &self.connections)
            .field("statement_timeout", &self.statement_timeout)
            .finish()
    }
}

/// Whether this can be an address.
///
/// # Errors
/// It cannot be read.
pub fn check_url(url: &str) -> Result<(), ConnectError> {
    PostgresConfig::new(url).driver().map(drop).map_err(ConnectError::Url)
}

/// Where a database is looked for, without anything secret.
pub(super) fn place(config: &Config) -> String {
    let ports = config.get_ports();
    let hosts = config.get_hosts().iter().enumerate().map(|(index, host)| {
        // One port for all, one for each, or none named.
        let port = ports.get(index).or(ports.first()).copied().unwrap_or(5432);
        match host {
            Host::Tcp(host) => format!("{host}:{port}"),
            Host::Unix(directory) => format!("{} (port {port})", directory.display()),
        }
    });
    hosts.collect::<Vec<_>>().join(" or ")
}

/// Why this program does not work with that database. Says what to do.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The URL makes no sense.
    #[error("the PostgreSQL URL cannot be read")]
    Url(#[source] tokio_postgres::Error),
    /// There is no way to it.
    #[error("cannot connect to PostgreSQL at {place}: is it running, and is the address right?")]
    Connect {
        /// Where it was looked for.
        place: String,
        /// What came of it.
        #[source]
        source: PoolError,
    },
    /// It does not answer as it should.
    #[error("PostgreSQL cannot be asked how it is set up")]
    Check(#[source] tokio_postgres::Error),
    /// Nothing was migrated, or the role may not look.
    #[error(
        "the database has no schema that role {role} may read: run `posthaste migrate` as its owner, and grant posthaste_server to {role}"
    )]
    NoSchema {
        /// Who asked.
        role: String,
    },
    /// The database is behind.
    #[error("the schema is at version {found}, this program needs {needed}: run `posthaste migrate` as the owner")]
    SchemaBehind {
        /// What is there.
        found: i64,
        /// What must be.
        needed: i64,
    },
    /// This program is behind.
    #[error(
        "the schema is at version {found} and takes programs of version {oldest} and newer, this one is of {needed}: run the program that \
         migrated it, or a newer one"
    )]
    SchemaAhead {
        /// What is there.
        found: i64,
        /// The oldest program that it takes.
        oldest: i64,
        /// What this program knows.
        needed: i64,
    },
    /// Commits would not survive a crash.
    #[error("fsync is off, so a crash would lose what was acknowledged: set fsync = on in postgresql.conf and reload")]
    NoFsync,
    /// The role could switch off what protects the log.
    #[error("role {role} owns the log and could alter it: connect as posthaste_server, or as a role that is a member of nothing else")]
    Owner {
        /// Who asked.
        role: String,
    },
    /// Texts would not come back as they went in.
    #[error("the database is encoded as {encoding}: create it with ENCODING 'UTF8'")]
    Encoding {
        /// How.
        encoding: String,
    },
}

const START: Statement = statement!("start");

/// A pool of connections to a database that was found fit. Cheap to clone.
#[derive(Clone)]
pub struct Postgres {
    pool: Pool,
    config: PostgresConfig,
}

impl fmt::Debug for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Postgres").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Postgres {
    /// Connects, and checks that the schema is one that takes this program, that commits reach the disk, and that the role
    /// cannot alter the log.
    ///
    /// # Errors
    /// What does not hold, and what to do about it.
    pub async fn connect(config: PostgresConfig) -> Result<Self, ConnectError> {
        let driver = config.driver().map_err(ConnectError::Url)?;
        let place = place(&driver);
        // No question is asked before a connection is used again: one whose peer has closed it is known to be dead and thrown away,
        // and one that died unseen fails its statement, which is tried again by whoever knows that it may be.
        let manager = Manager::from_config(driver, NoTls, ManagerConfig { recycling_method: RecyclingMethod::Fast });
        let limit = Some(config.statement_timeout);
        let pool = Pool::builder(manager)
            .max_size(config.connections)
            // The one that was used last has planned its statements and has its tables at hand; to take turns costs PostgreSQL a third more.
            .queue_mode(QueueMode::Lifo)
            .wait_timeout(limit)
            .create_timeout(limit)
            .recycle_timeout(limit)
            .runtime(Runtime::Tokio1)
            .build()
            .expect("a runtime is given with the timeouts");
        let postgres = Self { pool, config };
        postgres.check(place).await?;
        Ok(postgres)
    }

    /// The pool, for adapters with statements of their own.
    #[must_use]
    pub const fn pool(&self) -> &Pool {
        &self.pool
    }

    pub(super) const fn config(&self) -> &PostgresConfig {
        &self.config
    }

    /// How long an answer is waited for: a little more than the server allows itself.
    pub(super) fn patience(&self) -> Duration {
        self.config.statement_timeout + Duration::from_secs(1)
    }

    async fn check(&self, place: String) -> Result<(), ConnectError> {
        let connection = self.pool.get().await.map_err(|source| ConnectError::Connect { place, source })?;
        let row = match connection.query_one(START.sql, &[]).await {
            Ok(row) => row,
            Err(error) if matches!(error.code(), Some(&SqlState::UNDEFINED_TABLE | &SqlState::INSUFFICIENT_PRIVILEGE)) => {
                let role = connection.query_one("SELECT current_user::text", &[]).await.map_err(ConnectError::Check)?.get(0);
                return Err(ConnectError::NoSchema { role });
            }
            Err(error) => return Err(ConnectError::Check(error)),
        };
        let (schema, needed) = (row.get("schema_version"), migrations::version());
        let setup = Setup {
            role: row.get("role"),
            owns_the_log: row.get("owns_the_log"),
            schema,
            oldest: schema::oldest(&connection, schema, needed).await.map_err(ConnectError::Check)?,
            fsync: row.get("fsync"),
            encoding: row.get("encoding"),
        };
        setup.check(needed)
    }
}

/// How a database is set up, as far as this program depends on it.
#[derive(Clone, Debug)]
struct Setup {
    role: String,
    owns_the_log: bool,
    schema: i64,
    oldest: i64,
    fsync: String,
    encoding: String,
}

impl Setup {
    fn check(self, needed: i64) -> Result<(), ConnectError> {
        let Self { role, owns_the_log, schema: found, oldest, fsync, encoding } = self;
        match Fit::of(found, oldest, needed) {
            Fit::Own => {}
            Fit::Newer => {
                tracing::info!(schema.found = found, schema.needed = needed, "the schema is newer than this program, and takes it");
            }
            Fit::Behind => return Err(ConnectError::SchemaBehind { found, needed }),
            Fit::Ahead { oldest } => return Err(ConnectError::SchemaAhead { found, oldest, needed }),
        }
        if fsync != "on" {
            Err(ConnectError::NoFsync)
        } else if owns_the_log {
            Err(ConnectError::Owner { role })
        } else if encoding != "UTF8" {
            Err(ConnectError::Encoding { encoding })
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fit() -> Setup {
        Setup { role: "posthaste_server".into(), owns_the_log: false, schema: 6, oldest: 6, fsync: "on".into(), encoding: "UTF8".into() }
    }

    #[test]
    fn a_database_that_is_set_up_right_is_taken() {
        assert!(fit().check(6).is_ok());
    }

    #[test]
    fn a_newer_schema_is_taken_if_it_takes_this_program() {
        let newer = |oldest| Setup { schema: 8, oldest, ..fit() }.check(6);
        assert!(newer(5).is_ok() && newer(6).is_ok());
        assert!(matches!(newer(7), Err(ConnectError::SchemaAhead { found: 8, oldest: 7, needed: 6 })));
        let behind = Setup { schema: 5, oldest: 5, ..fit() }.check(6);
        assert!(matches!(behind, Err(ConnectError::SchemaBehind { found: 5, needed: 6 })), "{behind:?}");
    }

    #[test]
    fn a_database_that_would_lose_commits_is_refused() {
        let refused = Setup { fsync: "off".into(), ..fit() }.check(6);
        assert!(matches!(refused, Err(ConnectError::NoFsync)), "{refused:?}");
    }

    #[test]
    fn a_database_of_another_encoding_is_refused() {
        let refused = Setup { encoding: "SQL_ASCII".into(), ..fit() }.check(6);
        assert!(matches!(&refused, Err(ConnectError::Encoding { encoding }) if encoding == "SQL_ASCII"), "{refused:?}");
    }
}
