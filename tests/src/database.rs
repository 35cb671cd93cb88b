//! A migrated database of one test.

use posthaste_infrastructure::postgres::{Postgres, PostgresConfig};
use tokio_postgres::Client;

use crate::Sandbox;
use crate::services::connect;

/// A database with the schema, and a pool as the server's role. Lives as long as the sandbox it keeps.
#[derive(Debug)]
pub struct Database {
    /// Where it is.
    pub sandbox: Sandbox,
    /// The way in for adapters.
    pub postgres: Postgres,
}

impl Database {
    /// A new one, for what `name` says.
    ///
    /// # Errors
    /// Those of the sandbox, the migrations and the checks at the start.
    pub async fn new(name: &str) -> anyhow::Result<Self> {
        let sandbox = Sandbox::migrated(name).await?;
        let postgres = Postgres::connect(PostgresConfig::new(sandbox.postgres_server_url())).await?;
        Ok(Self { sandbox, postgres })
    }

    /// A session as the owner, who may do anything, for looking and tampering.
    ///
    /// # Errors
    /// It cannot connect.
    pub async fn owner(&self) -> anyhow::Result<Client> {
        connect(&self.sandbox.postgres_owner_url()).await
    }

    /// A session as the server.
    ///
    /// # Errors
    /// It cannot connect.
    pub async fn server(&self) -> anyhow::Result<Client> {
        connect(&self.sandbox.postgres_server_url()).await
    }
}
