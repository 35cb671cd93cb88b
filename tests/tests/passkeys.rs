//! Passkeys, on real processes: what one is good for, and that nothing else is as good.

use anyhow::{Context as _, ensure};
use data_encoding::BASE64URL_NOPAD;
use futures::future::try_join_all;
use posthaste_application::port::Clock as _;
use posthaste_infrastructure::system::SystemClock;
use posthaste_tests::actor::User;
use posthaste_tests::authenticator::Authenticator;
use posthaste_tests::node::run_posthaste;
use posthaste_tests::passkey::SoftPasskey;
use posthaste_tests::services::Scratch;
use posthaste_tests::{Node, NodeSettings, Profile, Sandbox, hygiene};
use reqwest::Method;
use serde_json::{Value, json};

/// The page that passkeys are used on.
const PAGE: &str = "http://localhost:3000";

/// A deployment: one server, or two over the same services.
struct Deployment {
    nodes: Vec<Node>,
    _sandbox: Option<Sandbox>,
    data: Scratch,
}

impl Deployment {
    async fn start(profile: Profile, change: impl Fn(NodeSettings) -> NodeSettings) -> anyhow::Result<Self> {
        let data = Scratch::new()?;
        let (settings, sandbox) = match profile {
            Profile::Embedded => (NodeSettings::embedded(&data.path().join("data")), None),
            Profile::Distributed => {
                let sandbox = Sandbox::migrated("passkeys").await?;
                (NodeSettings::distributed(&sandbox), Some(sandbox))
            }
        };
        let mut nodes = vec![Node::start("one", change(settings.clone())).await?];
        if profile == Profile::Distributed {
            nodes.push(Node::start("other", change(settings)).await?);
        }
        Ok(Self { nodes, _sandbox: sandbox, data })
    }

    /// Where ceremonies begin.
    fn one(&self) -> String {
        self.nodes[0].base()
    }

    /// Where they are finished: on another node, if there is one.
    fn other(&self) -> String {
        self.nodes[self.nodes.len() - 1].base()
    }

    /// What an authenticator is asked to prove who somebody is.
    async fn challenge(&self) -> anyhow::Result<Value> {
        let asked = posthaste_tests::http::client().post(format!("{}/v1/sessions/passkey/challenge", self.one())).send().await?;
        ensure!(asked.status() == 200, "{asked:?}");
        Ok(asked.json().await?)
    }

    /// A try to log in: the status, and what is said.
    async fn present(&self, assertion: &Value) -> anyhow::Result<(u16, Value)> {
        let login = json!({ "passkey": assertion, "name": "With a key" });
        let answered = posthaste_tests::http::client().post(format!("{}/v1/sessions/passkey", self.other())).json(&login).send().await?;
        let (status, body) = (answered.status().as_u16(), answered.json::<Value>().await?);
        remember(&body);
        Ok((status, body))
    }

    /// A new answer of a passkey.
    async fn assertion(&self, passkey: &mut SoftPasskey) -> anyhow::Result<Value> {
        let asked = self.challenge().await?;
        passkey.assertion(&asked)
    }

    /// Logs in with a passkey: the status, and what is said.
    async fn log_in(&self, passkey: &mut SoftPasskey) -> anyhow::Result<(u16, Value)> {
        self.present(&self.assertion(passkey).await?).await
    }

    async fn begin(&self, user: &User) -> anyhow::Result<Value> {
        user.call(&self.one(), Method::POST, "/v1/me/passkeys/challenge", None).await
    }

    /// A try to register what a passkey has answered.
    async fn register(&self, user: &User, asked: &Value, passkey: &mut SoftPasskey) -> anyhow::Result<(u16, Value)> {
        let mut body = passkey.registration(asked)?;
        body["name"] = json!("My key");
        user.answer(&self.other(), Method::POST, "/v1/me/passkeys", Some(body)).await
    }

