//! PostgreSQL.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use tokio_postgres::{Client, NoTls};

use super::process::run;
use super::{Port, Process};

/// The superuser, who owns every database and runs the migrations.
pub const OWNER: &str = "posthaste_owner";
/// The role that the server connects as; it may log in here.
pub const SERVER: &str = "posthaste_server";

/// Many of them run side by side.
pub(super) const SMALL: &[&str] = &["shared_buffers=64MB"];

/// A private PostgreSQL that syncs to disk like a real one: durability is what is being tested.
#[derive(Debug)]
pub struct Postgres {
    directory: PathBuf,
    port: Port,
    settings: &'static [&'static str],
    process: Option<Process>,
}

impl Postgres {
    /// Creates a cluster in `directory`, with the roles [`OWNER`] and [`SERVER`], and starts it. It refuses to run as
    /// root, so as root it runs as the user `postgres`, which comes with the package.
    ///
    /// # Errors
    /// When a binary is missing or the server is not ready in time.
    pub async fn start(directory: PathBuf) -> anyhow::Result<Self> {
        Self::start_with(directory, SMALL).await
    }

    /// As [`Self::start`], with settings of one's own, `name=value` each.
    ///
    /// # Errors
    /// See [`Self::start`].
    pub async fn start_with(directory: PathBuf, settings: &'static [&'static str]) -> anyhow::Result<Self> {
        fs::create_dir_all(&directory)?;
        if is_root()? {
            let (user, group) = postgres_user()?;
            chown(&directory, Some(user), Some(group))?;
        }
        let mut postgres = Self { directory, port: Port::reserve()?, settings, process: None };
        let mut initdb = postgres.command("initdb")?;
        initdb
            .arg("--pgdata")
            .arg(postgres.data())
            .args(["--username", OWNER, "--auth", "trust"])
            .args(["--encoding", "UTF8", "--locale", "C.UTF-8"])
            // Only of the empty cluster. Commits are synced.
            .arg("--no-sync");
        run("initdb", initdb).await?;
        postgres.launch().await?;
        let owner = connect(&postgres.url("postgres")).await?;
        owner.execute(&format!("CREATE ROLE {SERVER} LOGIN"), &[]).await?;
        Ok(postgres)
    }

    /// The address of one of its databases, as [`OWNER`].
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        let port = self.port.number();
        format!("postgres://{OWNER}@127.0.0.1:{port}/{database}")
    }

    /// Shuts it down, ending its sessions.
    ///
    /// # Errors
    /// When it does not end in time; it is killed then.
    pub async fn stop(&mut self) -> anyhow::Result<()> {
        if let Some(mut process) = self.process.take() {
            // SIGINT is what PostgreSQL calls a fast shutdown.
            process.signal("INT");
            process.wait_at_most(Duration::from_secs(60)).await?;
        }
        Ok(())
    }

    /// Kills it at once with its backends, as a crash would.
    ///
    /// # Errors
    /// When a process of it survives.
    pub async fn kill(&mut self) -> anyhow::Result<()> {
        match self.process.take() {
            Some(process) => process.kill().await,
            None => Ok(()),
        }
    }

    /// Starts it again on the same port and data, after shutting it down if it runs.
    ///
    /// # Errors
    /// When it is not ready in time.
    pub async fn restart(&mut self) -> anyhow::Result<()> {
        self.stop().await?;
        self.launch().await
    }

    async fn launch(&mut self) -> anyhow::Result<()> {
        let port = format!("port={}", self.port.number());
        let mut command = self.command("postgres")?;
        command.arg("-D").arg(self.data());
        let common = [port.as_str(), "listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=on", "max_connections=300"];
        for setting in common.iter().chain(self.settings) {
            command.args(["-c", setting]);
        }
        let mut process = Process::spawn("PostgreSQL", command, &self.directory.join("log"))?;
        let url = self.url("postgres");
        process
            .ready(Duration::from_secs(60), || async {
                connect(&url).await?.query_one("SELECT 1", &[]).await?;
                Ok(())
            })
            .await?;
        self.process = Some(process);
        Ok(())
    }

    fn data(&self) -> PathBuf {
        self.directory.join("data")
    }

    /// One of its programs, run as the right user, in a directory that this user may enter.
    fn command(&self, program: &str) -> anyhow::Result<Command> {
        let program = newest_installation()?.join(program);
        let mut command = if is_root()? {
            let mut command = Command::new("setpriv");
            command.args(["--reuid", "postgres", "--regid", "postgres"]).args(["--init-groups", "--"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        command.current_dir(&self.directory).env("LC_ALL", "C.UTF-8");
        Ok(command)
    }
}

/// One of PostgreSQL's programs for its clients, `pg_dump` say: of the same version as the servers that tests run on.
///
/// # Errors
/// It is not installed.
pub fn postgres_program(name: &str) -> anyhow::Result<Command> {
    Ok(Command::new(newest_installation()?.join(name)))
}

/// Connects, and serves the connection in a task until the client is dropped.
///
/// # Errors
/// It cannot connect.
pub async fn connect(url: &str) -> anyhow::Result<Client> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    // Its error reaches whoever uses the client.
    tokio::spawn(connection);
    Ok(client)
}

fn is_root() -> anyhow::Result<bool> {
    Ok(fs::metadata("/proc/self")?.uid() == 0)
}

fn postgres_user() -> anyhow::Result<(u32, u32)> {
    fs::read_to_string("/etc/passwd")?
        .lines()
        .find_map(|line| {
            let mut fields = line.strip_prefix("postgres:")?.split(':').skip(1);
            Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
        })
        .ok_or_else(|| anyhow!("there is no user postgres: is postgresql installed?"))
}

/// Debian keeps the programs of each major version in a directory of its own, off the path.
fn newest_installation() -> anyhow::Result<PathBuf> {
    let root = Path::new("/usr/lib/postgresql");
    fs::read_dir(root)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|version| version.path().join("bin/postgres").exists())
        .filter_map(|version| version.file_name().to_str()?.parse::<u32>().ok())
        .max()
        .map(|version| root.join(version.to_string()).join("bin"))
        .with_context(|| format!("no bin/postgres in {}: is postgresql installed?", root.display()))
}
