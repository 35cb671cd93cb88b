//! Puts a profile together: the only file that names ports and adapters in one place.

mod auth;
pub(crate) mod console;
mod content;
pub(crate) mod doctor;
mod mail;
mod oidc;
pub(crate) mod people;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use posthaste_application::Ports;
use posthaste_application::content::feed::SealedFeed;
use posthaste_application::content::keyring::Access;
use posthaste_application::limit::Limiter;
use posthaste_application::port::queue::Consumer;
use posthaste_application::port::{
    Clock, Cursors, Desk, EventLog, EventQueue, Ids, LogImport, Poster, Rebuilds, RelayLease, RelyingParty, SealStore, Webhooks,
};
use posthaste_application::verify::Sealer;
use posthaste_application::verify::key::{PublicKey, SealKey};
use posthaste_application::webhooks::{self, Endpoint, WebhookPorts};
use posthaste_infrastructure::embedded::{
    Database, InProcessBroker, InProcessPresence, InProcessRateLimiter, InProcessSignals, InProcessTickets, MemoryViews, SqliteAccounts,
    SqliteCursors, SqliteDeadLetters, SqliteDesk, SqliteFactors, SqliteIdentities, SqliteImport, SqliteLease, SqliteLog, SqliteMailQueue,
    SqliteOneTimeTokens, SqlitePasscodes, SqlitePasskeys, SqliteQueue, SqliteSessions, SqliteWebhooks,
};
use posthaste_infrastructure::file::{self, SealFile};
use posthaste_infrastructure::http::Edges;
use posthaste_infrastructure::otlp::Otlp;
use posthaste_infrastructure::postgres::{
    self, PgAccounts, PgCursors, PgDeadLetters, PgFactors, PgIdentities, PgImport, PgLease, PgLog, PgMailQueue, PgOneTimeTokens,
    PgPasscodes, PgPasskeys, PgProjection, PgRebuilds, PgSessions, PgViews, PgWebhooks, Postgres,
};
use posthaste_infrastructure::rabbitmq::RabbitMq;
use posthaste_infrastructure::redis::{self, RedisPing, RedisPresence, RedisRateLimiter, RedisSignals, RedisTickets};
use posthaste_infrastructure::reqwest::HttpPoster;
use posthaste_infrastructure::system::{SystemClock, SystemIds, SystemRandomness};
use posthaste_infrastructure::webauthn::WebauthnParty;
use uuid::Uuid;

use self::auth::{accepted_keys, cipher, kept_cipher, kept_signing_key, passwords, signing_key, tokens};
use crate::config::{Config, DistributedConfig, EmbeddedConfig, PostgresConfig, WebhookConfig};

/// Every port of the configured profile.
pub(crate) async fn ports(config: &Config) -> anyhow::Result<Ports> {
    match config {
        Config::Embedded(embedded_config) => embedded(embedded_config, config).await,
        Config::Distributed(distributed_config) => distributed(distributed_config, config).await,
    }
}

/// The event log alone, to look at: it is not written to, and of the embedded profile nothing is locked.
pub(crate) async fn log(config: &Config) -> anyhow::Result<Arc<dyn EventLog>> {
    match config {
        Config::Embedded(config) => {
            let database = Database::open_read_only(&config.embedded.data)?;
            let keyring = content::embedded(config, &database, Access::Read).await?;
            Ok(content::sealed(SqliteLog::new(database, Arc::new(SystemClock)), &keyring))
        }
        Config::Distributed(config) => {
            let postgres = connect(&config.postgres).await?;
            let keyring = content::distributed(config, &postgres, Access::Read).await?;
            Ok(content::sealed(PgLog::new(postgres), &keyring))
        }
    }
}

/// The same as it is stored, for whoever only compares: no key is needed, and nothing that is sealed can be read.
pub(crate) async fn stored_log(config: &Config) -> anyhow::Result<Arc<dyn EventLog>> {
    match config {
        Config::Embedded(config) => {
            let database = Database::open_read_only(&config.embedded.data)?;
            Ok(Arc::new(SqliteLog::new(database, Arc::new(SystemClock))))
        }
        Config::Distributed(config) => Ok(Arc::new(PgLog::new(connect(&config.postgres).await?))),
    }
}