    /// Somebody with a passkey, and what it is called by the server.
    async fn somebody(&self, name: &str) -> anyhow::Result<(User, SoftPasskey, String)> {
        let user = User::register(&self.one(), name).await?;
        let mut passkey = SoftPasskey::new("localhost", PAGE);
        let asked = self.begin(&user).await?;
        let (status, made) = self.register(&user, &asked, &mut passkey).await?;
        ensure!(status == 201, "{status}: {made}");
        let id = made["id"].as_str().context("an id")?.to_owned();
        Ok((user, passkey, id))
    }
}

fn with_a_domain(settings: NodeSettings) -> NodeSettings {
    settings.with("AUTH__PASSKEY_DOMAIN", "localhost")
}

/// The tokens of a login are in no log.
fn remember(login: &Value) {
    for token in ["access_token", "refresh_token"] {
        hygiene::remember(login[token].as_str().unwrap_or_default());
    }
}

macro_rules! on_both_profiles {
    ($($test:ident $change:ident;)+) => {
        mod embedded {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $test() -> anyhow::Result<()> {
                    super::$test(super::Deployment::start(super::Profile::Embedded, super::$change).await?).await
                }
            )+
        }

        mod distributed {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $test() -> anyhow::Result<()> {
                    super::$test(super::Deployment::start(super::Profile::Distributed, super::$change).await?).await
                }
            )+
        }
    };
}

on_both_profiles! {
    a_passkey_logs_in_steps_up_and_stands_in_for_a_code with_a_domain;
    an_assertion_that_proves_nothing_lets_nobody_in with_a_domain;
    a_stolen_or_foreign_registration_registers_nothing with_a_domain;
    of_many_who_give_the_same_assertion_at_once_one_gets_in with_a_domain;
    what_is_removed_suspended_or_switched_off_at_the_console_lets_nobody_in with_a_domain;
}

async fn a_passkey_logs_in_steps_up_and_stands_in_for_a_code(deployment: Deployment) -> anyhow::Result<()> {
    let (one, other) = (deployment.one(), deployment.other());
    let (alice, mut passkey, id) = deployment.somebody("alice").await?;
    let (status, session) = deployment.log_in(&mut passkey).await?;
    ensure!(status == 201 && session["user"]["id"] == json!(alice.id()), "{status}: {session}");
    let listed = alice.call(&one, Method::GET, "/v1/me/passkeys", None).await?;
    let mine = &listed["items"][0];
    ensure!(listed["items"].as_array().map(Vec::len) == Some(1) && mine["id"] == json!(id) && mine["name"] == "My key", "{listed}");
    ensure!(mine["used_at"].is_string(), "{listed}");
    let path = format!("/v1/me/passkeys/{id}");
    let renamed = alice.call(&one, Method::PATCH, &path, Some(json!({ "name": "On the ring" }))).await?;
    ensure!(renamed["name"] == "On the ring", "{renamed}");

    // A page logs in with it too, if it says that it is one.
    let login = json!({ "passkey": deployment.assertion(&mut passkey).await?, "mode": "cookie" });
    let page = posthaste_tests::http::client()
        .post(format!("{other}/v1/sessions/passkey"))
        .header("origin", "https://evil.example")
        .json(&login)
        .send()
        .await?;
    ensure!(page.status() == 403 && page.headers().get("set-cookie").is_none(), "{page:?}");
    let of_ours = posthaste_tests::http::client()
        .post(format!("{other}/v1/sessions/passkey"))
        .header("origin", &other)
        .header("x-posthaste-csrf", "1");
    let page = of_ours.json(&login).send().await?;
    ensure!(page.status() == 201 && page.headers().contains_key("set-cookie"), "{page:?}");

    // With a second factor it stands in for a code, and for all there is to prove.
    let authenticator = Authenticator::new(&alice.call(&one, Method::POST, "/v1/me/totp", None).await?)?;
    let code = json!({ "code": authenticator.code(SystemClock.now(), 0) });
    alice.call(&one, Method::POST, "/v1/me/totp/confirm", Some(code)).await?;
    let (_bob, mut bobs, _) = deployment.somebody("bob").await?;
    let with_password = async |passkey: Option<&mut SoftPasskey>| {
        let assertion = match passkey {
            Some(passkey) => Some(deployment.assertion(passkey).await?),
            None => None,
        };
        let login = json!({ "login": alice.username(), "password": alice.password(), "passkey": assertion });
        let answered = posthaste_tests::http::client().post(format!("{other}/v1/sessions")).json(&login).send().await?;
        let (status, body) = (answered.status().as_u16(), answered.json::<Value>().await?);
        remember(&body);
        anyhow::Ok((status, body["code"].as_str().map(str::to_owned)))
    };
    ensure!(with_password(None).await? == (401, Some("second_factor_required".to_owned())));
    ensure!(with_password(Some(&mut bobs)).await? == (403, Some("wrong_code".to_owned())), "it is somebody else's");
    ensure!(with_password(Some(&mut passkey)).await?.0 == 201);
    let (status, session) = deployment.log_in(&mut passkey).await?;
    ensure!(status == 201, "by itself it is both: {session}");

    let (status, refused) = alice.answer(&one, Method::DELETE, &path, None).await?;
    ensure!(status == 403 && refused["code"] == "step_up_required", "{status}: {refused}");
    let step_up = async |passkey: &mut SoftPasskey| {
        let evidence = json!({ "passkey": deployment.assertion(passkey).await? });
        alice.answer(&other, Method::POST, "/v1/sessions/current/step-up", Some(evidence)).await
    };
    let (status, refused) = step_up(&mut bobs).await?;
    ensure!(status == 403 && refused["code"] == "forbidden", "{status}: {refused}");
    let (status, proved) = step_up(&mut passkey).await?;
    ensure!(status == 200, "{status}: {proved}");
    let (status, removed) = alice.answer(&one, Method::DELETE, &path, None).await?;
    ensure!(status == 204, "{status}: {removed}");
    Ok(())
}

