//! Users and threads, made through the public interface as everybody's are.

use std::time::Duration;

use anyhow::{Context as _, bail};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use posthaste_domain::{DeviceId, UserId};
use posthaste_tests::actor::new_id;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::stand::Stand;

/// Requests at the same time.
const TOGETHER: usize = 16;
/// Members that are named in one request.
const MEMBERS: usize = 1_000;

/// Somebody with one device.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    /// Who.
    pub(crate) user: UserId,
    /// Their device.
    pub(crate) device: DeviceId,
    token: String,
}

impl Person {
    /// The same person with another device.
    pub(crate) fn elsewhere(&self) -> Self {
        Self { device: DeviceId::new(new_id()), ..self.clone() }
    }

    /// What speaks for them.
    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    /// The fields of `hello`, but for `t` and `cursor`.
    pub(crate) fn hello(&self) -> String {
        format!("\"token\":\"{}\",\"device\":\"{}\"", self.token, self.device)
    }
}

/// Those who make users and threads.
pub(crate) struct Office {
    http: reqwest::Client,
    bases: Vec<String>,
}

impl Office {
    /// One that asks the servers of a stand.
    pub(crate) fn new(stand: &Stand) -> anyhow::Result<Self> {
        let http = posthaste_tests::http::builder().timeout(Duration::from_secs(60)).tcp_nodelay(true).build()?;
        Ok(Self { http, bases: stand.bases() })
    }

    /// Registers so many users.
    pub(crate) async fn people(&self, stand: &Stand, count: usize) -> anyhow::Result<Vec<Person>> {
        let register = |_| async {
            let name = format!("u{}", &new_id().simple().to_string()[4..]);
            let account = json!({
                "username": name, "email": format!("{name}@example.invalid"), "password": "a password that costs nothing", "display_name": name,
            });
            let registered = self.call(Method::POST, "/v1/users", None, Some(account)).await?;
            let user = UserId::new(id(&registered["user"])?);
            anyhow::Ok(Person { user, device: DeviceId::new(new_id()), token: stand.token(user)? })
        };
        stream::iter(0..count).map(register).buffered(TOGETHER).try_collect().await
    }

    /// Makes friends of each two, and opens their thread.
    pub(crate) async fn direct(&self, pairs: &[(Person, Person)]) -> anyhow::Result<Vec<Uuid>> {
        let open = |(alice, bob): &(Person, Person)| {
            let (alice, bob) = (alice.clone(), bob.clone());
            async move {
                self.call(Method::POST, "/v1/friend-requests", Some(&alice), Some(json!({ "user": bob.user }))).await?;
                self.call(Method::PUT, &format!("/v1/friends/{}", alice.user), Some(&bob), None).await?;
                id(&self.call(Method::PUT, &format!("/v1/threads/direct/{}", bob.user), Some(&alice), None).await?)
            }
        };
        stream::iter(pairs).map(open).buffered(TOGETHER).try_collect().await
    }

    /// Makes a group of each of these; its first member owns it.
    pub(crate) async fn groups(&self, groups: &[Vec<Person>]) -> anyhow::Result<Vec<Uuid>> {
        let create = |members: &Vec<Person>| {
            let members = members.clone();
            async move {
                let (owner, others) = members.split_first().context("a group without anybody")?;
                let users: Vec<_> = others.iter().map(|person| person.user).collect();
                let mut chunks = users.chunks(MEMBERS);
                let first = chunks.next().unwrap_or_default();
                let group = json!({ "kind": "group", "title": "Those who talk", "members": first });
                let group = id(&self.call(Method::POST, "/v1/threads", Some(owner), Some(group)).await?)?;
                for more in chunks {
                    self.call(Method::POST, &format!("/v1/threads/{group}/members"), Some(owner), Some(json!({ "users": more }))).await?;
                }
                Ok(group)
            }
        };
        stream::iter(groups).map(create).buffered(TOGETHER).try_collect().await
    }

    async fn call(&self, method: Method, path: &str, by: Option<&Person>, body: Option<Value>) -> anyhow::Result<Value> {
        let base = self.bases.first().context("no server runs")?;
        let mut request = self.http.request(method.clone(), format!("{base}{path}")).header("Idempotency-Key", new_id().to_string());
        if let Some(person) = by {
            request = request.bearer_auth(&person.token);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.with_context(|| format!("{method} {path}"))?;
        let status = response.status();
        let answer: Value = response.json().await.unwrap_or_default();
        if !status.is_success() {
            bail!("{method} {path} answered {status}: {answer}");
        }
        Ok(answer)
    }
}

fn id(value: &Value) -> anyhow::Result<Uuid> {
    let id = value["id"].as_str().with_context(|| format!("no id in {value}"))?;
    id.parse().with_context(|| format!("the id of {value}"))
}