/// What is stored of deliveries.
pub(crate) struct Audit {
    /// The event log.
    pub(crate) log: Arc<dyn EventLog>,
    /// How far each device has come.
    pub(crate) cursors: Arc<dyn Cursors>,
    /// How far the relay has come.
    pub(crate) relay: Arc<dyn RelayLease>,
}

/// What is stored of deliveries, to look at, as [`log`].
pub(crate) async fn audit(config: &Config) -> anyhow::Result<Audit> {
    match config {
        Config::Embedded(config) => {
            let (database, clock) = (Database::open_read_only(&config.embedded.data)?, Arc::new(SystemClock));
            let cursors = Arc::new(SqliteCursors::new(Arc::clone(&database)));
            let relay = Arc::new(SqliteLease::new(Arc::clone(&database), Arc::<SystemClock>::clone(&clock)));
            let keyring = content::embedded(config, &database, Access::Read).await?;
            Ok(Audit { log: content::sealed(SqliteLog::new(database, clock), &keyring), cursors, relay })
        }
        Config::Distributed(config) => {
            let postgres = connect(&config.postgres).await?;
            let (cursors, relay) = (Arc::new(PgCursors::new(postgres.clone())), Arc::new(PgLease::new(postgres.clone())));
            let keyring = content::distributed(config, &postgres, Access::Read).await?;
            Ok(Audit { log: content::sealed(PgLog::new(postgres), &keyring), cursors, relay })
        }
    }
}

/// Where the views are.
pub(crate) enum Kept {
    /// In a database: whoever wants to can build others beside them.
    Stored(Arc<dyn Rebuilds>),
    /// In the memory of the server that runs.
    InMemory(Arc<dyn Desk>),
    /// Nowhere: a server would fold them when it starts.
    Nowhere,
}

/// The log and the views, for an operator.
pub(crate) async fn views(config: &Config) -> anyhow::Result<(Arc<dyn EventLog>, Kept)> {
    match config {
        Config::Embedded(embedded) if Database::is_in_use(&embedded.embedded.data) => {
            let database = Database::open_beside(&embedded.embedded.data)?;
            let desk = Arc::new(SqliteDesk::new(Arc::clone(&database)));
            let keyring = content::embedded(embedded, &database, Access::Read).await?;
            Ok((content::sealed(SqliteLog::new(database, Arc::new(SystemClock)), &keyring), Kept::InMemory(desk)))
        }
        Config::Embedded(_) => Ok((log(config).await?, Kept::Nowhere)),
        Config::Distributed(config) => {
            let postgres = connect(&config.postgres).await?;
            let keyring = content::distributed(config, &postgres, Access::Read).await?;
            Ok((content::sealed(PgLog::new(postgres.clone()), &keyring), Kept::Stored(Arc::new(PgRebuilds::new(postgres)))))
        }
    }
}

/// Whether a server runs on the data folder of the embedded profile.
pub(crate) fn is_served(config: &Config) -> bool {
    match config {
        Config::Embedded(config) => Database::is_in_use(&config.embedded.data),
        Config::Distributed(_) => false,
    }
}

/// The way into an empty log. No server may run on it.
pub(crate) async fn log_import(config: &Config) -> anyhow::Result<Arc<dyn LogImport>> {
    match config {
        Config::Embedded(config) => Ok(Arc::new(SqliteImport::new(Database::open(&config.embedded.data)?))),
        Config::Distributed(config) => {
            // The schema is there, and the one that this program needs.
            connect(&config.postgres).await?;
            Ok(Arc::new(PgImport::new(owner(&config.postgres)?).context("postgres.owner_url cannot be used")?))
        }
    }
}

/// What says who asks too often: what all nodes count together, and what this one counts by itself.
pub(crate) fn limiter(config: &Config, ports: &Ports) -> Limiter {
    let node = Arc::new(InProcessRateLimiter::new(Arc::clone(&ports.clock)));
    Limiter::new(Arc::clone(&ports.limiter), node, config.limits().policies())
}

/// What stands between the service and those who ask it.
pub(crate) fn edges(config: &Config) -> anyhow::Result<Edges> {
    let server = config.server();
    let proxies = server.proxies().map_err(anyhow::Error::msg)?;
    Ok(Edges { proxies, origins: config.gateway().origins().map_err(anyhow::Error::msg)?, behind_tls: server.behind_tls })
}

