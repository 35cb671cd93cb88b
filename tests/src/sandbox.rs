//! What one test has for itself in services that it shares with others.

use std::time::Duration;

use anyhow::Context as _;
use posthaste_infrastructure::postgres::migrate;
use tokio::sync::OnceCell;
use tokio::time::timeout;

use crate::services::{Endpoints, OWNER, SERVER, connect};

/// How long whoever drops a sandbox waits until it is removed.
const CLEAN_UP: Duration = Duration::from_secs(30);
/// What a new database is a copy of, when it is to be empty.
const EMPTY: &str = "template1";
/// The same, when it is to have the schema: migrating takes many times as long as copying what was migrated.
const MIGRATED: &str = "migrated";
/// Held by who makes that one.
const MIGRATING: i64 = 0x706f_7374;

/// A database, a virtual host and a key prefix that no other test uses. Dropping it removes the database and the
/// virtual host as far as possible; what is left goes with the services.
#[derive(Debug)]
pub struct Sandbox {
    endpoints: Endpoints,
    name: String,
}

impl Sandbox {
    /// One on the services of this run. `name` says what it is for; it may hold any text and need not be unique.
    ///
    /// # Errors
    /// Those of [`Endpoints::from_env`] and of the services.
    pub async fn new(name: &str) -> anyhow::Result<Self> {
        Self::on(Endpoints::from_env()?, name).await
    }

    /// As [`Self::new`], with the schema in the database.
    ///
    /// # Errors
    /// See [`Self::new`]; or the migrations failed.
    pub async fn migrated(name: &str) -> anyhow::Result<Self> {
        static MADE: OnceCell<()> = OnceCell::const_new();
        let endpoints = Endpoints::from_env()?;
        MADE.get_or_try_init(|| make_migrated(&endpoints)).await.context("cannot make the database that others are copies of")?;
        Self::create(endpoints, name, MIGRATED).await
    }

    /// One on the services at `endpoints`.
    ///
    /// # Errors
    /// Those of the services.
    pub async fn on(endpoints: Endpoints, name: &str) -> anyhow::Result<Self> {
        Self::create(endpoints, name, EMPTY).await
    }

    async fn create(endpoints: Endpoints, name: &str, template: &str) -> anyhow::Result<Self> {
        let sandbox = Self { endpoints, name: unique(name) };
        tokio::try_join!(create_database(&sandbox.endpoints, &sandbox.name, template), sandbox.create_vhost())
            .with_context(|| format!("cannot create the sandbox {}", sandbox.name))?;
        Ok(sandbox)
    }

    /// The database, as its owner: for migrations, and for tests that look or tamper behind the server's back.
    #[must_use]
    pub fn postgres_owner_url(&self) -> String {
        owner_url(&self.endpoints, &self.name)
    }

    /// The database, as the role that the server uses.
    #[must_use]
    pub fn postgres_server_url(&self) -> String {
        self.postgres_owner_url().replacen(&format!("//{OWNER}@"), &format!("//{SERVER}@"), 1)
    }

    /// The broker, with the virtual host.
    #[must_use]
    pub fn rabbitmq_url(&self) -> String {
        format!("{}/{}", self.endpoints.rabbitmq, self.name)
    }

    /// The signal server. Shared: keys and channels start with [`Sandbox::redis_prefix`].
    #[must_use]
    pub fn redis_url(&self) -> String {
        self.endpoints.redis.clone()
    }

    /// What every key and channel starts with, with a colon at its end.
    #[must_use]
    pub fn redis_prefix(&self) -> String {
        format!("{}:", self.name)
    }

    /// The name of the database and of the virtual host.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    async fn create_vhost(&self) -> anyhow::Result<()> {
        // Whoever creates it may use it: no permissions to add.
        let request = crate::http::client().put(self.vhost_resource());
        request.send().await?.error_for_status()?;
        Ok(())
    }

    fn vhost_resource(&self) -> String {
        format!("{}/api/vhosts/{}", self.endpoints.rabbitmq_api, self.name)
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let database = self.endpoints.postgres.clone();
        let statement = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        let vhost = self.vhost_resource();
        let clean_up = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                let drop_database = async {
                    connect(&database).await?.execute(&statement, &[]).await?;
                    anyhow::Ok(())
                };
                let delete_vhost = crate::http::client().delete(vhost).send();
                // A test may have killed or stopped either; what remains ends with the services.
                let _ = timeout(CLEAN_UP, async { tokio::join!(drop_database, delete_vhost) }).await;
            });
            anyhow::Ok(())
        };
        // A thread of its own: a runtime cannot be entered from within the test's runtime.
        let _ = std::thread::spawn(clean_up).join();
    }
}

/// The address of a database, as its owner.
fn owner_url(endpoints: &Endpoints, database: &str) -> String {
    // The last path segment is the database.
    let (server, _) = endpoints.postgres.rsplit_once('/').expect("a URL");
    format!("{server}/{database}")
}

async fn create_database(endpoints: &Endpoints, name: &str, template: &str) -> anyhow::Result<()> {
    let owner = connect(&endpoints.postgres).await?;
    let statement = format!("CREATE DATABASE {name} OWNER {OWNER} TEMPLATE {template}");
    owner.execute(&statement, &[]).await.context(statement)?;
    Ok(())
}

/// Migrates a database that others are made copies of, unless another process has. Goes with the services.
async fn make_migrated(endpoints: &Endpoints) -> anyhow::Result<()> {
    let owner = connect(&endpoints.postgres).await?;
    // Let go of with the connection.
    owner.execute("SELECT pg_advisory_lock($1)", &[&MIGRATING]).await?;
    if owner.query_opt("SELECT FROM pg_database WHERE datname = $1", &[&MIGRATED]).await?.is_some() {
        return Ok(());
    }
    let making = unique(MIGRATED);
    create_database(endpoints, &making, EMPTY).await?;
    migrate(&owner_url(endpoints, &making)).await?;
    // It has its name when it is whole. Nobody may be connected to what is copied.
    owner.execute(&format!("ALTER DATABASE {making} ALLOW_CONNECTIONS false"), &[]).await?;
    owner.execute(&format!("ALTER DATABASE {making} RENAME TO {MIGRATED}"), &[]).await?;
    Ok(())
}

/// `name` as an identifier that PostgreSQL needs no quotes for, with something random behind it.
fn unique(name: &str) -> String {
    let readable: String = name
        .chars()
        .map(|character| match character {
            'a'..='z' | '0'..='9' => character,
            'A'..='Z' => character.to_ascii_lowercase(),
            _ => '_',
        })
        .take(40)
        .collect();
    format!("t_{readable}_{:016x}", rand::random::<u64>())
}
