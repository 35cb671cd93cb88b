//! A log of either profile, its seals, and what somebody does to it who may do anything.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use posthaste_application::chain::{GENESIS, Link, link};
use posthaste_application::port::{EventLog, Ids as _};
use posthaste_application::recorded::{Position, Recorded};
use posthaste_domain::UserId;
use posthaste_infrastructure::embedded::{Database, SqliteLog};
use posthaste_infrastructure::postgres::{PgLog, Postgres, PostgresConfig, migrate};
use posthaste_infrastructure::system::{SystemClock, SystemIds};
use posthaste_tests::drafts::{message, one_event};
use posthaste_tests::services::Scratch;
use posthaste_tests::{Profile, Sandbox};
use tokio_postgres::{Client, NoTls};
use uuid::Uuid;

use super::log::{copy, tamper};
use super::{Ran, run_in};

const TABLES: [&str; 2] = ["events", "log_head"];

/// Everything in one folder: `data`, `seals.jsonl`, `seal.key`, `seal.key.pub`.
pub(super) struct Sealed {
    pub(super) folder: Scratch,
    sandbox: Option<Sandbox>,
}

impl Sealed {
    /// A log of no event, and a key.
    pub(super) async fn new(profile: Profile) -> anyhow::Result<Self> {
        let folder = Scratch::new()?;
        let sandbox = match profile {
            Profile::Embedded => {
                drop(Database::open(&folder.path().join("data"))?);
                None
            }
            Profile::Distributed => {
                let sandbox = Sandbox::new("sealed").await?;
                migrate(&sandbox.postgres_owner_url()).await?;
                Some(sandbox)
            }
        };
        let sealed = Self { folder, sandbox };
        sealed.run(&["log", "seal", "--generate-key", "seal.key"]).await?.ok()?;
        Ok(sealed)
    }

    /// One of 60 events, sealed at 20, 40 and 55. How it was at 50 is kept as `at_50`, how it is now as `now`.
    pub(super) async fn of_sixty(profile: Profile) -> anyhow::Result<Self> {
        let sealed = Self::new(profile).await?;
        for (upto, seal) in [(20, true), (40, true), (50, false), (55, true), (60, false)] {
            sealed.grow(upto).await?;
            if seal {
                let said = sealed.seal().await?;
                ensure!(said.contains(&format!("sealed: {upto} events")), "{said}");
            }
            if upto == 50 {
                sealed.keep("at_50").await?;
            }
        }
        sealed.keep("now").await?;
        Ok(sealed)
    }

    pub(super) fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    /// Runs the binary on it.
    pub(super) async fn run(&self, arguments: &[&str]) -> anyhow::Result<Ran> {
        let Some(sandbox) = &self.sandbox else {
            return run_in(self.folder.path(), arguments, &[("POSTHASTE_EMBEDDED__DATA", "data")]).await;
        };
        let (url, broker, signals) = (sandbox.postgres_server_url(), sandbox.rabbitmq_url(), sandbox.redis_url());
        let environment = [
            ("POSTHASTE_PROFILE", "distributed"),
            ("POSTHASTE_POSTGRES__URL", &url),
            ("POSTHASTE_RABBITMQ__URL", &broker),
            ("POSTHASTE_REDIS__URL", &signals),
            ("POSTHASTE_AUTH__SIGNING_KEY", "MC4CAQAwBQYDK2VwBCIEILom6DSXToIY3b9//ny6gfzunSZQZSoP2oxQC96XthEs"),
            ("POSTHASTE_AUTH__FACTOR_KEY", "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="),
            ("POSTHASTE_CONTENT__MASTER_KEY", "VGhlIG1hc3RlciBrZXkgdGhhdCB0ZXN0cyB1c2Ugb24="),
        ];
        run_in(self.folder.path(), arguments, &environment).await
    }

    pub(super) async fn seal(&self) -> anyhow::Result<String> {
        self.run(&["log", "seal", "--seals", "seals.jsonl", "--key", "seal.key"]).await?.ok()
    }

    /// Verifies the log, by itself or with its seals.
    pub(super) async fn verify(&self, with_seals: bool, more: &[&str]) -> anyhow::Result<Ran> {
        let seals: &[&str] = if with_seals { &["--seals", "seals.jsonl", "--public-key", "seal.key.pub"] } else { &[] };
        self.run(&[&["log", "verify"], seals, more].concat()).await
    }

