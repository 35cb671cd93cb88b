//! Redis.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::Context as _;

use super::{Port, Process};

/// A private Redis. It keeps nothing on disk, so a restarted one is empty: Posthaste must lose nothing by it.
#[derive(Debug)]
pub struct Redis {
    directory: PathBuf,
    port: Port,
    process: Option<Process>,
}

impl Redis {
    /// Starts an instance with its files in `directory`.
    ///
    /// # Errors
    /// When the binary is missing or the instance is not ready in time.
    pub async fn start(directory: PathBuf) -> anyhow::Result<Self> {
        fs::create_dir_all(&directory)?;
        let mut redis = Self { directory, port: Port::reserve()?, process: None };
        redis.launch().await?;
        Ok(redis)
    }

    /// Its address.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port.number())
    }

    /// Shuts it down.
    ///
    /// # Errors
    /// When it does not end in time; it is killed then.
    pub async fn stop(&mut self) -> anyhow::Result<()> {
        if let Some(mut process) = self.process.take() {
            process.signal("TERM");
            process.wait_at_most(Duration::from_secs(20)).await?;
        }
        Ok(())
    }

    /// Kills it at once, as a power cut would.
    ///
    /// # Errors
    /// When a process of it survives.
    pub async fn kill(&mut self) -> anyhow::Result<()> {
        match self.process.take() {
            Some(process) => process.kill().await,
            None => Ok(()),
        }
    }

    /// Stops it where it stands: it keeps its connections and says nothing any more.
    ///
    /// # Errors
    /// It does not run.
    pub fn pause(&self) -> anyhow::Result<()> {
        self.process.as_ref().context("it does not run")?.signal("STOP");
        Ok(())
    }

    /// Starts it again on the same port, after shutting it down if it runs.
    ///
    /// # Errors
    /// As [`Redis::start`].
    pub async fn restart(&mut self) -> anyhow::Result<()> {
        self.stop().await?;
        self.launch().await
    }

    async fn launch(&mut self) -> anyhow::Result<()> {
        let mut command = Command::new("redis-server");
        command
            .args(["--port", &self.port.number().to_string()])
            .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .arg("--dir")
            .arg(&self.directory);
        let mut process = Process::spawn("Redis", command, &self.directory.join("log")).context("is redis-server installed?")?;
        let client = redis::Client::open(self.url())?;
        process
            .ready(Duration::from_secs(30), || async {
                let mut connection = client.get_multiplexed_async_connection().await?;
                Ok(redis::cmd("PING").query_async::<String>(&mut connection).await?)
            })
            .await?;
        self.process = Some(process);
        Ok(())
    }
}