/// What passkeys are made for, if anything.
fn relying_party(config: &Config) -> anyhow::Result<Option<Arc<dyn RelyingParty>>> {
    let (domain, name) = config.passkeys();
    let origins = edges(config)?.origins;
    let party =
        domain.map(|domain| WebauthnParty::new(domain, name, &origins)).transpose().context("auth.passkey_domain cannot be used")?;
    Ok(party.map(|party| Arc::new(party) as _))
}

/// What exports spans, if that is configured.
pub(crate) fn telemetry(config: &Config) -> anyhow::Result<Option<Otlp>> {
    config.telemetry().settings().map(Otlp::start).transpose().context("telemetry cannot be used")
}

/// What seals the log while the relay of this name holds the lease, if that is configured.
pub(crate) fn sealer(config: &Config, ports: &Ports, holder: Uuid) -> anyhow::Result<Option<Sealer>> {
    let Some((file, key)) = config.seals().files() else { return Ok(None) };
    let (log, lease, clock) = (Arc::clone(&ports.log), Arc::clone(&ports.relay), Arc::clone(&ports.clock));
    Ok(Some(Sealer::new(log, lease, seal_store(file), clock, seal_key(key)?, holder, config.seals().timing())))
}

/// The seals in a file.
pub(crate) fn seal_store(file: &Path) -> Arc<dyn SealStore> {
    Arc::new(SealFile::new(file))
}

/// The key in a file that signs seals.
pub(crate) fn seal_key(file: &Path) -> anyhow::Result<SealKey> {
    file::read_key(file).with_context(|| format!("cannot use the key in {}", file.display()))
}

/// The key in a file that seals are checked with.
pub(crate) fn public_key(file: &Path) -> anyhow::Result<PublicKey> {
    file::read_public_key(file).with_context(|| format!("cannot use the public key in {}", file.display()))
}

/// Makes a key, and says where the public part of it is.
pub(crate) fn generate_seal_key(file: &Path) -> anyhow::Result<PathBuf> {
    file::generate_key(file).with_context(|| format!("cannot make a key in {}", file.display()))
}

/// The clock of this machine.
pub(crate) fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock)
}

/// Whether a configuration can be used, as far as that can be told without connecting to anything.
pub(crate) fn check(config: &Config) -> anyhow::Result<()> {
    endpoints(config)?;
    oidc::providers(config.oidc(), &clock())?;
    edges(config)?;
    relying_party(config)?;
    config.telemetry().settings().map_or(Ok(()), |settings| settings.check()).context("telemetry cannot be used")?;
    match config {
        Config::Embedded(config) => {
            mail::mailer(&config.mail, Some(&config.embedded.data))?;
            passwords(&config.auth)?;
            accepted_keys(&config.auth)?;
            config.auth.factor_key.as_ref().map_or(Ok(()), |key| cipher(key).map(drop))?;
            content::check(&config.content, config.content.master_key.as_ref())?;
            config.auth.signing_key.as_ref().map_or(Ok(()), |key| signing_key(key).map(drop))
        }
        Config::Distributed(config) => {
            mail::mailer(&config.mail, None)?;
            passwords(&config.auth)?;
            signing_key(&config.auth.signing_key)?;
            cipher(&config.auth.factor_key)?;
            accepted_keys(&config.auth)?;
            content::check(&config.content, Some(&config.content.master_key))?;
            postgres::check_url(config.postgres.url.reveal()).context("postgres.url cannot be used")?;
            RabbitMq::new(config.rabbitmq.url.reveal()).context("rabbitmq.url cannot be used")?;
            redis::check_url(config.redis.url.reveal()).context("redis.url cannot be used")
        }
    }
}

/// Brings the schema up to date.
pub(crate) async fn migrate(config: anyhow::Result<Config>) -> anyhow::Result<postgres::Migrated> {
    match config? {
        Config::Embedded(_) => bail!("the embedded profile needs no migration: it brings its file up to date when it starts"),
        Config::Distributed(config) => Ok(postgres::migrate(owner(&config.postgres)?).await?),
    }
}

/// The URL of the role that owns the schema.
fn owner(config: &PostgresConfig) -> anyhow::Result<&str> {
    let owner = config.owner_url.as_ref().map(|owner| owner.reveal());
    owner.context("postgres.owner_url is missing: give the URL of the role that owns the schema (POSTHASTE_POSTGRES__OWNER_URL)")
}

