//! Executors over one log, as the nodes of a service have them, without the service: for what commands do to the log.

use std::sync::Arc;

use anyhow::Context as _;
use posthaste_application::append::append_queue;
use posthaste_application::codec;
use posthaste_application::execute::{Command, Decidable, Envelope, ExecuteError, Executed, Executor, Rules};
use posthaste_application::port::passcodes::memory::MemoryPasscodes;
use posthaste_application::port::{Clock as _, EventLog};
use posthaste_application::recorded::{Append, Check, Expected, Recorded, StreamId};
use posthaste_domain::text::{DisplayName, Username};
use posthaste_domain::user::{Profile as UserProfile, UserEvent};
use posthaste_domain::{Category, CommandId, UserId};
use posthaste_infrastructure::embedded::{self, SqliteLog};
use posthaste_infrastructure::postgres::PgLog;
use posthaste_infrastructure::system::SystemClock;
use uuid::Uuid;

use crate::actor::new_id;
use crate::services::Scratch;
use crate::{Database, Profile};

/// Appends that go to the log together.
const TOGETHER: usize = 500;

/// Nodes with memories of their own over one log.
pub struct Nodes {
    /// The log.
    pub log: Arc<dyn EventLog>,
    nodes: Vec<Executor>,
    _store: Store,
}

/// What the log lives in.
enum Store {
    Embedded { _data: Scratch },
    Distributed { _database: Database },
}

impl Nodes {
    /// So many nodes over a new log of this profile, which `watch` may put something around.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn new(profile: Profile, nodes: usize, watch: impl FnOnce(Arc<dyn EventLog>) -> Arc<dyn EventLog>) -> anyhow::Result<Self> {
        let (log, store): (Arc<dyn EventLog>, _) = match profile {
            Profile::Embedded => {
                let data = Scratch::new()?;
                let database = embedded::Database::open(&data.path().join("data"))?;
                (Arc::new(SqliteLog::new(database, Arc::new(SystemClock))), Store::Embedded { _data: data })
            }
            Profile::Distributed => {
                let database = Database::new("nodes").await?;
                (Arc::new(PgLog::new(database.postgres.clone())), Store::Distributed { _database: database })
            }
        };
        let log = watch(log);
        let nodes = (0..nodes).map(|_| node(&log)).collect();
        Ok(Self { log, nodes, _store: store })
    }

    /// Has a node execute a command, under this id.
    ///
    /// # Errors
    /// The executor's own.
    pub async fn ask_as(&self, id: Uuid, node: usize, actor: UserId, command: Command) -> Result<Executed, ExecuteError> {
        let at = SystemClock.now();
        let envelope = Envelope { command: CommandId::new(id), actor: Some(actor), correlation: Uuid::nil(), at };
        self.nodes[node % self.nodes.len()].execute(envelope, command).await
    }

    /// The same, under an id that nobody used.
    ///
    /// # Errors
    /// The executor's own.
    pub async fn ask(&self, node: usize, actor: UserId, command: Command) -> Result<Executed, ExecuteError> {
        self.ask_as(new_id(), node, actor, command).await
    }

    /// Has a node execute what an admin asks, or the server itself.
    ///
    /// # Errors
    /// The executor's own.
    pub async fn administer(&self, node: usize, actor: Option<UserId>, command: impl Decidable) -> Result<Executed, ExecuteError> {
        let envelope = Envelope { command: CommandId::new(new_id()), actor, correlation: Uuid::nil(), at: SystemClock.now() };
        self.nodes[node % self.nodes.len()].execute(envelope, command).await
    }

    /// Registers so many users, straight in the log, without names that are claimed: what matters is only that they exist.
    ///
    /// # Errors
    /// The log's own.
    pub async fn crowd(&self, count: usize) -> anyhow::Result<Vec<UserId>> {
        let users: Vec<_> = (0..count).map(|_| UserId::new(new_id())).collect();
        for some in users.chunks(TOGETHER) {
            let batch: Vec<_> = some.iter().map(|user| registration(*user)).collect();
            for answer in self.log.append(&batch).await? {
                answer?;
            }
        }
        Ok(users)
    }

    /// Everything in the log.
    ///
    /// # Errors
    /// The log's own.
    pub async fn recorded(&self) -> anyhow::Result<Vec<Recorded>> {
        crate::race::whole_log(&*self.log).await.context("reading the log")
    }
}

/// A node with a memory of its own over this log.
#[must_use]
pub fn node(log: &Arc<dyn EventLog>) -> Executor {
    let (queue, appender) = append_queue(Arc::clone(log));
    tokio::spawn(appender.run());
    Executor::new(Arc::clone(log), queue, Rules::default(), MemoryPasscodes::doorkeeper())
}

fn registration(user: UserId) -> Append {
    let stream = StreamId { category: Category::User, id: user.uuid() };
    let name = format!("u{}", &user.uuid().simple().to_string()[12..]);
    let username = Username::parse(&name).expect("letters and digits");
    let profile = UserProfile { username, display_name: DisplayName::parse(&name).expect("letters and digits") };
    Append {
        command: CommandId::new(user.uuid()),
        fingerprint: [0; 32],
        actor: None,
        correlation: Uuid::nil(),
        causation: None,
        checks: vec![Check { stream, expected: Expected::NoStream }],
        events: vec![codec::encode(stream, 1, &UserEvent::Registered { user, content: profile.into() }.into())],
        unsealed: None,
    }
}
