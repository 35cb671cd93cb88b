//! Whether the schema is still one that this program can use.

use std::cmp::Ordering;

use async_trait::async_trait;
use posthaste_application::port::Dependency;
use tokio_postgres::Client;

use super::connect::Postgres;
use super::door::{Statement, statement};
use super::migrations;

const START: Statement = statement!("start");
const COMPAT: Statement = statement!("schema_compat");

/// What a schema is to a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    /// The one it was built for.
    Own,
    /// A newer one that takes it.
    Newer,
    /// An older one.
    Behind,
    /// A newer one that takes only newer programs.
    Ahead {
        /// Of which version on.
        oldest: i64,
    },
}

impl Fit {
    /// Of a schema of a version, which takes programs from the oldest one on, to the program that was built for another version.
    pub(super) fn of(found: i64, oldest: i64, needed: i64) -> Self {
        match found.cmp(&needed) {
            Ordering::Less => Self::Behind,
            Ordering::Equal => Self::Own,
            Ordering::Greater if oldest <= needed => Self::Newer,
            Ordering::Greater => Self::Ahead { oldest },
        }
    }
}

/// The oldest program that the schema takes. Only newer schemas than our own are sure to say.
pub(super) async fn oldest(client: &Client, found: i64, needed: i64) -> Result<i64, tokio_postgres::Error> {
    if found > needed { client.query_one(COMPAT.sql, &[]).await?.try_get("oldest") } else { Ok(found) }
}

/// A program that runs while a newer one migrates goes on, as long as the schema takes it. An older schema is a fault: somebody has put a
/// backup in its place.
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
        let compat = if found > needed { self.query(COMPAT, &[]).await.map_err(|error| error.to_string())? } else { Vec::new() };
        let oldest = compat.first().map_or(found, |row| row.get("oldest"));
        match Fit::of(found, oldest, needed) {
            Fit::Own | Fit::Newer => Ok(()),
            Fit::Behind => Err(format!("the schema is at version {found}, this program needs {needed}")),
            Fit::Ahead { oldest } => {
                Err(format!("the schema is at version {found}, and takes programs of {oldest} and newer; this one is of {needed}"))
            }
        }
    }
}
