//! What it all runs on: two of each process over services of their own, with something in between that can be cut wherever there is TCP.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, ensure};

use crate::history::Log;
use crate::node::{migrate, run_posthaste};
use crate::opened;
use crate::proxy::Proxy;
use crate::{Node, NodeSettings, Sandbox, Services};

/// How many of each process there are.
const EACH: usize = 2;

/// The service.
pub(super) struct World {
    /// They serve clients.
    pub(super) gateways: Vec<Node>,
    pub(super) relays: Vec<Node>,
    pub(super) projectors: Vec<Node>,
    /// Before each gateway, for clients.
    pub(super) fronts: Vec<Proxy>,
    /// Between our processes and each service.
    pub(super) to_postgres: Proxy,
    pub(super) to_rabbitmq: Proxy,
    pub(super) to_redis: Proxy,
    pub(super) sandbox: Sandbox,
    // Dropped last.
    pub(super) services: Services,
}

impl World {
    pub(super) async fn start() -> anyhow::Result<Self> {
        let services = Services::start().await?;
        let sandbox = Sandbox::on(services.endpoints(), "chaos").await?;
        migrate(&sandbox).await?;
        let to_postgres = Proxy::before(&sandbox.postgres_server_url()).await?;
        let to_rabbitmq = Proxy::before(&sandbox.rabbitmq_url()).await?;
        let to_redis = Proxy::before(&sandbox.redis_url()).await?;
        let settings = NodeSettings::distributed(&sandbox)
            .with("POSTGRES__URL", to_postgres.url())
            .with("RABBITMQ__URL", to_rabbitmq.url())
            .with("REDIS__URL", to_redis.url())
            .with("GATEWAY__HEARTBEAT_S", "1")
            .with("RELAY__LEASE_S", "2");
        let (gateways, relays, projectors) = tokio::try_join!(
            start("gateway", &settings, "api,gateway"),
            start("relay", &settings, "relay"),
            start("projector", &settings, "projector"),
        )?;
        let mut fronts = Vec::new();
        for gateway in &gateways {
            fronts.push(Proxy::before(&gateway.base()).await?);
        }
        Ok(Self { gateways, relays, projectors, fronts, to_postgres, to_rabbitmq, to_redis, sandbox, services })
    }

    /// Where clients find the gateways.
    pub(super) fn doors(&self) -> Vec<String> {
        self.fronts.iter().map(|front| front.url().to_owned()).collect()
    }

    /// Everything in between.
    pub(super) fn proxies(&self) -> impl Iterator<Item = &Proxy> {
        self.fronts.iter().chain([&self.to_postgres, &self.to_rabbitmq, &self.to_redis])
    }

    /// How many connections were cut in between.
    pub(super) fn connections_cut(&self) -> u64 {
        self.proxies().map(|proxy| proxy.traffic().cut).sum()
    }

    /// Every process of ours.
    pub(super) fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.gateways.iter().chain(&self.relays).chain(&self.projectors)
    }

    pub(super) fn nodes_mut(&mut self) -> impl Iterator<Item = &mut Node> {
        self.gateways.iter_mut().chain(&mut self.relays).chain(&mut self.projectors)
    }

    /// Everybody leaves in order, and nobody had left before.
    pub(super) async fn stop_nodes(&mut self) -> anyhow::Result<()> {
        for node in self.nodes_mut() {
            node.still_runs()?;
            let status = node.terminate().await?;
            ensure!(status.success(), "told to stop, {} ended with {status}", node.name());
            ensure!(!node.logs().contains("panicked"), "{} has panicked", node.name());
        }
        Ok(())
    }

    /// How many times a server tried appends again because it did not hear what became of them.
    pub(super) fn unknown_outcomes(&self) -> usize {
        self.gateways.iter().map(|node| node.logs().matches("append outcome unknown").count()).sum()
    }

    /// All of it, directly from PostgreSQL.
    pub(super) async fn read_log(&self) -> anyhow::Result<Log> {
        Log::read(&opened::of_sandbox(&self.sandbox).await?).await
    }

    /// By the command that auditors use.
    pub(super) async fn verify_log(&self) -> anyhow::Result<()> {
        let verified = run_posthaste(&NodeSettings::distributed(&self.sandbox), &["log", "verify"]).await?;
        ensure!(verified.status.success(), "log verify: {}{}", said(&verified.stdout), said(&verified.stderr));
        Ok(())
    }

    /// Copies what every process has logged into a folder.
    pub(super) fn keep_logs(&self, folder: &Path) -> anyhow::Result<()> {
        fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        for node in self.nodes() {
            fs::write(folder.join(node.name().replace(' ', "-")), node.logs())?;
        }
        Ok(())
    }
}

fn said(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

async fn start(name: &str, settings: &NodeSettings, roles: &str) -> anyhow::Result<Vec<Node>> {
    let mut nodes = Vec::new();
    for number in 1..=EACH {
        nodes.push(Node::start(&format!("{name} {number}"), settings.clone().roles(roles)).await?);
    }
    Ok(nodes)
}
