//! How the database is set up, as far as anything could go wrong by it.

use std::error::Error as _;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use posthaste_application::doctor::{self, Finding};
use posthaste_application::port::Clock;
use tokio::time::timeout;
use tokio_postgres::error::SqlState;
use tokio_postgres::{NoTls, Row};

use super::connect::{PostgresConfig, place};
use super::door::{Statement, statement};
use super::migrations;
use super::schema::{self, Fit};

const DOCTOR: Statement = statement!("doctor");
/// How long it may take to connect and to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Looks at the database of this URL, as the server does, and changes nothing.
pub async fn examine(config: &PostgresConfig, clock: &dyn Clock) -> Vec<Finding> {
    const CHECK: &str = "database";
    let remedy = "start PostgreSQL, and see that postgres.url is right and its role may log in";
    let driver = match config.driver() {
        Ok(driver) => driver,
        // Its words may repeat the password.
        Err(_) => return vec![Finding::fail(CHECK, "postgres.url cannot be read", remedy)],
    };
    let place = place(&driver);
    let connected = timeout(PATIENCE, driver.connect(NoTls)).await;
    let (client, connection) = match connected {
        Ok(Ok(connected)) => connected,
        Ok(Err(error)) => {
            let reason = error.source().map(|source| format!(": {source}")).unwrap_or_default();
            return vec![Finding::fail(CHECK, format!("no way to PostgreSQL at {place}: {error}{reason}"), remedy)];
        }
        Err(_) => return vec![Finding::fail(CHECK, format!("PostgreSQL at {place} does not answer in time"), remedy)],
    };
    let connection = tokio::spawn(connection);
    let (begun, asked_at) = (Instant::now(), clock.now());
    let needed = migrations::version();
    let asked = async {
        let row = client.query_one(DOCTOR.sql, &[]).await?;
        let oldest = schema::oldest(&client, row.get("schema_version"), needed).await?;
        Ok((row, oldest))
    };
    let answered = timeout(PATIENCE, asked).await;
    let took = begun.elapsed();
    drop(client);
    connection.abort();
    let mut findings = vec![Finding::ok(CHECK, format!("PostgreSQL at {place} answers"))];
    match answered {
        Ok(Ok((row, oldest))) => {
            findings.extend(Setup { oldest, ..Setup::from(&row) }.findings(needed));
            let now: DateTime<Utc> = row.get("now");
            let middle = asked_at + TimeDelta::from_std(took / 2).unwrap_or_default();
            findings.push(doctor::of_clocks(now - middle, took / 2));
        }
        Ok(Err(error)) if is_without_schema(&error) => {
            let remedy = "run `posthaste migrate` as the owner of the database, and grant posthaste_server to the role of postgres.url";
            findings.push(Finding::fail("schema", "there is no schema that this role may read", remedy));
        }
        Ok(Err(error)) => findings.push(Finding::fail(CHECK, format!("PostgreSQL cannot say how it is set up: {error}"), remedy)),
        Err(_) => findings.push(Finding::fail(CHECK, "PostgreSQL did not say in time how it is set up", remedy)),
    }
    findings
}

fn is_without_schema(error: &tokio_postgres::Error) -> bool {
    matches!(
        error.code(),
        Some(&SqlState::UNDEFINED_TABLE | &SqlState::UNDEFINED_FUNCTION | &SqlState::INSUFFICIENT_PRIVILEGE | &SqlState::UNDEFINED_OBJECT)
    )
}

/// What was answered.
#[derive(Clone, Debug)]
struct Setup {
    role: String,
    superuser: bool,
    fsync: String,
    full_page_writes: String,
    synchronous_commit: String,
    encoding: String,
    schema: i64,
    oldest: i64,
    owns_the_log: bool,
    rights: Vec<String>,
    missing: Vec<String>,
    unguarded: Vec<String>,
    bytes: i64,
}

