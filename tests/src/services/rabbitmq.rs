//! RabbitMQ.

use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use lapin::ConnectionProperties;
use tokio::net::TcpStream;

use super::{Port, Process};

/// A private RabbitMQ node with its HTTP API, and the port mapper that Erlang wants beside it.
#[derive(Debug)]
pub struct RabbitMq {
    directory: PathBuf,
    amqp: Port,
    api: Port,
    distribution: Port,
    mapper: Port,
    // The node is dropped before the mapper.
    node: Option<Process>,
    _mapper: Process,
}

impl RabbitMq {
    /// Starts a node with its files in `directory`.
    ///
    /// # Errors
    /// When a binary is missing or the node is not ready in time.
    pub async fn start(directory: PathBuf) -> anyhow::Result<Self> {
        for part in ["home", "data", "log"] {
            fs::create_dir_all(directory.join(part))?;
        }
        let (amqp, api) = (Port::reserve()?, Port::reserve()?);
        let (distribution, mapper) = (Port::reserve()?, Port::reserve()?);
        // The API makes a virtual host in milliseconds, where `rabbitmqctl` takes seconds.
        fs::write(directory.join("enabled_plugins"), "[rabbitmq_management].\n")?;
        fs::write(
            directory.join("rabbitmq.conf"),
            format!(
                "listeners.tcp.1 = 127.0.0.1:{}\n\
                 management.tcp.ip = 127.0.0.1\n\
                 management.tcp.port = {}\n\
                 log.file.level = info\n",
                amqp.number(),
                api.number()
            ),
        )?;
        // Instead of the system's, which may name another node.
        fs::write(directory.join("environment"), "")?;
        let mut rabbitmq =
            Self { _mapper: start_mapper(&mapper, &directory).await?, directory, amqp, api, distribution, mapper, node: None };
        rabbitmq.launch().await?;
        Ok(rabbitmq)
    }

    /// Its address, for the virtual host of that name; without one, for an empty name.
    #[must_use]
    pub fn url(&self, vhost: &str) -> String {
        let separator = if vhost.is_empty() { "" } else { "/" };
        let port = self.amqp.number();
        format!("amqp://guest:guest@127.0.0.1:{port}{separator}{vhost}")
    }

    /// The address of its HTTP API, without a path.
    #[must_use]
    pub fn api(&self) -> String {
        format!("http://guest:guest@127.0.0.1:{}", self.api.number())
    }

    /// Shuts it down.
    ///
    /// # Errors
    /// When it does not end in time; it is killed then.
    pub async fn stop(&mut self) -> anyhow::Result<()> {
        if let Some(mut node) = self.node.take() {
            node.signal("TERM");
            node.wait_at_most(Duration::from_secs(60)).await?;
        }
        Ok(())
    }

    /// Kills it at once, as a power cut would.
    ///
    /// # Errors
    /// When a process of it survives.
    pub async fn kill(&mut self) -> anyhow::Result<()> {
        match self.node.take() {
            Some(node) => node.kill().await,
            None => Ok(()),
        }
    }

    /// Starts it again on the same ports and data, after shutting it down if it runs.
    ///
    /// # Errors
    /// When it is not ready in time.
    pub async fn restart(&mut self) -> anyhow::Result<()> {
        self.stop().await?;
        self.launch().await
    }

    /// Runs `rabbitmqctl` with these arguments on the node and gives its output. Takes a second or two.
    ///
    /// # Errors
    /// When it fails; with what it said.
    pub async fn control(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let mut command = tokio::process::Command::from(self.program("rabbitmqctl"));
        command.arg("--quiet").args(arguments).kill_on_drop(true);
        let output = command.output().await.context("is rabbitmq-server installed?")?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        ensure!(output.status.success(), "rabbitmqctl {arguments:?}: {said}{}", String::from_utf8_lossy(&output.stderr));
        Ok(said)
    }

    /// One of RabbitMQ's programs, told where everything of this node is.
    fn program(&self, name: &str) -> Command {
        // Not the one on the path, which insists on the user `rabbitmq` and the system's directories.
        let mut command = Command::new(format!("/usr/lib/rabbitmq/bin/{name}"));
        let file = |name: &str| self.directory.join(name);
        command
            .current_dir(&self.directory)
            .env_remove("NOTIFY_SOCKET")
            .env("HOME", file("home"))
            .env("ERL_EPMD_PORT", self.mapper.number().to_string())
            .env("ERL_EPMD_ADDRESS", "127.0.0.1")
            .env("RABBITMQ_NODENAME", format!("posthaste-{}@localhost", self.amqp.number()))
            .env("RABBITMQ_DIST_PORT", self.distribution.number().to_string())
            .env("RABBITMQ_CONF_ENV_FILE", file("environment"))
            .env("RABBITMQ_CONFIG_FILE", file("rabbitmq.conf"))
            .env("RABBITMQ_ADVANCED_CONFIG_FILE", file("advanced.config"))
            .env("RABBITMQ_ENABLED_PLUGINS_FILE", file("enabled_plugins"))
            .env("RABBITMQ_MNESIA_BASE", file("data"))
            .env("RABBITMQ_LOG_BASE", file("log"))
            .env("RABBITMQ_PID_FILE", file("node.pid"));
        command
    }

    async fn launch(&mut self) -> anyhow::Result<()> {
        let mut command = self.program("rabbitmq-server");
        // With input allowed, the script becomes the node instead of waiting for it: a signal meant for one reaches the other.
        command
            .env("RABBITMQ_ALLOW_INPUT", "true")
            .env("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", "-noinput -kernel inet_dist_use_interface {127,0,0,1} +S 2:2 +sbwt none");
        let mut node = Process::spawn("RabbitMQ", command, &self.directory.join("output")).context("is rabbitmq-server installed?")?;
        let (url, api) = (self.url(""), format!("{}/api/vhosts", self.api()));
        node.ready(Duration::from_secs(300), || async {
            let connection = lapin::Connection::connect(&url, ConnectionProperties::default()).await?;
            connection.close(200, "ready".into()).await?;
            crate::http::get(&api).await?.error_for_status()?;
            Ok(())
        })
        .await?;
        self.node = Some(node);
        Ok(())
    }
}

/// Erlang's port mapper on a port of its own. Started by us, because a node that finds none starts one that
/// outlives it and serves every other node of the machine.
async fn start_mapper(port: &Port, directory: &Path) -> anyhow::Result<Process> {
    let number = port.number();
    let mut command = Command::new("epmd");
    command.args(["-port", &number.to_string(), "-address", "127.0.0.1"]);
    let mut mapper = Process::spawn("epmd", command, &directory.join("epmd")).context("is rabbitmq-server installed?")?;
    mapper
        .ready(Duration::from_secs(30), || async {
            TcpStream::connect((Ipv4Addr::LOCALHOST, number)).await?;
            Ok(())
        })
        .await?;
    Ok(mapper)
}
