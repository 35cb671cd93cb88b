//! Has every adapter of a profile looked at, as far as it can be reached: what one cannot be asked does not keep the others from it.

use std::path::Path;
use std::sync::Arc;

use posthaste_application::content::keyring::{Access, Keyring};
use posthaste_application::doctor::{self, Finding};
use posthaste_application::health::Progress;
use posthaste_application::port::{DeadLetters, EventLog, Projection, RelayLease};
use posthaste_infrastructure::embedded::{self, Database, SqliteDeadLetters, SqliteLease, SqliteLog};
use posthaste_infrastructure::file;
use posthaste_infrastructure::postgres::{self, PgDeadLetters, PgLease, PgLog, PgProjection};
use posthaste_infrastructure::rabbitmq::RabbitMq;
use posthaste_infrastructure::redis;
use posthaste_infrastructure::system::SystemClock;

use super::{connect, consumer, content, driver, endpoints};
use crate::config::{Config, DistributedConfig, EmbeddedConfig};

/// Everything that was found.
pub(crate) async fn examine(config: &Config) -> Vec<Finding> {
    let mut findings = match config {
        Config::Embedded(config) => embedded(config).await,
        Config::Distributed(distributed_config) => distributed(distributed_config, config).await,
    };
    if let Some((seals, _)) = config.seals().files() {
        let folder = seals.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        findings.push(of_disk("the seals are", folder));
    }
    findings
}

fn of_disk(what: &str, folder: &Path) -> Finding {
    match file::free_bytes(folder) {
        Ok(free) => doctor::of_disk(what, free),
        Err(error) => Finding::fail("disk", format!("{}: {error}", folder.display()), "see that the folder is there"),
    }
}

async fn embedded(config: &EmbeddedConfig) -> Vec<Finding> {
    let folder = &config.embedded.data;
    let mut findings = vec![embedded::examine_folder(folder), of_disk("the data is", folder)];
    if let Ok(database) = Database::open_read_only(folder) {
        let clock: Arc<SystemClock> = Arc::new(SystemClock);
        findings.push(of_content(content::embedded(config, &database, Access::Read).await).await);
        let (log, relay) =
            (SqliteLog::new(Arc::clone(&database), Arc::clone(&clock) as _), SqliteLease::new(Arc::clone(&database), clock.clone()));
        let dead = SqliteDeadLetters::new(database, clock);
        // Its views are in memory, and built from the log at each start.
        findings.extend(of_log(&log, &relay, &[], &dead).await);
    }
    findings
}

async fn distributed(config: &DistributedConfig, whole: &Config) -> Vec<Finding> {
    let mut findings = postgres::examine(&driver(&config.postgres), &SystemClock).await;
    // Refuses whatever the findings have named.
    if let Ok(postgres) = connect(&config.postgres).await {
        findings.push(of_content(content::distributed(config, &postgres, Access::Read).await).await);
        let (log, relay) = (PgLog::new(postgres.clone()), PgLease::new(postgres.clone()));
        let dead = PgDeadLetters::new(postgres.clone());
        findings.extend(of_log(&log, &relay, &PgProjection::all(&postgres), &dead).await);
    }
    let consumers = endpoints(whole).map(|endpoints| consumer(&endpoints).into_iter().collect());
    match (RabbitMq::new(config.rabbitmq.url.reveal()), consumers) {
        (Ok(broker), Ok(consumers)) => findings.extend(broker.with_consumers(consumers).examine().await),
        (Err(error), _) => findings.push(Finding::fail("broker", format!("rabbitmq.url cannot be used: {error}"), "see config print")),
        (_, Err(error)) => findings.push(Finding::fail("webhooks", format!("{error:#}"), "see docs/WEBHOOKS.md")),
    }
    findings.push(redis::examine(config.redis.url.reveal()).await);
    findings
}

async fn of_content(keyring: anyhow::Result<Arc<Keyring>>) -> Finding {
    match keyring {
        Ok(keyring) => doctor::of_content(&keyring).await,
        Err(error) => Finding::fail(
            "content",
            format!("{error:#}"),
            "give content.master_key, and what keys were wrapped by before in content.accepted_keys",
        ),
    }
}

async fn of_log(log: &dyn EventLog, relay: &dyn RelayLease, projections: &[Arc<dyn Projection>], dead: &dyn DeadLetters) -> Vec<Finding> {
    let mut findings = vec![doctor::of_log(log).await];
    match Progress::look(log, relay, projections).await {
        Ok(progress) => findings.extend(doctor::of_progress(&progress)),
        Err(error) => findings.push(Finding::fail("relay", format!("checkpoints cannot be read: {error}"), "see what the database says")),
    }
    match dead.counts().await {
        Ok(counts) => findings.push(doctor::of_dead_letters(&counts)),
        Err(error) => findings.push(Finding::fail("dead letters", format!("they cannot be read: {error}"), "see what the database says")),
    }
    findings
}
