//! Second factors, on real processes: where their secrets are and are not, what guessing comes to, and how whoever has lost one gets in.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::time::Instant;

use anyhow::{Context as _, ensure};
use posthaste_application::port::Clock as _;
use posthaste_infrastructure::system::SystemClock;
use posthaste_tests::actor::User;
use posthaste_tests::authenticator::Authenticator;
use posthaste_tests::node::run_posthaste;
use posthaste_tests::services::{Scratch, connect};
use posthaste_tests::{Node, NodeSettings, Profile, Sandbox, Stage, hygiene};
use reqwest::Method;
use serde_json::{Value, json};

/// Somebody with a second factor.
struct Guarded {
    user: User,
    authenticator: Authenticator,
    recovery: Vec<String>,
}

impl Guarded {
    async fn new(base: &str) -> anyhow::Result<Self> {
        let user = User::register(base, "alice").await?;
        let authenticator = Authenticator::new(&user.call(base, Method::POST, "/v1/me/totp", None).await?)?;
        let code = json!({ "code": authenticator.code(SystemClock.now(), 0) });
        let confirmed = user.call(base, Method::POST, "/v1/me/totp/confirm", Some(code)).await?;
        let recovery: Vec<String> = serde_json::from_value(confirmed["recovery_codes"].clone())?;
        recovery.iter().for_each(|code| hygiene::remember(code));
        Ok(Self { user, authenticator, recovery })
    }

    /// A try to log in with the right password from an address: the status and the code of the problem.
    async fn log_in(&self, base: &str, from: &str, code: Option<&str>) -> anyhow::Result<(u16, Option<String>)> {
        self.log_in_with(base, from, self.user.password(), code).await
    }

    async fn log_in_with(&self, base: &str, from: &str, password: &str, code: Option<&str>) -> anyhow::Result<(u16, Option<String>)> {
        let login = json!({ "login": self.user.username(), "password": password, "code": code });
        let answered =
            posthaste_tests::http::client().post(format!("{base}/v1/sessions")).header("x-forwarded-for", from).json(&login).send().await?;
        let (status, body) = (answered.status().as_u16(), answered.json::<Value>().await?);
        Ok((status, body["code"].as_str().map(str::to_owned)))
    }

    /// A proof for the login that set it up: the status.
    async fn step_up(&self, base: &str, code: &str) -> anyhow::Result<u16> {
        let evidence = json!({ "password": self.user.password(), "code": code });
        Ok(self.user.answer(base, Method::POST, "/v1/sessions/current/step-up", Some(evidence)).await?.0)
    }

    fn wrong(&self) -> String {
        self.authenticator.wrong(SystemClock.now())
    }
}

/// What the log has about somebody, as it is exported.
async fn told(settings: &NodeSettings) -> anyhow::Result<(String, Vec<Value>)> {
    let exported = run_posthaste(settings, &["log", "export"]).await?;
    ensure!(exported.status.success(), "{exported:?}");
    let exported = String::from_utf8(exported.stdout)?;
    let events = exported.lines().map(serde_json::from_str::<Value>).collect::<Result<Vec<_>, _>>()?;
    Ok((exported, events))
}

