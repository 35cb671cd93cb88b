//! What a run stands on: services of its own, the server as real processes, and a look into its store from beside it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use posthaste_application::content::keyring::Access;
use posthaste_application::port::{Clock as _, ContentKeys, Cursors, EventLog, Tokens as _, secrets};
use posthaste_domain::{SessionId, UserId};
use posthaste_infrastructure::embedded::{Database, SqliteCursors, SqliteKeys, SqliteLog};
use posthaste_infrastructure::jwt::{JwtTokens, TokenKey};
use posthaste_infrastructure::postgres::{self, PgCursors, PgKeys, PgLog, Postgres, PostgresConfig};
use posthaste_infrastructure::system::SystemClock;
use posthaste_tests::actor::new_id;
use posthaste_tests::node::MASTER_KEY;
use posthaste_tests::services::Scratch;
use posthaste_tests::{Endpoints, Node, NodeSettings, Profile, Sandbox, Services, opened};
use tokio::time::sleep;

use crate::counters::Counters;

/// Signs the tokens: nobody logs in thousands of people to measure how fast messages are.
const SIGNING_KEY: &str = "MC4CAQAwBQYDK2VwBCIEID0UQbEaEo9Mr48h6t7xok4rMYDcKxTzOJ4QaK9FcMm4";
/// Who issues access tokens.
const ISSUER: &str = "posthaste";
/// How long a token is good for.
const DAY: u64 = 86_400;
/// As `docker-compose.yml` has it: the defaults are for a small machine.
const POSTGRES: &[&str] = &["shared_buffers=1GB", "max_wal_size=4GB"];
/// How long it may take until nobody uses a log any more.
const LET_GO: Duration = Duration::from_secs(10);
/// How often it is looked whether what is waited for has come.
const LOOK: Duration = Duration::from_millis(5);

/// Where stands are put up.
pub(crate) struct Ground {
    /// Which profile is measured.
    pub(crate) profile: Profile,
    /// Whether what people say is sealed, as it is everywhere else.
    sealed: bool,
    server: PathBuf,
    endpoints: Option<Endpoints>,
    _services: Option<Services>,
}

impl Ground {
    /// Starts private services if the profile needs any, unless the environment names some.
    pub(crate) async fn new(profile: Profile, server: PathBuf, sealed: bool) -> anyhow::Result<Self> {
        ensure!(server.is_file(), "there is no server at {}: build it, or name it with --server", server.display());
        let (endpoints, services) = match profile {
            Profile::Embedded => (None, None),
            Profile::Distributed => match Endpoints::from_env() {
                Ok(endpoints) => (Some(endpoints), None),
                Err(_) => {
                    let services = Services::start_with(POSTGRES).await?;
                    (Some(services.endpoints()), Some(services))
                }
            },
        };
        Ok(Self { profile, sealed, server, endpoints, _services: services })
    }

    /// Prepares an empty store; no server runs on it yet.
    pub(crate) async fn stand(&self) -> anyhow::Result<Stand> {
        let (store, settings) = match &self.endpoints {
            None => {
                let scratch = Scratch::new()?;
                let data = scratch.path().join("data");
                (Store::Embedded { data: data.clone(), _scratch: scratch }, NodeSettings::embedded(&data))
            }
            Some(endpoints) => {
                let sandbox = Sandbox::on(endpoints.clone(), "bench").await?;
                postgres::migrate(&sandbox.postgres_owner_url()).await.context("migrating")?;
                let settings = NodeSettings::distributed(&sandbox);
                (Store::Distributed(sandbox), settings)
            }
        };
        // Everybody comes at once, and stays.
        let settings = settings
            .binary(&self.server)
            .with("CONTENT__SEAL", self.sealed.to_string())
            .with("CONTENT__MASTER_KEY", MASTER_KEY)
            .with("AUTH__SIGNING_KEY", SIGNING_KEY)
            .with("AUTH__ACCESS_TOKEN_S", DAY.to_string())
            .with("LIMITS__ENABLED", "false")
            .with("GATEWAY__CONNECTS_PER_S", "1000000")
            .with("GATEWAY__CONNECTS_WAITING", "1000000");
        let tokens = JwtTokens::new(&TokenKey::parse(SIGNING_KEY)?, ISSUER, Arc::new(SystemClock));
        Ok(Stand { nodes: Vec::new(), store, sealed: self.sealed, settings, tokens, crowds: 0 })
    }

    /// The same with one server on it that does everything.
    pub(crate) async fn served(&self) -> anyhow::Result<Stand> {
        let mut stand = self.stand().await?;
        stand.start().await?;
        Ok(stand)
    }
}

/// A store, and the servers on it.
pub(crate) struct Stand {
    // Dropped first: they use the store.
    nodes: Vec<Node>,
    store: Store,
    sealed: bool,
    settings: NodeSettings,
    tokens: JwtTokens,
    crowds: u16,
}

enum Store {
    Embedded { data: PathBuf, _scratch: Scratch },
    Distributed(Sandbox),
}

/// The store, to look at beside the servers.
pub(crate) struct Look {
    /// The log.
    pub(crate) log: Arc<dyn EventLog>,
    /// How far each device has come.
    pub(crate) cursors: Arc<dyn Cursors>,
}

impl Stand {
    /// Starts one more server.
    pub(crate) async fn start(&mut self) -> anyhow::Result<()> {
        let name = format!("server {}", self.nodes.len() + 1);
        self.nodes.push(Node::start(&name, self.settings.clone()).await?);
        Ok(())
    }