/// Whatever is wrong with it, the answer is the same, and a right one is taken afterwards.
async fn an_assertion_that_proves_nothing_lets_nobody_in(deployment: Deployment) -> anyhow::Result<()> {
    let (alice, mut passkey, _) = deployment.somebody("alice").await?;
    let (bob, bobs, _) = deployment.somebody("bob").await?;
    let mut wrong: Vec<(&str, Value)> = Vec::new();
    let mut told = |what, assertion| wrong.push((what, assertion));

    let used = deployment.assertion(&mut passkey).await?;
    let older = deployment.assertion(&mut passkey).await?;
    let newer = deployment.assertion(&mut passkey).await?;
    ensure!(deployment.present(&used).await?.0 == 201);
    told("replayed", used.clone());
    ensure!(deployment.present(&newer).await?.0 == 201);
    told("of a ceremony before the last", older);

    let (one, another) = (deployment.challenge().await?, deployment.challenge().await?);
    told("the answer to another challenge", json!({ "ceremony": one["ceremony"], "credential": passkey.get(&another["options"])? }));
    let registering = deployment.begin(&alice).await?;
    told("in a ceremony that registers", passkey.assertion(&registering)?);
    let mut altered = deployment.assertion(&mut passkey).await?;
    let ceremony = altered["ceremony"].as_str().context("a ceremony")?.to_owned();
    altered["ceremony"] = json!(format!("{}{}", if ceremony.starts_with('A') { "B" } else { "A" }, &ceremony[1..]));
    told("in a ceremony that was made up", altered);

    let mut like = |change: &dyn Fn(&mut SoftPasskey)| {
        let mut changed = passkey.clone();
        change(&mut changed);
        passkey.count += 1;
        changed
    };
    let mut changed = vec![
        ("on another page", like(&|key| key.origin = "https://evil.example".to_owned())),
        ("on a page that begins like ours", like(&|key| key.origin = "http://localhost.evil.example".to_owned())),
        ("for another domain", like(&|key| key.domain = "evil.example".to_owned())),
        ("by somebody unknown to the authenticator", like(&|key| key.verified = false)),
        ("as another user", like(&|key| key.user = bob.id().uuid().as_bytes().to_vec())),
        ("as nobody", like(&|key| key.user = Vec::new())),
        ("with the credential of another", like(&|key| key.credential.clone_from(&bobs.credential))),
        ("with a credential that nobody has", like(&|key| key.credential = vec![7; 32])),
        ("by a copy that was used less often", like(&|key| key.count = 0)),
    ];
    for (what, passkey) in &mut changed {
        told(what, deployment.assertion(passkey).await?);
    }
    let mut forged = bobs.clone();
    (forged.credential, forged.user, forged.count) = (passkey.credential.clone(), passkey.user.clone(), 1_000);
    told("signed by another key", deployment.assertion(&mut forged).await?);
    for (part, what) in
        [("signature", "with another signature"), ("authenticatorData", "with other data"), ("clientDataJSON", "as no JSON")]
    {
        let mut tampered = deployment.assertion(&mut passkey).await?;
        let part = &mut tampered["credential"]["response"][part];
        let text = part.as_str().context("text")?.to_owned();
        let last = text.len() - 3;
        *part = json!(format!("{}{}{}", &text[..last], if &text[last..=last] == "A" { "B" } else { "A" }, &text[last + 1..]));
        told(what, tampered);
    }
    let mut bare = deployment.assertion(&mut passkey).await?;
    bare["credential"] = json!({});
    told("with nothing", bare);

    let mut said = Vec::new();
    for (what, assertion) in wrong {
        let (status, mut body) = deployment.present(&assertion).await?;
        ensure!(status == 401, "{what}: {status} {body}");
        body["request_id"].take();
        said.push((what, body));
    }
    for (what, body) in &said {
        ensure!(*body == said[0].1, "{what}: {body} and {}", said[0].1);
    }
    let (status, session) = deployment.log_in(&mut passkey).await?;
    ensure!(status == 201, "{session}");
    Ok(())
}

