//! A deployment that people leave.

use anyhow::{Context as _, ensure};
use posthaste_domain::UserId;
use posthaste_tests::actor::User;
use posthaste_tests::node::run_posthaste;
use posthaste_tests::services::{Scratch, connect};
use posthaste_tests::{Node, NodeSettings, Profile, Sandbox, hygiene};
use reqwest::Method;
use serde_json::{Value, json};

/// One server, or two over the same services.
pub(crate) struct Deployment {
    pub(crate) nodes: Vec<Node>,
    pub(crate) settings: NodeSettings,
    pub(crate) data: Scratch,
    sandbox: Option<Sandbox>,
}

impl Deployment {
    /// One where whoever leaves may think better of it for so long; `change` has the last word.
    pub(crate) async fn start(profile: Profile, grace_s: u32, change: impl Fn(NodeSettings) -> NodeSettings) -> anyhow::Result<Self> {
        let data = Scratch::new()?;
        let (settings, sandbox) = match profile {
            Profile::Embedded => (NodeSettings::embedded(&data.path().join("data")), None),
            Profile::Distributed => {
                let sandbox = Sandbox::migrated("deleting").await?;
                (NodeSettings::distributed(&sandbox).with("AUTH__PASSKEY_DOMAIN", "localhost"), Some(sandbox))
            }
        };
        let settings = change(settings.with("RULES__DELETION_GRACE_S", grace_s.to_string()).with("RELAY__LEASE_S", "2"));
        let mut nodes = vec![Node::start("one", settings.clone()).await?];
        if profile == Profile::Distributed {
            nodes.push(Node::start("other", settings.clone()).await?);
        }
        Ok(Self { nodes, settings, data, sandbox })
    }

    /// The first server, and the last.
    pub(crate) fn ends(&self) -> (String, String) {
        (self.nodes[0].base(), self.nodes[self.nodes.len() - 1].base())
    }

    /// What a command at the console says.
    pub(crate) async fn command(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let ran = run_posthaste(&self.settings, arguments).await?;
        ensure!(ran.status.success(), "{arguments:?}: {ran:?}");
        Ok(String::from_utf8(ran.stdout)?)
    }

    /// How many events of a type there are, as the log has them.
    pub(crate) async fn recorded(&self, event_type: &str) -> anyhow::Result<usize> {
        let exported = self.command(&["log", "export", "--type", event_type]).await?;
        // The last line is about the export itself.
        let of_the_type = format!("\"type\":\"{event_type}\"");
        Ok(exported.lines().filter(|line| line.contains(&of_the_type)).count())
    }

    /// Has every server killed, and started again.
    pub(crate) async fn kill_all(&mut self, between: impl AsyncFnOnce(&Self) -> anyhow::Result<()>) -> anyhow::Result<()> {
        for node in &mut self.nodes {
            node.kill9()?;
        }
        between(self).await?;
        for node in &mut self.nodes {
            node.restart().await?;
        }
        Ok(())
    }

    /// The credentials of somebody cannot be forgotten from now on.
    pub(crate) async fn keep(&self, user: UserId) -> anyhow::Result<()> {
        let on_postgres = [
            "CREATE FUNCTION not_now() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not now'; END $$".to_owned(),
            format!(
                "CREATE TRIGGER not_now BEFORE DELETE ON credentials FOR EACH ROW WHEN (OLD.user_id = '{user}') EXECUTE FUNCTION not_now()"
            ),
        ];
        let on_sqlite = format!(
            "CREATE TRIGGER not_now BEFORE DELETE ON credentials WHEN OLD.user_id = x'{}' BEGIN SELECT RAISE(ABORT, 'not now'); END",
            user.uuid().simple()
        );
        self.change(&on_postgres, &on_sqlite).await
    }

    /// They can be forgotten again.
    pub(crate) async fn let_go(&self) -> anyhow::Result<()> {
        self.change(&["DROP TRIGGER not_now ON credentials".to_owned()], "DROP TRIGGER not_now").await
    }

    async fn change(&self, on_postgres: &[String], on_sqlite: &str) -> anyhow::Result<()> {
        match &self.sandbox {
            Some(sandbox) => {
                let client = connect(&sandbox.postgres_owner_url()).await?;
                for statement in on_postgres {
                    client.execute(statement, &[]).await?;
                }
            }
            None => {
                let database = rusqlite::Connection::open(self.data.path().join("data/posthaste.db"))?;
                database.busy_timeout(std::time::Duration::from_secs(10))?;
                database.execute(on_sqlite, ())?;
            }
        }
        Ok(())
    }

    /// How many rows there are of what somebody logs in with.
    pub(crate) async fn kept_of(&self, user: UserId) -> anyhow::Result<i64> {
        let mut kept = 0;
        for table in ["credentials", "sessions", "factors", "passkeys", "identities", "one_time_tokens"] {
            let count = format!("SELECT count(*) FROM {table} WHERE user_id = ");
            kept += match &self.sandbox {
                Some(sandbox) => {
                    let client = connect(&sandbox.postgres_owner_url()).await?;
                    client.query_one(&format!("{count}$1"), &[&user.uuid()]).await?.get::<_, i64>(0)
                }
                None => {
                    let file = self.data.path().join("data/posthaste.db");
                    let database = rusqlite::Connection::open_with_flags(file, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY)?;
                    database.query_row(&format!("{count}?1"), [user.uuid().as_bytes()], |row| row.get(0))?
                }
            };
        }
        Ok(kept)
    }
}

/// Asks to leave, and gives until when one may think better of it.
pub(crate) async fn leave(base: &str, user: &User) -> anyhow::Result<String> {
    let (status, ending) = ask_to_leave(base, user).await?;
    ensure!(status == 200, "{status}: {ending}");
    ending["final_at"].as_str().map(str::to_owned).context("a time")
}

/// Asks to leave: the status, and what is said.
pub(crate) async fn ask_to_leave(base: &str, user: &User) -> anyhow::Result<(u16, Value)> {
    user.answer(base, Method::POST, "/v1/me/deletion", Some(json!({ "username": user.username() }))).await
}

/// Logs somebody in, and gives what was answered.
pub(crate) async fn log_in(base: &str, user: &User, cancel: bool) -> anyhow::Result<(u16, Value)> {
    log_in_with(base, json!({ "login": user.username(), "password": user.password(), "cancel_deletion": cancel })).await
}

/// The same with whatever one likes.
pub(crate) async fn log_in_with(base: &str, login: Value) -> anyhow::Result<(u16, Value)> {
    post(base, "/v1/sessions", login).await
}

/// A request of nobody in particular. Nobody may log the tokens in the answer.
pub(crate) async fn post(base: &str, path: &str, body: Value) -> anyhow::Result<(u16, Value)> {
    let answered = posthaste_tests::http::client().post(format!("{base}{path}")).json(&body).send().await?;
    let (status, body) = (answered.status().as_u16(), answered.json::<Value>().await?);
    for token in ["access_token", "refresh_token"] {
        hygiene::remember(body[token].as_str().unwrap_or_default());
    }
    Ok((status, body))
}

/// The status and the code of a problem.
pub(crate) fn code(answer: &(u16, Value)) -> (u16, Option<&str>) {
    (answer.0, answer.1["code"].as_str())
}

/// Whether somebody is shown without the names that they had.
pub(crate) async fn is_erased(base: &str, by: &User, user: &User) -> anyhow::Result<bool> {
    let shown = by.call(base, Method::GET, &format!("/v1/users/{}", user.id()), None).await?;
    Ok(shown["username"].is_null() && shown["display_name"].is_null())
}