    async fn log(&self) -> anyhow::Result<Arc<dyn EventLog>> {
        Ok(match &self.sandbox {
            None => Arc::new(SqliteLog::new(Database::open(&self.path("data"))?, Arc::new(SystemClock))),
            Some(sandbox) => Arc::new(PgLog::new(Postgres::connect(PostgresConfig::new(sandbox.postgres_server_url())).await?)),
        })
    }

    /// Records events until there are so many, each with words of its own.
    pub(super) async fn grow(&self, upto: u64) -> anyhow::Result<()> {
        let log = self.log().await?;
        let head = log.head().await?.position.0;
        let append = |n: u64| {
            // Never the same, however often the log grows again from an old copy.
            let mut append = one_event(SystemIds.next(), message(SystemIds.next()), 0);
            append.actor = Some(UserId::new(Uuid::from_u64_pair(1, n)));
            append.events[0].content = Some(format!("{{\"text\":\"words {n}\"}}").into_bytes());
            append
        };
        for answer in log.append(&(head + 1..=upto).map(append).collect::<Vec<_>>()).await? {
            answer?;
        }
        Ok(())
    }

    /// Keeps a copy of the log as it is.
    async fn keep(&self, name: &str) -> anyhow::Result<()> {
        let Some(sandbox) = &self.sandbox else { return copy(&self.path("data"), &self.path(name)) };
        let owner = owner(sandbox).await?;
        for table in TABLES {
            owner.execute(&format!("CREATE TABLE {name}_{table} AS SELECT * FROM {table}"), &[]).await?;
        }
        Ok(())
    }

    /// Puts a copy in the place of the log.
    pub(super) async fn restore(&self, name: &str) -> anyhow::Result<()> {
        if self.sandbox.is_none() {
            std::fs::remove_dir_all(self.path("data"))?;
            return copy(&self.path(name), &self.path("data"));
        }
        for table in TABLES {
            self.tamper(&[&format!("DELETE FROM {table}"), &format!("INSERT INTO {table} SELECT * FROM {name}_{table}")]).await?;
        }
        Ok(())
    }

    /// Does these statements with all triggers off.
    pub(super) async fn tamper(&self, statements: &[&str]) -> anyhow::Result<()> {
        let Some(sandbox) = &self.sandbox else { return tamper(self.folder.path(), &statements.join(";")) };
        let owner = owner(sandbox).await?;
        for table in TABLES {
            owner.execute(&format!("ALTER TABLE {table} DISABLE TRIGGER ALL"), &[]).await?;
        }
        for statement in statements {
            owner.execute(*statement, &[]).await.with_context(|| (*statement).to_owned())?;
        }
        Ok(())
    }

    /// Alters the content of an event, and makes every hash from there on fit, and the head.
    pub(super) async fn rewrite(&self, position: u64) -> anyhow::Result<()> {
        let log = self.log().await?;
        let mut events = log.read(Position::START, 1_000).await?;
        drop(log);
        let mut before = GENESIS;
        let mut statements = Vec::new();
        for event in &mut events {
            if event.position.0 == position {
                event.content = None;
                statements.push(format!("UPDATE events SET content = NULL WHERE position = {position}"));
            }
            if event.position.0 >= position {
                event.hash = linked(&before, event);
                let hash = self.bytes(&event.hash);
                statements.push(format!("UPDATE events SET hash = {hash} WHERE position = {}", event.position));
            }
            before = event.hash;
        }
        statements.push(format!("UPDATE log_head SET hash = {}", self.bytes(&before)));
        self.tamper(&statements.iter().map(String::as_str).collect::<Vec<_>>()).await
    }

    fn bytes(&self, bytes: &[u8]) -> String {
        let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        if self.sandbox.is_some() { format!("'\\x{digits}'") } else { format!("x'{digits}'") }
    }

    pub(super) fn sandbox(&self) -> Option<&Sandbox> {
        self.sandbox.as_ref()
    }
}

fn linked(before: &[u8; 32], event: &Recorded) -> [u8; 32] {
    link(before, &Link::from(event).digest, event.position, event.at)
}

/// Somebody who may do anything.
async fn owner(sandbox: &Sandbox) -> anyhow::Result<Client> {
    let (client, connection) = tokio_postgres::connect(&sandbox.postgres_owner_url(), NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}