async fn a_stolen_or_foreign_registration_registers_nothing(deployment: Deployment) -> anyhow::Result<()> {
    let (alice, mut hers, _) = deployment.somebody("alice").await?;
    let mallory = User::register(&deployment.one(), "mallory").await?;
    let refused = async |what: &str, user: &User, asked: &Value, passkey: &mut SoftPasskey, expected: u16| {
        let (status, body) = deployment.register(user, asked, passkey).await?;
        ensure!(status == expected, "{what}: {status} {body}");
        anyhow::Ok(())
    };
    let new = || SoftPasskey::new("localhost", PAGE);
    refused("begun by another user", &mallory, &deployment.begin(&alice).await?, &mut new(), 403).await?;
    let asked = deployment.begin(&alice).await?;
    alice.take_up(&alice.another_login(&deployment.one()).await?);
    refused("begun by another login", &alice, &asked, &mut new(), 403).await?;
    refused("a challenge that logs in", &mallory, &with_user(deployment.challenge().await?, &mallory), &mut new(), 403).await?;
    let mut foreign = new();
    foreign.origin = "https://evil.example".to_owned();
    refused("made on another page", &mallory, &deployment.begin(&mallory).await?, &mut foreign, 403).await?;
    let mut unverified = new();
    unverified.verified = false;
    refused("made by somebody unknown", &mallory, &deployment.begin(&mallory).await?, &mut unverified, 403).await?;
    // The same credential, with another key or the same.
    let mut same = new();
    same.credential.clone_from(&hers.credential);
    refused("registered by somebody else", &mallory, &deployment.begin(&mallory).await?, &mut same, 409).await?;
    let asked = deployment.begin(&alice).await?;
    let known = asked["options"]["publicKey"]["excludeCredentials"].as_array().map(Vec::len);
    ensure!(known == Some(1), "her authenticator is told of what there is: {asked}");
    refused("registered already", &alice, &asked, &mut hers.clone(), 403).await?;
    ensure!(asked["options"]["publicKey"]["authenticatorSelection"]["residentKey"] == "required", "{asked}");
    ensure!(deployment.log_in(&mut hers).await?.0 == 201);

    // As many as there may be, and no more.
    for _ in 1..20 {
        refused("one more", &alice, &deployment.begin(&alice).await?, &mut new(), 201).await?;
    }
    let (status, body) = alice.answer(&deployment.one(), Method::POST, "/v1/me/passkeys/challenge", None).await?;
    ensure!(status == 409 && body["code"] == "conflict", "{status}: {body}");
    Ok(())
}

