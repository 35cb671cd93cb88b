//! A server of either profile, for tests that must hold on both.

use anyhow::Context as _;
use tokio::sync::OnceCell;

use crate::node::migrate;
use crate::services::Scratch;
use crate::{Node, NodeSettings, Sandbox};

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
    _sandbox: Option<Sandbox>,
    _data: Scratch,
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
                (NodeSettings::distributed(&sandbox), Some(sandbox))
            }
        };
        let node = Node::start(&format!("a node ({profile:?})"), change(settings)).await.context("starting a node")?;
        Ok(Self { node, _sandbox: sandbox, _data: data })
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
        stage.get_or_try_init(|| Self::start(profile, |settings| settings.with("GATEWAY__ORIGINS", "https://chat.example"))).await
    }

    /// Its address.
    #[must_use]
    pub fn base(&self) -> String {
        self.node.base()
    }
}
