//! What one test has for itself in services that it shares with others.

use std::time::Duration;

use anyhow::Context as _;
use tokio::time::timeout;

use crate::services::{Endpoints, OWNER, SERVER, connect};

/// How long whoever drops a sandbox waits until it is removed.
const CLEAN_UP: Duration = Duration::from_secs(30);

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

    /// One on the services at `endpoints`.
    ///
    /// # Errors
    /// Those of the services.
    pub async fn on(endpoints: Endpoints, name: &str) -> anyhow::Result<Self> {
        let sandbox = Self { endpoints, name: unique(name) };
        tokio::try_join!(sandbox.create_database(), sandbox.create_vhost())
            .with_context(|| format!("cannot create the sandbox {}", sandbox.name))?;
        Ok(sandbox)
    }

    /// The database, as its owner: for migrations, and for tests that look or tamper behind the server's back.
    #[must_use]
    pub fn postgres_owner_url(&self) -> String {
        // The last path segment is the database.
        let (server, _) = self.endpoints.postgres.rsplit_once('/').expect("a URL");
        format!("{server}/{}", self.name)
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

    async fn create_database(&self) -> anyhow::Result<()> {
        let name = &self.name;
        let owner = connect(&self.endpoints.postgres).await?;
        let statement = format!("CREATE DATABASE {name} OWNER {OWNER} TEMPLATE template1");
        owner.execute(&statement, &[]).await.context(statement)?;
        Ok(())
    }

    async fn create_vhost(&self) -> anyhow::Result<()> {
        // Whoever creates it may use it: no permissions to add.
        let request = reqwest::Client::new().put(self.vhost_resource());
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
                let delete_vhost = reqwest::Client::new().delete(vhost).send();
                // A test may have killed or stopped either; what remains ends with the services.
                let _ = timeout(CLEAN_UP, async { tokio::join!(drop_database, delete_vhost) }).await;
            });
            anyhow::Ok(())
        };
        // A thread of its own: a runtime cannot be entered from within the test's runtime.
        let _ = std::thread::spawn(clean_up).join();
    }
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
