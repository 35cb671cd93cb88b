//! How PostgreSQL carries out a statement of `infrastructure/src/postgres/sql`.

use serde_json::Value;
use tokio_postgres::Client;

/// A plan that was carried out.
#[derive(Debug)]
pub struct Plan(Value);

impl Plan {
    /// Carries out a statement with these arguments under a `plan_cache_mode`, and gives its plan.
    ///
    /// # Errors
    /// Those of the statement.
    pub async fn of(client: &Client, statement: &str, arguments: &str, mode: &str) -> anyhow::Result<Self> {
        let path = format!("{}/../infrastructure/src/postgres/sql/{statement}.sql", env!("CARGO_MANIFEST_DIR"));
        Self::of_query(client, &std::fs::read_to_string(path)?, arguments, mode).await
    }

    /// The same for a query that auditors ask.
    ///
    /// # Errors
    /// Those of the query.
    pub async fn of_query(client: &Client, sql: &str, arguments: &str, mode: &str) -> anyhow::Result<Self> {
        client.execute(&format!("SET plan_cache_mode = {mode}"), &[]).await?;
        client.execute(&format!("PREPARE hot AS {sql}"), &[]).await?;
        let explain = format!("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE hot ({arguments})");
        let explained = client.query_one(&explain, &[]).await?;
        client.execute("DEALLOCATE hot", &[]).await?;
        let mut plan: Value = explained.try_get(0)?;
        Ok(Self(plan[0]["Plan"].take()))
    }

    /// Shows every node of it, from the top.
    pub fn visit(&self, mut see: impl FnMut(&Value)) {
        let mut nodes = vec![&self.0];
        while let Some(node) = nodes.pop() {
            see(node);
            nodes.extend(node["Plans"].as_array().into_iter().flatten());
        }
    }

    /// How many rows it gave.
    #[must_use]
    pub fn rows(&self) -> f64 {
        self.0["Actual Rows"].as_f64().unwrap_or_default()
    }

    /// How many pages it read, cached or not.
    #[must_use]
    pub fn pages(&self) -> u64 {
        self.0["Shared Hit Blocks"].as_u64().unwrap_or_default() + self.0["Shared Read Blocks"].as_u64().unwrap_or_default()
    }
}
