//! What personal content is sealed by, and the logs that do it.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use posthaste_application::content::keyring::{Access, Keyring};
use posthaste_application::content::log::SealedLog;
use posthaste_application::content::{MasterKey, MasterKeys};
use posthaste_application::port::{ContentKeys, EventLog};
use posthaste_infrastructure::embedded::{Database, SqliteKeys, content_key, kept_content_key};
use posthaste_infrastructure::postgres::{PgKeys, Postgres};
use posthaste_infrastructure::system::SystemRandomness;

use super::auth::text;
use crate::config::{ContentConfig, DistributedConfig, EmbeddedConfig, Secret};

/// The keys of the embedded profile. The master key is made if there is none, and nothing yet that one would be needed for.
pub(super) async fn embedded(config: &EmbeddedConfig, database: &Arc<Database>, access: Access) -> anyhow::Result<Arc<Keyring>> {
    let keys = Arc::new(SqliteKeys::new(Arc::clone(database)));
    let folder = &config.embedded.data;
    let current = match &config.content.master_key {
        Some(key) => master_key(key)?,
        None => kept(folder, &*keys, access).await?,
    };
    keyring(&config.content, current, keys, access).await
}

/// The keys of the distributed profile.
pub(super) async fn distributed(config: &DistributedConfig, postgres: &Postgres, access: Access) -> anyhow::Result<Arc<Keyring>> {
    keyring(&config.content, master_key(&config.content.master_key)?, Arc::new(PgKeys::new(postgres.clone())), access).await
}

/// A log, sealed and opened by these keys.
pub(super) fn sealed(log: impl EventLog + 'static, keyring: &Arc<Keyring>) -> Arc<dyn EventLog> {
    Arc::new(SealedLog::new(Arc::new(log), Arc::clone(keyring)))
}

/// Whether the configured keys are such keys.
pub(super) fn check<S>(config: &ContentConfig<S>, current: Option<&Secret>) -> anyhow::Result<()> {
    current.map_or(Ok(()), |key| master_key(key).map(drop))?;
    accepted_keys(config).map(drop)
}

/// Refuses keys that the master keys do not open, before anything is read that would be wanting.
async fn keyring<S>(
    config: &ContentConfig<S>,
    current: MasterKey,
    keys: Arc<dyn ContentKeys>,
    access: Access,
) -> anyhow::Result<Arc<Keyring>> {
    let masters = MasterKeys::new(current, accepted_keys(config)?);
    let keyring = Keyring::new(keys, masters, Arc::new(SystemRandomness), config.sealing(), access);
    keyring.check().await.context("the keys of what people said cannot be used")?;
    Ok(Arc::new(keyring))
}

async fn kept(folder: &Path, keys: &dyn ContentKeys, access: Access) -> anyhow::Result<MasterKey> {
    let text = match kept_content_key(folder).context("the master key in the data folder cannot be read")? {
        Some(text) => text,
        None if !keys.list(None, 1).await?.is_empty() => {
            bail!("content.key is missing in the data folder, and what people said cannot be read without it: put it back")
        }
        // Nothing is sealed yet, so any will do to look with.
        None if access == Access::Read => MasterKey::generate(&SystemRandomness),
        None => {
            content_key(folder, || MasterKey::generate(&SystemRandomness)).context("the master key cannot be kept in the data folder")?
        }
    };
    MasterKey::parse(&text).context("the master key in the data folder (content.key) cannot be used")
}

fn master_key(key: &Secret) -> anyhow::Result<MasterKey> {
    text(key).and_then(|text| Ok(MasterKey::parse(&text)?)).context("content.master_key cannot be used")
}

fn accepted_keys<S>(config: &ContentConfig<S>) -> anyhow::Result<Vec<MasterKey>> {
    let key = |key| text(key).and_then(|text| Ok(MasterKey::parse(&text)?));
    config.accepted_keys.iter().map(key).collect::<anyhow::Result<_>>().context("content.accepted_keys cannot be used")
}