/// What was asked to prove somebody, as if it had been asked to register.
fn with_user(mut asked: Value, user: &User) -> Value {
    asked["options"]["publicKey"]["user"] = json!({ "id": BASE64URL_NOPAD.encode(user.id().uuid().as_bytes()) });
    asked
}

async fn of_many_who_give_the_same_assertion_at_once_one_gets_in(deployment: Deployment) -> anyhow::Result<()> {
    let (_alice, mut passkey, _) = deployment.somebody("alice").await?;
    // At first as one does that is on many devices: no count tells its answers apart.
    for counts in [false, false, false, true, true] {
        passkey.counts = counts;
        let assertion = deployment.assertion(&mut passkey).await?;
        let answered = try_join_all((0..10).map(|_| deployment.present(&assertion))).await?;
        let in_there = answered.iter().filter(|(status, _)| *status == 201).count();
        ensure!(in_there == 1, "{in_there} got in: {answered:?}");
        ensure!(answered.iter().all(|(status, _)| [201, 401].contains(status)), "{answered:?}");
    }
    Ok(())
}

async fn what_is_removed_suspended_or_switched_off_at_the_console_lets_nobody_in(deployment: Deployment) -> anyhow::Result<()> {
    let (alice, mut hers, id) = deployment.somebody("alice").await?;
    ensure!(deployment.log_in(&mut hers).await?.0 == 201);
    let assertion = deployment.assertion(&mut hers).await?;
    let (status, removed) = alice.answer(&deployment.one(), Method::DELETE, &format!("/v1/me/passkeys/{id}"), None).await?;
    ensure!(status == 204, "{status}: {removed}");
    ensure!(deployment.present(&assertion).await?.0 == 401, "it was removed");

    let (bob, mut bobs, _) = deployment.somebody("bob").await?;
    let settings = deployment.nodes[0].settings();
    let console = async |arguments: &[&str]| {
        let ran = run_posthaste(settings, arguments).await?;
        ensure!(ran.status.success(), "{arguments:?}: {ran:?}");
        anyhow::Ok(())
    };
    console(&["users", "suspend", bob.username()]).await?;
    let (status, refused) = deployment.log_in(&mut bobs).await?;
    ensure!(status == 403 && refused["code"] == "account_suspended", "{status}: {refused}");
    console(&["users", "reinstate", bob.username()]).await?;
    ensure!(deployment.log_in(&mut bobs).await?.0 == 201);
    let export = deployment.data.path().join("bob.json");
    console(&["users", "export", bob.username(), "--output", export.to_str().context("a path")?]).await?;
    let exported: Value = serde_json::from_slice(&std::fs::read(export)?)?;
    ensure!(exported["passkeys"][0]["name"] == "My key", "{exported}");
    console(&["users", "disable-two-factor", bob.username()]).await?;
    ensure!(deployment.log_in(&mut bobs).await?.0 == 401, "whoever has lost everything has lost this as well");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_no_domain_is_configured_there_are_no_passkeys() -> anyhow::Result<()> {
    let deployment = Deployment::start(Profile::Distributed, |settings| settings).await?;
    let alice = User::register(&deployment.one(), "alice").await?;
    for path in ["/v1/me/passkeys/challenge", "/v1/sessions/passkey/challenge"] {
        let (status, refused) = alice.answer(&deployment.one(), Method::POST, path, None).await?;
        ensure!(status == 403 && refused["code"] == "forbidden", "{path}: {status} {refused}");
    }
    Ok(())
}
