//! What an operator needs to look after people, beside the servers that run.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use posthaste_application::content::keyring::{Access, Keyring};
use posthaste_application::port::{
    Accounts, Cursors, EventLog, Factors, Identities, MailQueue, OneTimeTokens, Passcodes, Passkeys, Passwords, Presence, Sessions,
};
use posthaste_application::project::Projector;
use posthaste_application::shared_tail::SharedTail;
use posthaste_application::view::{ViewName, Views};
use posthaste_infrastructure::embedded::{
    Database, MemoryViews, OpenError, SqliteAccounts, SqliteCursors, SqliteFactors, SqliteIdentities, SqliteLog, SqliteMailQueue,
    SqliteOneTimeTokens, SqlitePasscodes, SqlitePasskeys, SqliteSessions,
};
use posthaste_infrastructure::postgres::{
    PgAccounts, PgCursors, PgFactors, PgIdentities, PgLog, PgMailQueue, PgOneTimeTokens, PgPasscodes, PgPasskeys, PgSessions, PgViews,
};
use posthaste_infrastructure::redis::{self, RedisPresence};
use posthaste_infrastructure::system::SystemClock;

use super::auth::passwords;
use super::console::Console;
use super::{connect, content};
use crate::config::Config;

/// The accounts of a deployment, and the way to change them.
pub(crate) struct People {
    /// Executes commands.
    pub(crate) console: Console,
    /// The keys of what they said.
    pub(crate) keyring: Arc<Keyring>,
    /// The log.
    pub(crate) log: Arc<dyn EventLog>,
    /// Credentials.
    pub(crate) accounts: Arc<dyn Accounts>,
    /// Logins.
    pub(crate) sessions: Arc<dyn Sessions>,
    /// Second factors.
    pub(crate) factors: Arc<dyn Factors>,
    /// What they log in with instead of a password.
    pub(crate) passkeys: Arc<dyn Passkeys>,
    /// Accounts somewhere else that they log in with.
    pub(crate) identities: Arc<dyn Identities>,
    /// Tokens that were sent to them.
    pub(crate) one_time: Arc<dyn OneTimeTokens>,
    /// The mails that are owed to them.
    pub(crate) mail: Arc<dyn MailQueue>,
    /// Password hashes.
    pub(crate) passwords: Arc<dyn Passwords>,
    /// The devices.
    pub(crate) cursors: Arc<dyn Cursors>,
    /// Who is connected; only the server of the embedded profile knows.
    pub(crate) presence: Option<Arc<dyn Presence>>,
}

/// What is stored, whatever it is stored in.
struct Stores {
    keyring: Arc<Keyring>,
    log: Arc<dyn EventLog>,
    accounts: Arc<dyn Accounts>,
    sessions: Arc<dyn Sessions>,
    factors: Arc<dyn Factors>,
    passkeys: Arc<dyn Passkeys>,
    identities: Arc<dyn Identities>,
    one_time: Arc<dyn OneTimeTokens>,
    mail: Arc<dyn MailQueue>,
    passcodes: Arc<dyn Passcodes>,
    cursors: Arc<dyn Cursors>,
    passwords: Arc<dyn Passwords>,
    presence: Option<Arc<dyn Presence>>,
}

/// The accounts of the configured profile. The data folder of the embedded one is opened beside the server that may be running on it.
/// What is not there yet is made only if it `may_begin`.
pub(crate) async fn people(config: &Config, may_begin: bool) -> anyhow::Result<People> {
    let stores = match config {
        Config::Embedded(config) => {
            let database = open(&config.embedded.data, may_begin)?;
            let keyring = content::embedded(config, &database, Access::Write).await?;
            Stores {
                log: content::sealed(SqliteLog::new(Arc::clone(&database), Arc::new(SystemClock)), &keyring),
                keyring,
                accounts: Arc::new(SqliteAccounts::new(Arc::clone(&database))),
                sessions: Arc::new(SqliteSessions::new(Arc::clone(&database))),
                factors: Arc::new(SqliteFactors::new(Arc::clone(&database))),
                passkeys: Arc::new(SqlitePasskeys::new(Arc::clone(&database))),
                identities: Arc::new(SqliteIdentities::new(Arc::clone(&database))),
                one_time: Arc::new(SqliteOneTimeTokens::new(Arc::clone(&database))),
                mail: Arc::new(SqliteMailQueue::new(Arc::clone(&database))),
                passcodes: Arc::new(SqlitePasscodes::new(Arc::clone(&database))),
                cursors: Arc::new(SqliteCursors::new(database)),
                passwords: passwords(&config.auth)?,
                presence: None,
            }
        }
        Config::Distributed(config) => {
            let postgres = connect(&config.postgres).await?;
            // Without Redis everything can be done that is lasting.
            let presence = redis::connect(config.redis.url.reveal()).await.ok();
            let presence = presence.map(|connection| Arc::new(RedisPresence::new(connection, config.redis.prefix.clone())) as _);
            let keyring = content::distributed(config, &postgres, Access::Write).await?;
            Stores {
                log: content::sealed(PgLog::new(postgres.clone()), &keyring),
                keyring,
                accounts: Arc::new(PgAccounts::new(postgres.clone())),
                sessions: Arc::new(PgSessions::new(postgres.clone())),
                factors: Arc::new(PgFactors::new(postgres.clone())),
                passkeys: Arc::new(PgPasskeys::new(postgres.clone())),
                identities: Arc::new(PgIdentities::new(postgres.clone())),
                one_time: Arc::new(PgOneTimeTokens::new(postgres.clone())),
                mail: Arc::new(PgMailQueue::new(postgres.clone())),
                passcodes: Arc::new(PgPasscodes::new(postgres.clone())),
                cursors: Arc::new(PgCursors::new(postgres)),
                passwords: passwords(&config.auth)?,
                presence,
            }
        }
    };
    let Stores { keyring, log, accounts, sessions, factors, identities, passkeys, one_time, mail, passcodes, cursors, passwords, presence } =
        stores;
    let console = Console::new(config, Arc::clone(&log), passcodes, Arc::clone(&passwords));
    Ok(People { console, keyring, log, accounts, sessions, factors, identities, passkeys, one_time, mail, passwords, cursors, presence })
}

/// The data folder: alone if no server runs on it, else beside the server.
fn open(folder: &Path, may_begin: bool) -> anyhow::Result<Arc<Database>> {
    if !may_begin {
        // Refuses a folder with nothing in it, which would otherwise be begun by whoever mistypes its name.
        Database::open_read_only(folder)?;
    }
    match Database::open(folder) {
        Err(OpenError::InUse { .. }) => Ok(Database::open_beside(folder)?),
        opened => Ok(opened?),
    }
}

/// What the view of the people answers. That of the embedded profile is folded here from the log as it is now; its other views stay empty.
pub(crate) async fn views(config: &Config) -> anyhow::Result<Arc<dyn Views>> {
    if let Config::Distributed(config) = config {
        return Ok(Arc::new(PgViews::new(connect(&config.postgres).await?)));
    }
    let (log, views) = (super::log(config).await?, MemoryViews::default());
    let people = views.projections().into_iter().find(|projection| projection.name() == ViewName::People.as_str());
    let mut projector = Projector::new(Arc::new(SharedTail::new(log)), people.context("there is a view of the people")?);
    while projector.step().await? > 0 {}
    Ok(Arc::new(views))
}
