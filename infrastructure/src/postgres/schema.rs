//! Whether the schema is still one that this program can use.

use async_trait::async_trait;
use posthaste_application::port::Dependency;

use super::connect::Postgres;
use super::door::{Statement, statement};
use super::migrations;

const START: Statement = statement!("start");

/// A program that runs while a newer one migrates goes on, so only an older schema is a fault: somebody has put a backup in its place.
#[async_trait]
impl Dependency for Postgres {
    fn name(&self) -> &'static str {
        "schema"
    }

    fn is_required(&self) -> bool {
        true
    }

    async fn check(&self) -> Result<(), String> {
        let rows = self.query(START, &[]).await.map_err(|error| error.to_string())?;
        let found: i64 = rows.first().map_or(0, |row| row.get("schema_version"));
        let needed = migrations::version();
        if found < needed { Err(format!("the schema is at version {found}, this program needs {needed}")) } else { Ok(()) }
    }
}
