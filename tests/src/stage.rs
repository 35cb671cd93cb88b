//! A server of either profile, for tests that must hold on both.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use chrono::{DateTime, Utc};
use posthaste_application::port::{Clock, EventLog};
use posthaste_infrastructure::embedded::{self, SqliteLog};
use posthaste_infrastructure::postgres::{PgLog, Postgres, PostgresConfig};
use posthaste_infrastructure::system::SystemClock;
use tokio::sync::OnceCell;
use tokio::time::{Instant, sleep};

use crate::actor::User;
use crate::node::{make_admin, migrate};
use crate::services::{Scratch, connect};
use crate::{Node, NodeSettings, Sandbox};

/// How long it may take until nobody uses a log any more.
const LET_GO: Duration = Duration::from_secs(10);

/// Which set of adapters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// One process, one file.
    Embedded,
    /// PostgreSQL, RabbitMQ, Redis.
    Distributed,
}

/// One node with everything it stands on.
#[derive(Debug)]
pub struct Stage {
    // Dropped first: it uses the rest.
    node: Node,
    sandbox: Option<Sandbox>,
    data: Scratch,
    admin: OnceCell<User>,
}

impl Stage {
    /// Starts one, with the settings that `change` makes of the usual ones.
    ///
    /// # Errors
    /// Those of the services and the node.
    pub async fn start(profile: Profile, change: impl FnOnce(NodeSettings) -> NodeSettings + Send) -> anyhow::Result<Self> {
        let data = Scratch::new()?;
        let (settings, sandbox) = match profile {
            Profile::Embedded => (NodeSettings::embedded(&data.path().join("data")), None),
            Profile::Distributed => {
                let sandbox = Sandbox::new("stage").await?;
                migrate(&sandbox).await?;
                (NodeSettings::distributed(&sandbox).with("AUTH__PASSKEY_DOMAIN", "localhost"), Some(sandbox))
            }
        };
        let node = Node::start(&format!("a node ({profile:?})"), change(settings)).await.context("starting a node")?;
        Ok(Self { node, sandbox, data, admin: OnceCell::new() })
    }

    /// The one that the tests of this program share, with the usual settings and one more origin: `https://chat.example`. Its watchdogs
    /// end it with the program.
    ///
    /// # Errors
    /// As [`Stage::start`].
    pub async fn shared(profile: Profile) -> anyhow::Result<&'static Self> {
        static EMBEDDED: OnceCell<Stage> = OnceCell::const_new();
        static DISTRIBUTED: OnceCell<Stage> = OnceCell::const_new();
        let stage = match profile {
            Profile::Embedded => &EMBEDDED,
            Profile::Distributed => &DISTRIBUTED,
        };
        let start = || Self::start(profile, |settings| settings.with("GATEWAY__ORIGINS", "https://chat.example"));
        let stage = stage.get_or_try_init(start).await?;
        // Nobody sees its end.
        stage.node.keeps_secrets();
        Ok(stage)
    }

    /// Somebody who may run the service: the first is made one at the console, beside the running server.
    ///
    /// # Errors
    /// The server or the command line refused.
    pub async fn admin(&self) -> anyhow::Result<&User> {
        let register = async || {
            let admin = User::register(&self.base(), "operator").await?;
            make_admin(self.node.settings(), &admin).await?;
            Ok(admin)
        };
        self.admin.get_or_try_init(register).await
    }

    /// Stops the node, has something done to its log in which everything is recorded at one and the same time, and starts the node again at
    /// the same address.
    ///
    /// # Errors
    /// Those of the node, of the store, and of what happens.
    pub async fn in_one_moment<T>(&mut self, happens: impl AsyncFnOnce(Arc<dyn EventLog>) -> anyhow::Result<T>) -> anyhow::Result<T> {
        self.node.terminate().await?;
        let happened = match &self.sandbox {
            None => {
                let database = embedded::Database::open(&self.data.path().join("data"))?;
                let log: Arc<dyn EventLog> = Arc::new(SqliteLog::new(database, Arc::new(Moment(SystemClock.now()))));
                let in_use = Arc::downgrade(&log);
                let happened = happens(log).await?;
                // One at a time may have the file, and whoever appended may still be about to let go of it.
                let deadline = Instant::now() + LET_GO;
                while in_use.strong_count() > 0 {
                    ensure!(Instant::now() < deadline, "the log is still in use after {LET_GO:?}");
                    sleep(Duration::from_millis(1)).await;
                }
                happened
            }
            Some(sandbox) => {
                let log: Arc<dyn EventLog> =
                    Arc::new(PgLog::new(Postgres::connect(PostgresConfig::new(sandbox.postgres_server_url())).await?));
                let before = i64::try_from(log.head().await?.position.0)?;
                let happened = happens(log).await?;
                // The database has a clock of its own, which nobody can stop: only its owner can tell it otherwise afterwards.
                let owner = connect(&sandbox.postgres_owner_url()).await?;
                let one_moment = "UPDATE events SET recorded_at = (SELECT max(recorded_at) FROM events) WHERE position > $1";
                owner.execute("ALTER TABLE events DISABLE TRIGGER USER", &[]).await?;
                owner.execute(one_moment, &[&before]).await?;
                owner.execute("ALTER TABLE events ENABLE ALWAYS TRIGGER append_only", &[]).await?;
                happened
            }
        };
        self.node.restart().await?;
        Ok(happened)
    }

    /// Its address.
    #[must_use]
    pub fn base(&self) -> String {
        self.node.base()
    }

    /// The node.
    #[must_use]
    pub fn node(&self) -> &Node {
        &self.node
    }

    /// The node, to be stopped and started again.
    pub fn node_mut(&mut self) -> &mut Node {
        &mut self.node
    }
}

/// A clock that stands still.
struct Moment(DateTime<Utc>);

impl Clock for Moment {
    fn now(&self) -> DateTime<Utc> {
        self.0
    }
}

/// A test for each profile, of functions that take a [`Profile`].
#[macro_export]
macro_rules! on_both_profiles {
    ($($name:ident)+) => {
        mod embedded {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() -> anyhow::Result<()> {
                super::$name($crate::Profile::Embedded).await
            })+
        }
        mod distributed {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() -> anyhow::Result<()> {
                super::$name($crate::Profile::Distributed).await
            })+
        }
    };
}