impl From<&Row> for Setup {
    fn from(row: &Row) -> Self {
        Self {
            role: row.get("role"),
            superuser: row.get("superuser"),
            fsync: row.get("fsync"),
            full_page_writes: row.get("full_page_writes"),
            synchronous_commit: row.get("synchronous_commit"),
            encoding: row.get("encoding"),
            schema: row.get("schema_version"),
            oldest: row.get("schema_version"),
            owns_the_log: row.get("owns_the_log"),
            rights: row.get("rights"),
            missing: row.get("missing"),
            unguarded: row.get("unguarded"),
            bytes: row.get("bytes"),
        }
    }
}

impl Setup {
    fn findings(&self, needed: i64) -> Vec<Finding> {
        vec![self.schema(needed), self.durability(), self.encoding(), self.rights(), self.guards(), self.disk()]
    }

    fn schema(&self, needed: i64) -> Finding {
        const CHECK: &str = "schema";
        let found = self.schema;
        match Fit::of(found, self.oldest, needed) {
            Fit::Own => Finding::ok(CHECK, format!("the schema is at version {found}, and nothing is pending")),
            Fit::Newer => {
                let says = format!("the schema is at version {found}, which takes this program of version {needed} as well");
                Finding::warn(CHECK, says, "finish the upgrade: start the newer program everywhere")
            }
            Fit::Behind => {
                let says = format!("the schema is at version {found}, and this program needs {needed}: migrations are pending");
                Finding::fail(CHECK, says, "run `posthaste migrate` as the owner; processes that run go on meanwhile")
            }
            Fit::Ahead { oldest } => {
                let says =
                    format!("the schema is at version {found} and takes programs of version {oldest} and newer; this one is of {needed}");
                Finding::fail(CHECK, says, "run the program that migrated it, or a newer one")
            }
        }
    }

    fn durability(&self) -> Finding {
        const CHECK: &str = "durability";
        let Self { fsync, full_page_writes, synchronous_commit, .. } = self;
        if fsync != "on" {
            Finding::fail(CHECK, "fsync is off: a crash would lose what was acknowledged", "set fsync = on in postgresql.conf and reload")
        } else if !matches!(synchronous_commit.as_str(), "on" | "remote_apply") {
            let says =
                format!("synchronous_commit is {synchronous_commit}, although the server asks for on: what was acknowledged could be lost");
            Finding::fail(CHECK, says, "see what is between: a pooler that drops options, or ALTER ROLE … SET")
        } else if full_page_writes != "on" {
            let says = "full_page_writes is off: a crash could tear a page";
            Finding::warn(CHECK, says, "set full_page_writes = on, unless the file system never writes half a page")
        } else {
            Finding::ok(CHECK, "commits are on disk before they are acknowledged")
        }
    }

    fn encoding(&self) -> Finding {
        const CHECK: &str = "encoding";
        let encoding = &self.encoding;
        if encoding == "UTF8" {
            Finding::ok(CHECK, "the database is encoded as UTF8")
        } else {
            Finding::fail(
                CHECK,
                format!("the database is encoded as {encoding}"),
                "create it with ENCODING 'UTF8', and restore the log into it",
            )
        }
    }

    fn rights(&self) -> Finding {
        const CHECK: &str = "rights";
        let Self { role, superuser, owns_the_log, rights, missing, .. } = self;
        if *superuser {
            let remedy = "connect as posthaste_server, or as a role that is a member of nothing else";
            Finding::fail(CHECK, format!("role {role} is a superuser, and could alter the log"), remedy)
        } else if *owns_the_log {
            let remedy = "connect as posthaste_server, or as a role that is a member of nothing else";
            Finding::fail(CHECK, format!("role {role} owns the log, and could switch off what protects it"), remedy)
        } else if rights.is_empty() && !missing.is_empty() {
            let remedy = "grant it as the owner to posthaste_server, and see that the role of postgres.url is a member of it and inherits \
                          from it";
            Finding::fail(CHECK, format!("role {role} lacks {}, and the server needs it", missing.join(", ")), remedy)
        } else if rights.is_empty() {
            Finding::ok(CHECK, format!("role {role} can only read the log, and append to it, and lacks nothing"))
        } else {
            let held = rights.join(", ");
            let remedy = "revoke it as the owner: REVOKE ALL ON events, event_users, log_head FROM the role or the group that has it, \
                          then GRANT SELECT ON them TO posthaste_server";
            Finding::fail(CHECK, format!("role {role} has {held}, and should only read"), remedy)
        }
    }