/// Whether these bytes are anywhere in these.
fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// Everything that is stored of the second factors there are, and of everything else in the embedded profile.
async fn stored(data: &Scratch, sandbox: Option<&Sandbox>) -> anyhow::Result<Vec<u8>> {
    if let Some(sandbox) = sandbox {
        let rows = connect(&sandbox.postgres_owner_url()).await?.query("SELECT sealed, recovery FROM factors", &[]).await?;
        ensure!(!rows.is_empty(), "nothing is stored");
        return Ok(rows.iter().flat_map(|row| [row.get::<_, Vec<u8>>(0), row.get(1)].concat()).collect());
    }
    let mut bytes = Vec::new();
    for file in fs::read_dir(data.path().join("data"))? {
        bytes.extend(fs::read(file?.path())?);
    }
    ensure!(holds(&bytes, b"user.two_factor_enabled"), "nothing is stored");
    Ok(bytes)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_second_factor_is_made_of_is_told_to_nobody_embedded() -> anyhow::Result<()> {
    what_a_second_factor_is_made_of_is_told_to_nobody(Profile::Embedded).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_second_factor_is_made_of_is_told_to_nobody_distributed() -> anyhow::Result<()> {
    what_a_second_factor_is_made_of_is_told_to_nobody(Profile::Distributed).await
}

/// Neither by the log, nor by what the server writes, which is read when it ends; and nobody can read it where it is stored. That there is
/// one is told, and whether it was given up.
async fn what_a_second_factor_is_made_of_is_told_to_nobody(profile: Profile) -> anyhow::Result<()> {
    let data = Scratch::new()?;
    let (settings, sandbox) = match profile {
        Profile::Embedded => (NodeSettings::embedded(&data.path().join("data")), None),
        Profile::Distributed => {
            let sandbox = Sandbox::migrated("factors").await?;
            (NodeSettings::distributed(&sandbox), Some(sandbox))
        }
    };
    let mut node = Node::start("a node", settings.with("LOG", "debug")).await?;
    let base = node.base();
    let guarded = Guarded::new(&base).await?;
    ensure!(guarded.log_in(&base, "192.0.2.1", Some(&guarded.wrong())).await?.0 == 403);
    ensure!(guarded.log_in(&base, "192.0.2.1", Some(&guarded.recovery[0])).await?.0 == 201);
    ensure!(guarded.step_up(&base, &guarded.recovery[1]).await? == 200);
    let stored = stored(&data, sandbox.as_ref()).await?;
    let shown = guarded.user.call(&base, Method::GET, "/v1/me/totp", None).await?;
    ensure!(shown["recovery_codes"] == 8, "{shown}");
    guarded.user.call(&base, Method::DELETE, "/v1/me/totp", None).await?;

    let (exported, events) = told(node.settings()).await?;
    let of_them = |event: &&Value| event["type"].as_str().is_some_and(|name| name.contains("two_factor"));
    let told: Vec<_> = events.iter().filter(of_them).map(|event| (event["type"].as_str().unwrap(), event["actor"].as_str())).collect();
    let id = guarded.user.id().to_string();
    ensure!(told == [("user.two_factor_enabled", Some(id.as_str())), ("user.two_factor_disabled", Some(id.as_str()))], "{told:?}");

    node.terminate().await?;
    let mut secrets = guarded.recovery.clone();
    secrets.extend(guarded.recovery.iter().map(|code| code.replace('-', "")));
    secrets.extend(guarded.recovery.iter().map(|code| code.replace('-', "").to_uppercase()));
    secrets.push(guarded.authenticator.typed_secret());
    for secret in &secrets {
        ensure!(!holds(&stored, secret.as_bytes()), "it is stored in the clear");
        ensure!(!exported.contains(secret.as_str()), "it is in the log");
        ensure!(!node.logs().contains(secret.as_str()), "it was written");
    }
    ensure!(!holds(&stored, guarded.authenticator.secret()), "the secret is stored in the clear");
    Ok(())
}

/// Limits as they are, and a proxy that is believed.
fn strict(settings: NodeSettings) -> NodeSettings {
    settings.with("LIMITS__SCALE", "1").with("SERVER__TRUSTED_PROXIES", "127.0.0.0/8,::1")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_totp_brute_force_is_stopped_however_many_addresses_it_comes_from_embedded() -> anyhow::Result<()> {
    a_totp_brute_force_is_stopped_however_many_addresses_it_comes_from(Profile::Embedded).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_totp_brute_force_is_stopped_however_many_addresses_it_comes_from_distributed() -> anyhow::Result<()> {
    a_totp_brute_force_is_stopped_however_many_addresses_it_comes_from(Profile::Distributed).await
}

async fn a_totp_brute_force_is_stopped_however_many_addresses_it_comes_from(profile: Profile) -> anyhow::Result<()> {
    let stage = Stage::start(profile, strict).await?;
    let base = stage.base();
    let guarded = Guarded::new(&base).await?;
    // To be asked for a code is nothing wrong, however often.
    for _ in 0..20 {
        let asked = guarded.log_in(&base, "203.0.113.1", None).await?;
        ensure!(asked == (401, Some("second_factor_required".to_owned())), "{asked:?}");
    }
    // Somebody has the password, and any number of addresses. With the first refusal there is none that is not refused.
    let (mut wrong, mut refused, begun) = (0, 0, Instant::now());
    for bot in 0..40 {
        match guarded.log_in(&base, &format!("198.51.100.{bot}"), Some(&guarded.wrong())).await? {
            (403, Some(code)) if code == "wrong_code" => wrong += 1,
            (429, Some(code)) if code == "rate_limited" => refused += 1,
            other => anyhow::bail!("{other:?}"),
        }
    }
    // Five, and one more for each ten seconds that it took.
    let most = 6 + begun.elapsed().as_secs() / 10;
    ensure!((5..=most).contains(&wrong) && refused > 0, "{wrong} wrong codes were looked at, {refused} were not");
    // A right one is not looked at either; but who is logged in can prove who they are, and change the password.
    ensure!(guarded.log_in(&base, "203.0.113.2", Some(&guarded.recovery[0])).await?.0 == 429);
    ensure!(guarded.step_up(&base, &guarded.recovery[1]).await? == 200);
    let change = json!({ "current": guarded.user.password(), "new": "a password that nobody else has" });
    guarded.user.call(&base, Method::PUT, "/v1/me/password", Some(change)).await?;
    ensure!(guarded.log_in(&base, "198.51.100.1", Some(&guarded.wrong())).await? == (401, Some("unauthorized".to_owned())));
    // Nobody else has noticed.
    let other = Guarded::new(&base).await?;
    ensure!(other.log_in(&base, "203.0.113.3", Some(&other.recovery[0])).await?.0 == 201);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_code_counts_as_a_wrong_password_does() -> anyhow::Result<()> {
    let stage = Stage::start(Profile::Embedded, strict).await?;
    let base = stage.base();
    let guarded = Guarded::new(&base).await?;
    // Of an address five tries are looked at, then one in two seconds: the password is right in some of them, which makes nothing good.
    let mut statuses = Vec::new();
    for n in 0..12 {
        let (password, code) = if n % 3 == 2 { ("wrong", None) } else { (guarded.user.password(), Some(guarded.wrong())) };
        let (status, _) = guarded.log_in_with(&base, "192.0.2.7", password, code.as_deref()).await?;
        if n % 2 == 0 && status != 429 {
            // That a code is asked for in between gives nothing back.
            guarded.log_in(&base, "192.0.2.7", None).await?;
        }
        statuses.push(status);
    }
    ensure!(statuses[..5] == [403, 403, 401, 403, 403] && statuses.contains(&429), "{statuses:?}");
    // From elsewhere a password that is right is not held up.
    ensure!(guarded.log_in(&base, "192.0.2.8", None).await?.0 == 401);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_guesses_has_to_wait() -> anyhow::Result<()> {
    let stage = Stage::start(Profile::Embedded, strict).await?;
    let base = stage.base();
    let guarded = Guarded::new(&base).await?;
    let mut statuses = Vec::new();
    for _ in 0..8 {
        statuses.push(guarded.step_up(&base, &guarded.wrong()).await?);
    }
    ensure!(statuses[..5] == [403; 5] && statuses.contains(&429), "{statuses:?}");
    // It is the affair of that session alone.
    ensure!(guarded.log_in(&base, "192.0.2.9", Some(&guarded.recovery[0])).await?.0 == 201);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_has_lost_everything_is_helped_at_the_console_embedded() -> anyhow::Result<()> {
    whoever_has_lost_everything_is_helped_at_the_console(Profile::Embedded).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_has_lost_everything_is_helped_at_the_console_distributed() -> anyhow::Result<()> {
    whoever_has_lost_everything_is_helped_at_the_console(Profile::Distributed).await
}

async fn whoever_has_lost_everything_is_helped_at_the_console(profile: Profile) -> anyhow::Result<()> {
    let stage = Stage::start(profile, |settings| settings).await?;
    let base = stage.base();
    let guarded = Guarded::new(&base).await?;
    ensure!(guarded.log_in(&base, "192.0.2.1", None).await?.0 == 401);
    for changed in [true, false] {
        let arguments = ["users", "disable-two-factor", guarded.user.username(), "--json"];
        let ran = run_posthaste(stage.node().settings(), &arguments).await?;
        let said: Value = serde_json::from_slice(&ran.stdout).with_context(|| format!("{ran:?}"))?;
        ensure!(said["changed"] == changed, "{said}");
    }
    ensure!(guarded.log_in(&base, "192.0.2.1", None).await?.0 == 201);
    let (_, events) = told(stage.node().settings()).await?;
    let last = events.iter().rfind(|event| event["type"] == "user.two_factor_disabled").context("it is told")?;
    ensure!(last["actor"].is_null(), "{last}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_another_key_no_code_is_right_and_a_recovery_code_gets_in() -> anyhow::Result<()> {
    let folder = Scratch::new()?;
    let data = folder.path().join("data");
    let mut node = Node::start("a node", NodeSettings::embedded(&data)).await?;
    let guarded = Guarded::new(&node.base()).await?;
    node.terminate().await?;
    fs::remove_file(data.join("factor.key"))?;
    node.restart().await?;
    let base = node.base();
    let code = guarded.authenticator.code(SystemClock.now(), 1);
    ensure!(guarded.log_in(&base, "192.0.2.1", Some(&code)).await? == (500, Some("internal".to_owned())));
    ensure!(guarded.log_in(&base, "192.0.2.1", Some(&guarded.recovery[0])).await?.0 == 201);
    // And sets another one up.
    ensure!(guarded.step_up(&base, &guarded.recovery[1]).await? == 200);
    guarded.user.call(&base, Method::DELETE, "/v1/me/totp", None).await?;
    guarded.user.call(&base, Method::POST, "/v1/me/totp", None).await?;
    Ok(())
}