    /// Stops every server in order.
    pub(crate) async fn stop(&mut self) -> anyhow::Result<()> {
        for mut node in self.nodes.drain(..) {
            node.terminate().await?;
        }
        Ok(())
    }

    /// The servers' addresses, as REST takes them.
    pub(crate) fn bases(&self) -> Vec<String> {
        self.nodes.iter().map(Node::base).collect()
    }

    /// The address of the nth server, the first one after the last.
    pub(crate) fn address(&self, nth: usize) -> anyhow::Result<SocketAddr> {
        let base = self.nodes[nth % self.nodes.len()].base();
        base.trim_start_matches("http://").parse().with_context(|| format!("{base} is no address"))
    }

    /// Fails if a server has ended by itself.
    pub(crate) fn still_runs(&mut self) -> anyhow::Result<()> {
        self.nodes.iter_mut().try_for_each(Node::still_runs)
    }

    /// An access token of somebody.
    pub(crate) fn token(&self, user: UserId) -> anyhow::Result<String> {
        let expires_at = SystemClock.now() + Duration::from_secs(DAY);
        Ok(self.tokens.issue(&secrets::Access { user, session: SessionId::new(new_id()), expires_at })?)
    }

    /// A number that no other crowd on this stand has.
    pub(crate) fn next_crowd(&mut self) -> u16 {
        self.crowds += 1;
        self.crowds
    }

    /// Where PostgreSQL can be asked what it has done, as the owner.
    pub(crate) fn postgres(&self) -> Option<String> {
        match &self.store {
            Store::Embedded { .. } => None,
            Store::Distributed(sandbox) => Some(sandbox.postgres_owner_url()),
        }
    }

    /// How commands of the binary are run on this store.
    pub(crate) const fn settings(&self) -> &NodeSettings {
        &self.settings
    }

    /// The data folder of the embedded profile.
    pub(crate) fn data(&self) -> Option<&Path> {
        match &self.store {
            Store::Embedded { data, .. } => Some(data),
            Store::Distributed(_) => None,
        }
    }

    /// Looks into the store, while servers run or none does.
    pub(crate) async fn look(&self) -> anyhow::Result<Look> {
        match &self.store {
            Store::Embedded { data, .. } => {
                let database = Database::open_read_only(data)?;
                let cursors = Arc::new(SqliteCursors::new(Arc::clone(&database)));
                Ok(Look { log: Arc::new(SqliteLog::new(database, Arc::new(SystemClock))), cursors })
            }
            Store::Distributed(sandbox) => {
                let postgres = Postgres::connect(PostgresConfig::new(sandbox.postgres_server_url())).await?;
                Ok(Look { log: Arc::new(PgLog::new(postgres.clone())), cursors: Arc::new(PgCursors::new(postgres)) })
            }
        }
    }

    /// The log, to be written as servers do, while none runs.
    pub(crate) async fn log(&self) -> anyhow::Result<Arc<dyn EventLog>> {
        ensure!(self.nodes.is_empty(), "a server runs on this log");
        let (log, keys): (Arc<dyn EventLog>, Arc<dyn ContentKeys>) = match &self.store {
            Store::Embedded { data, .. } => {
                let database = Database::open(data)?;
                (Arc::new(SqliteLog::new(Arc::clone(&database), Arc::new(SystemClock))), Arc::new(SqliteKeys::new(database)))
            }
            Store::Distributed(sandbox) => {
                let postgres = Postgres::connect(PostgresConfig::new(sandbox.postgres_server_url())).await?;
                (Arc::new(PgLog::new(postgres.clone())), Arc::new(PgKeys::new(postgres)))
            }
        };
        Ok(if self.sealed { Arc::new(opened::with_keys(log, keys, MASTER_KEY, Access::Write)?) } else { log })
    }

    /// Has something written into the log while no server runs, and waits until nobody has the log any more.
    pub(crate) async fn write<T>(&self, act: impl AsyncFnOnce(&dyn EventLog) -> anyhow::Result<T>) -> anyhow::Result<T> {
        let log = self.log().await?;
        let in_use = Arc::downgrade(&log);
        let done = act(&*log).await;
        drop(log);
        let deadline = Instant::now() + LET_GO;
        while in_use.strong_count() > 0 {
            ensure!(Instant::now() < deadline, "the log is still in use after {LET_GO:?}");
            sleep(LOOK).await;
        }
        done
    }

    /// Waits until the servers have taken so many events into every view.
    pub(crate) async fn ready(&mut self, events: u64, patience: Duration) -> anyhow::Result<()> {
        // Where the views are is looked at twice a second; what they take in is counted as they do, from the start of the process.
        let taken = |counters: &Counters| counters.least("view_checkpoint").max(counters.least("view_events_total")) >= events as f64;
        self.until("the views are ready", patience, taken).await
    }

    /// Waits until so many events are relayed.
    pub(crate) async fn relayed(&mut self, events: u64, patience: Duration) -> anyhow::Result<()> {
        self.until("everything is relayed", patience, |counters| counters.get("relay_checkpoint") >= events as f64).await
    }

    async fn until(&mut self, what: &str, patience: Duration, holds: impl Fn(&Counters) -> bool) -> anyhow::Result<()> {
        let deadline = Instant::now() + patience;
        loop {
            let counters = Counters::of(&self.bases()).await?;
            if holds(&counters) {
                return Ok(());
            }
            self.still_runs()?;
            ensure!(Instant::now() < deadline, "not that {what} after {patience:?}: {counters:?}");
            sleep(LOOK).await;
        }
    }
}