    /// No role of a server may look at the disk of the database.
    fn disk(&self) -> Finding {
        let says = format!(
            "the database takes {} MiB; how much is free on its disk cannot be seen from here, and is to be watched on the host of PostgreSQL",
            self.bytes >> 20
        );
        Finding::ok("disk", says)
    }

    fn guards(&self) -> Finding {
        const CHECK: &str = "guards";
        if self.unguarded.is_empty() {
            Finding::ok(CHECK, "the database refuses to change what was recorded, for everybody")
        } else {
            let remedy =
                "find out who did it and verify the log, then ALTER TABLE … ENABLE ALWAYS TRIGGER append_only (one_row of log_head)";
            Finding::fail(CHECK, format!("nothing keeps {} from being changed: its trigger is off", self.unguarded.join(", ")), remedy)
        }
    }
}

#[cfg(test)]
mod tests {
    use posthaste_application::doctor::{Verdict, worst};

    use super::*;

    fn fit() -> Setup {
        let on = || "on".to_owned();
        Setup {
            role: "posthaste_server".to_owned(),
            superuser: false,
            fsync: on(),
            full_page_writes: on(),
            synchronous_commit: on(),
            encoding: "UTF8".to_owned(),
            schema: 6,
            oldest: 6,
            owns_the_log: false,
            rights: Vec::new(),
            missing: Vec::new(),
            unguarded: Vec::new(),
            bytes: 64 << 20,
        }
    }

    fn fails(setup: &Setup, needed: i64) -> Vec<&'static str> {
        let findings = setup.findings(needed);
        assert!(findings.iter().all(|finding| (finding.verdict == Verdict::Ok) == finding.remedy.is_none()), "{findings:?}");
        findings.into_iter().filter(|finding| finding.verdict == Verdict::Fail).map(|finding| finding.check).collect()
    }

    #[test]
    fn a_database_that_is_set_up_right_passes() {
        assert_eq!(worst(&fit().findings(6)), Verdict::Ok);
    }

    #[test]
    fn whatever_would_lose_or_bend_what_was_recorded_fails() {
        let off = || "off".to_owned();
        assert_eq!(fails(&fit(), 7), ["schema"]);
        assert_eq!(fails(&fit(), 5), ["schema"]);
        assert_eq!(worst(&Setup { oldest: 5, ..fit() }.findings(5)), Verdict::Warn);
        assert_eq!(fails(&Setup { fsync: off(), ..fit() }, 6), ["durability"]);
        for weak in ["off", "local", "remote_write"] {
            assert_eq!(fails(&Setup { synchronous_commit: weak.to_owned(), ..fit() }, 6), ["durability"], "{weak}");
        }
        assert_eq!(fails(&Setup { encoding: "LATIN1".to_owned(), ..fit() }, 6), ["encoding"]);
        assert_eq!(fails(&Setup { superuser: true, ..fit() }, 6), ["rights"]);
        assert_eq!(fails(&Setup { owns_the_log: true, ..fit() }, 6), ["rights"]);
        assert_eq!(fails(&Setup { rights: vec!["UPDATE on events".to_owned()], ..fit() }, 6), ["rights"]);
        assert_eq!(fails(&Setup { missing: vec!["SELECT on events".to_owned()], ..fit() }, 6), ["rights"]);
        assert_eq!(fails(&Setup { unguarded: vec!["events".to_owned()], ..fit() }, 6), ["guards"]);
    }

    #[test]
    fn torn_pages_are_warned_of() {
        assert_eq!(worst(&Setup { full_page_writes: "off".to_owned(), ..fit() }.findings(6)), Verdict::Warn);
    }
}
