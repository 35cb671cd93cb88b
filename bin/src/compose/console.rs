//! What whoever sits at the console does: recorded as the servers record what they are asked, by nobody.

use std::sync::Arc;

use posthaste_application::append::append_queue;
use posthaste_application::content::keyring::Access;
use posthaste_application::execute::{Decidable, Doorkeeper, Envelope, ExecuteError, Executed, Executor};
use posthaste_application::port::{Clock, DeadLetters, EventLog, Ids, Passcodes, Passwords, Webhooks};
use posthaste_domain::CommandId;
use posthaste_infrastructure::embedded::{Database, SqliteDeadLetters, SqliteLog, SqlitePasscodes, SqliteWebhooks};
use posthaste_infrastructure::postgres::{PgDeadLetters, PgLog, PgPasscodes, PgWebhooks};
use posthaste_infrastructure::system::{SystemClock, SystemIds};

use super::{connect, content, passwords};
use crate::config::Config;

/// Executes commands, as the servers do. Those that run find out from the log, within a second or two.
pub(crate) struct Console {
    /// What executes them.
    pub(crate) executor: Executor,
    /// New identifiers.
    pub(crate) ids: Arc<dyn Ids>,
    clock: Arc<dyn Clock>,
}

impl Console {
    pub(super) fn new(config: &Config, log: Arc<dyn EventLog>, passcodes: Arc<dyn Passcodes>, passwords: Arc<dyn Passwords>) -> Self {
        let (queue, appender) = append_queue(Arc::clone(&log));
        tokio::spawn(appender.run());
        let executor = Executor::new(log, queue, config.rules().rules(), Doorkeeper::new(passcodes, passwords));
        Self { executor, ids: Arc::new(SystemIds), clock: Arc::new(SystemClock) }
    }

    /// What goes around something new that the server itself asks.
    pub(crate) fn envelope(&self) -> Envelope {
        let command = CommandId::new(self.ids.next());
        Envelope { command, actor: None, correlation: self.ids.next(), at: self.clock.now() }
    }

    /// Executes what the server itself asks.
    pub(crate) async fn execute(&self, asked: impl Decidable) -> Result<Executed, ExecuteError> {
        self.executor.execute(self.envelope(), asked).await
    }
}

/// What an operator works on beside the servers that run: nothing is locked, for it may be waited for a server to start.
pub(crate) struct Operator {
    /// The log.
    pub(crate) log: Arc<dyn EventLog>,
    /// The dead letters.
    pub(crate) letters: Arc<dyn DeadLetters>,
    /// The inboxes of the webhooks.
    pub(crate) webhooks: Arc<dyn Webhooks>,
    /// Records what is done.
    pub(crate) console: Console,
}

/// Of the configured profile.
pub(crate) async fn operator(config: &Config) -> anyhow::Result<Operator> {
    match config {
        Config::Embedded(embedded) => {
            let (database, clock) = (Database::open_beside(&embedded.embedded.data)?, Arc::new(SystemClock));
            let keyring = content::embedded(embedded, &database, Access::Write).await?;
            let log = content::sealed(SqliteLog::new(Arc::clone(&database), Arc::<SystemClock>::clone(&clock)), &keyring);
            let passcodes = Arc::new(SqlitePasscodes::new(Arc::clone(&database)));
            let console = Console::new(config, Arc::clone(&log), passcodes, passwords(&embedded.auth)?);
            let webhooks = Arc::new(SqliteWebhooks::new(Arc::clone(&database), Arc::<SystemClock>::clone(&clock)));
            Ok(Operator { log, letters: Arc::new(SqliteDeadLetters::new(database, clock)), webhooks, console })
        }
        Config::Distributed(distributed) => {
            let postgres = connect(&distributed.postgres).await?;
            let keyring = content::distributed(distributed, &postgres, Access::Write).await?;
            let log = content::sealed(PgLog::new(postgres.clone()), &keyring);
            let passcodes = Arc::new(PgPasscodes::new(postgres.clone()));
            let console = Console::new(config, Arc::clone(&log), passcodes, passwords(&distributed.auth)?);
            let webhooks = Arc::new(PgWebhooks::new(postgres.clone()));
            Ok(Operator { log, letters: Arc::new(PgDeadLetters::new(postgres)), webhooks, console })
        }
    }
}
