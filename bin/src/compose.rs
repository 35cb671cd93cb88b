//! Puts a profile together: the only file that names ports and adapters in one place.

use std::sync::Arc;

use anyhow::{Context as _, bail};
use posthaste_application::Ports;
use posthaste_application::port::{Clock, EventLog, Ids};
use posthaste_infrastructure::argon2::{ArgonCost, ArgonPasswords};
use posthaste_infrastructure::embedded::{
    Database, InProcessBroker, InProcessTickets, MemoryViews, SqliteAccounts, SqliteCursors, SqliteLease, SqliteLog, token_secret,
};
use posthaste_infrastructure::jwt::{self, JwtTokens};
use posthaste_infrastructure::postgres::{self, PgAccounts, PgCursors, PgLease, PgLog, PgProjection, PgViews, Postgres};
use posthaste_infrastructure::rabbitmq::RabbitMq;
use posthaste_infrastructure::redis::{self, RedisTickets};
use posthaste_infrastructure::system::{SystemClock, SystemIds};

use crate::config::{AuthConfig, Config, DistributedConfig, EmbeddedConfig, PostgresConfig};

/// Who issues access tokens.
const ISSUER: &str = "posthaste";

/// Every port of the configured profile.
pub(crate) async fn ports(config: &Config) -> anyhow::Result<Ports> {
    match config {
        Config::Embedded(config) => embedded(config),
        Config::Distributed(config) => distributed(config).await,
    }
}

/// The event log alone, to look at: it is not written to, and of the embedded profile nothing is locked.
pub(crate) async fn log(config: &Config) -> anyhow::Result<Arc<dyn EventLog>> {
    match config {
        Config::Embedded(config) => {
            let database = Database::open_read_only(&config.embedded.data)?;
            Ok(Arc::new(SqliteLog::new(database, Arc::new(SystemClock))))
        }
        Config::Distributed(config) => Ok(Arc::new(PgLog::new(connect(&config.postgres).await?))),
    }
}

/// Brings the schema up to date.
pub(crate) async fn migrate(config: anyhow::Result<Config>) -> anyhow::Result<()> {
    match config? {
        Config::Embedded(_) => bail!("the embedded profile needs no migration: it brings its file up to date when it starts"),
        Config::Distributed(config) => {
            let owner = config.postgres.owner_url.as_ref();
            let owner = owner
                .context("postgres.owner_url is missing: give the URL of the role that owns the schema (POSTHASTE_POSTGRES__OWNER_URL)")?;
            Ok(postgres::migrate(owner.reveal()).await?)
        }
    }
}

fn embedded(config: &EmbeddedConfig) -> anyhow::Result<Ports> {
    let (clock, ids): (Arc<dyn Clock>, Arc<dyn Ids>) = (Arc::new(SystemClock), Arc::new(SystemIds));
    let database = Database::open(&config.embedded.data)?;
    let secret = match &config.auth.secret {
        Some(secret) => secret.reveal().as_bytes().to_vec(),
        None => token_secret(&config.embedded.data).context("the secret in the data folder cannot be used")?,
    };
    let views = Arc::new(MemoryViews::default());
    Ok(Ports {
        log: Arc::new(SqliteLog::new(Arc::clone(&database), Arc::clone(&clock))),
        accounts: Arc::new(SqliteAccounts::new(Arc::clone(&database))),
        cursors: Arc::new(SqliteCursors::new(Arc::clone(&database))),
        relay: Arc::new(SqliteLease::new(database, Arc::clone(&clock))),
        broker: Arc::new(InProcessBroker::default()),
        tickets: Arc::new(InProcessTickets::new(Arc::clone(&clock))),
        projections: views.projections(),
        views,
        passwords: passwords(&config.auth)?,
        tokens: tokens(secret, &clock)?,
        clock,
        ids,
    })
}

async fn distributed(config: &DistributedConfig) -> anyhow::Result<Ports> {
    let (clock, ids): (Arc<dyn Clock>, Arc<dyn Ids>) = (Arc::new(SystemClock), Arc::new(SystemIds));
    // What costs nothing to check is checked before anything is connected to.
    let tokens = tokens(config.auth.secret.reveal(), &clock)?;
    let passwords = passwords(&config.auth)?;
    let postgres = connect(&config.postgres).await?;
    let broker = RabbitMq::new(config.rabbitmq.url.reveal()).context("rabbitmq.url cannot be used")?;
    broker
        .declare()
        .await
        .context("RabbitMQ (rabbitmq.url) cannot be used: is it running, and has the user rights on the virtual host?")?;
    let connection = redis::connect(config.redis.url.reveal()).await.context("Redis (redis.url) cannot be used: is it running?")?;
    Ok(Ports {
        log: Arc::new(PgLog::new(postgres.clone())),
        accounts: Arc::new(PgAccounts::new(postgres.clone())),
        cursors: Arc::new(PgCursors::new(postgres.clone())),
        relay: Arc::new(PgLease::new(postgres.clone())),
        broker: Arc::new(broker),
        tickets: Arc::new(RedisTickets::new(connection, config.redis.prefix.clone())),
        projections: PgProjection::all(&postgres),
        views: Arc::new(PgViews::new(postgres)),
        passwords,
        tokens,
        clock,
        ids,
    })
}

async fn connect(config: &PostgresConfig) -> anyhow::Result<Postgres> {
    let mut driver = postgres::PostgresConfig::new(config.url.reveal());
    driver.connections = config.connections;
    Postgres::connect(driver).await.context("PostgreSQL (postgres.url) cannot be used")
}

fn passwords<S>(auth: &AuthConfig<S>) -> anyhow::Result<Arc<ArgonPasswords>> {
    let cost = ArgonCost { memory_kib: auth.password_memory_kib, passes: auth.password_passes, lanes: auth.password_lanes };
    Ok(Arc::new(ArgonPasswords::new(cost).context("auth.password_* make no sense together")?))
}

fn tokens(secret: impl Into<Vec<u8>>, clock: &Arc<dyn Clock>) -> anyhow::Result<Arc<JwtTokens>> {
    let secret = jwt::Secret::new(secret).context("auth.secret cannot be used")?;
    Ok(Arc::new(JwtTokens::new(&secret, ISSUER, Arc::clone(clock))))
}