async fn embedded(config: &EmbeddedConfig, whole: &Config) -> anyhow::Result<Ports> {
    let (clock, ids): (Arc<dyn Clock>, Arc<dyn Ids>) = (Arc::new(SystemClock), Arc::new(SystemIds));
    let endpoints = endpoints(whole)?;
    let database = Database::open(&config.embedded.data)?;
    let signing_key = match &config.auth.signing_key {
        Some(key) => signing_key(key)?,
        None => kept_signing_key(&config.embedded.data)?,
    };
    let cipher = match &config.auth.factor_key {
        Some(key) => cipher(key)?,
        None => kept_cipher(&config.embedded.data)?,
    };
    let dead = Arc::new(SqliteDeadLetters::new(Arc::clone(&database), Arc::clone(&clock)));
    let desk = Arc::new(SqliteDesk::new(Arc::clone(&database)));
    let views = Arc::new(MemoryViews::new(&dead));
    let keyring = content::embedded(config, &database, Access::Write).await?;
    let log = content::sealed(SqliteLog::new(Arc::clone(&database), Arc::clone(&clock)), &keyring);
    let webhooks = match consumer(&endpoints) {
        Some(consumer) => {
            let queue = SqliteQueue::declare(Arc::clone(&log), Arc::clone(&database), consumer).await?;
            let store = SqliteWebhooks::new(Arc::clone(&database), Arc::clone(&clock));
            Some(webhook_ports(whole, Arc::new(store), Arc::new(queue), endpoints))
        }
        None => None,
    };
    Ok(Ports {
        log,
        keyring,
        accounts: Arc::new(SqliteAccounts::new(Arc::clone(&database))),
        sessions: Arc::new(SqliteSessions::new(Arc::clone(&database))),
        factors: Arc::new(SqliteFactors::new(Arc::clone(&database))),
        passkeys: Arc::new(SqlitePasskeys::new(Arc::clone(&database))),
        relying_party: relying_party(whole)?,
        identities: Arc::new(SqliteIdentities::new(Arc::clone(&database))),
        providers: oidc::providers(&config.oidc, &clock)?,
        passcodes: Arc::new(SqlitePasscodes::new(Arc::clone(&database))),
        cursors: Arc::new(SqliteCursors::new(Arc::clone(&database))),
        one_time: Arc::new(SqliteOneTimeTokens::new(Arc::clone(&database))),
        mail: mail::ports(&config.mail, Some(&config.embedded.data), Arc::new(SqliteMailQueue::new(Arc::clone(&database))))?,
        relay: Arc::new(SqliteLease::new(database, Arc::clone(&clock))),
        broker: Arc::new(InProcessBroker::default()),
        presence: Arc::new(InProcessPresence::new(Arc::clone(&clock))),
        limiter: Arc::new(InProcessRateLimiter::new(Arc::clone(&clock))),
        signals: Arc::new(InProcessSignals::default()),
        tickets: Arc::new(InProcessTickets::new(Arc::clone(&clock))),
        projections: views.projections(),
        rebuilds: Arc::new(views.rebuilds()),
        views,
        dead,
        passwords: passwords(&config.auth)?,
        cipher: Arc::new(cipher),
        tokens: tokens(&config.auth, &signing_key, &clock)?,
        clock,
        ids,
        webhooks,
        desk: Some(desk),
        dependencies: Vec::new(),
    })
}

async fn distributed(config: &DistributedConfig, whole: &Config) -> anyhow::Result<Ports> {
    let (clock, ids): (Arc<dyn Clock>, Arc<dyn Ids>) = (Arc::new(SystemClock), Arc::new(SystemIds));
    // What costs nothing to check is checked before anything is connected to.
    let tokens = tokens(&config.auth, &signing_key(&config.auth.signing_key)?, &clock)?;
    let (passwords, cipher) = (passwords(&config.auth)?, Arc::new(cipher(&config.auth.factor_key)?));
    content::check(&config.content, Some(&config.content.master_key))?;
    let relying_party = relying_party(whole)?;
    let (endpoints, providers) = (endpoints(whole)?, oidc::providers(&config.oidc, &clock)?);
    let consumer = consumer(&endpoints);
    let postgres = connect(&config.postgres).await?;
    let keyring = content::distributed(config, &postgres, Access::Write).await?;
    let broker = RabbitMq::new(config.rabbitmq.url.reveal()).context("rabbitmq.url cannot be used")?;
    let broker = broker.with_consumers(consumer.iter().cloned().collect());
    broker
        .declare()
        .await
        .context("RabbitMQ (rabbitmq.url) cannot be used: is it running, and has the user rights on the virtual host?")?;
    let connection = redis::connect(config.redis.url.reveal()).await.context("Redis (redis.url) cannot be used: is it running?")?;
    let webhooks = consumer.map(|consumer| {
        let (store, queue) = (Arc::new(PgWebhooks::new(postgres.clone())), broker.queue(&consumer));
        webhook_ports(whole, store, queue, endpoints)
    });
    let signals =
        RedisSignals::connect(config.redis.url.reveal(), &config.redis.prefix).await.context("Redis (redis.url) cannot be used")?;
    let limiter = RedisRateLimiter::connect(config.redis.url.reveal(), config.redis.prefix.clone()).await;
    let limiter = limiter.context("Redis (redis.url) cannot be used")?;
    Ok(Ports {
        log: content::sealed(PgLog::new(postgres.clone()), &keyring),
        keyring: Arc::clone(&keyring),
        accounts: Arc::new(PgAccounts::new(postgres.clone())),
        sessions: Arc::new(PgSessions::new(postgres.clone())),
        factors: Arc::new(PgFactors::new(postgres.clone())),
        passkeys: Arc::new(PgPasskeys::new(postgres.clone())),
        relying_party,
        identities: Arc::new(PgIdentities::new(postgres.clone())),
        providers,
        passcodes: Arc::new(PgPasscodes::new(postgres.clone())),
        cursors: Arc::new(PgCursors::new(postgres.clone())),
        one_time: Arc::new(PgOneTimeTokens::new(postgres.clone())),
        mail: mail::ports(&config.mail, None, Arc::new(PgMailQueue::new(postgres.clone())))?,
        relay: Arc::new(PgLease::new(postgres.clone())),
        broker: Arc::new(SealedFeed::new(Arc::new(broker), keyring)),
        presence: Arc::new(RedisPresence::new(connection.clone(), config.redis.prefix.clone())),
        limiter: Arc::new(limiter),
        signals: Arc::new(signals),
        tickets: Arc::new(RedisTickets::new(connection.clone(), config.redis.prefix.clone())),
        projections: PgProjection::all(&postgres),
        rebuilds: Arc::new(PgRebuilds::new(postgres.clone())),
        dead: Arc::new(PgDeadLetters::new(postgres.clone())),
        dependencies: vec![Arc::new(postgres.clone()), Arc::new(RedisPing::new(connection))],
        views: Arc::new(PgViews::new(postgres)),
        passwords,
        cipher,
        tokens,
        clock,
        ids,
        webhooks,
        desk: None,
    })
}

async fn connect(config: &PostgresConfig) -> anyhow::Result<Postgres> {
    Postgres::connect(driver(config)).await.context("PostgreSQL (postgres.url) cannot be used")
}

fn driver(config: &PostgresConfig) -> postgres::PostgresConfig {
    let mut driver = postgres::PostgresConfig::new(config.url.reveal());
    driver.connections = config.connections;
    driver
}

/// The configured endpoints, and the way to each.
fn endpoints(config: &Config) -> anyhow::Result<Vec<(Endpoint, Arc<dyn Poster>)>> {
    let (webhooks, delivery) = config.webhooks();
    let way = |webhook: &WebhookConfig| {
        let endpoint = webhook.endpoint();
        let poster = HttpPoster::new(webhook.url.reveal(), webhook.secret.reveal(), delivery.timeout());
        let poster = poster.with_context(|| format!("the webhook {} cannot be used", endpoint.name))?;
        Ok((endpoint, Arc::new(poster) as Arc<dyn Poster>))
    };
    webhooks.iter().map(way).collect()
}

fn consumer(endpoints: &[(Endpoint, Arc<dyn Poster>)]) -> Option<Consumer> {
    webhooks::consumer(&endpoints.iter().map(|(endpoint, _)| endpoint.clone()).collect::<Vec<_>>())
}

fn webhook_ports(
    config: &Config,
    store: Arc<dyn Webhooks>,
    queue: Arc<dyn EventQueue>,
    endpoints: Vec<(Endpoint, Arc<dyn Poster>)>,
) -> WebhookPorts {
    let patience = config.webhooks().1.patience();
    WebhookPorts { store, queue, randomness: Arc::new(SystemRandomness), endpoints, patience }
}
