//! The people and what stands between them, before somebody asks.

use std::sync::Arc;

use anyhow::Context as _;
use posthaste_tests::actor::{Refused, User, new_id};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

/// Everybody who could ask, in the order of the table's columns. They are what they are to a private group and to its owner.
/// The last three are nothing to it: a user who is suspended, an auditor of the service, and somebody who runs it.
pub(crate) const WHO: [&str; 13] = [
    "anonymous",
    "outsider",
    "invited",
    "member",
    "left",
    "removed",
    "banned",
    "blocked",
    "admin",
    "owner",
    "suspended",
    "auditor",
    "operator",
];
const INVITED: usize = 2;
const MEMBER: usize = 3;
const LEFT: usize = 4;
const REMOVED: usize = 5;
const BANNED: usize = 6;
const BLOCKED: usize = 7;
const ADMIN: usize = 8;
const OWNER: usize = 9;
const SUSPENDED: usize = 10;
const AUDITOR: usize = 11;
const OPERATOR: usize = 12;

/// The people of a row. The owner has blocked one of them, and one is a friend of the owner.
pub(crate) struct Cast {
    /// In the order of [`WHO`]; whoever is first in it is never logged in.
    people: Vec<User>,
    /// Another member, whom things are done to.
    target: User,
    /// Somebody who is banned, and whose ban is lifted.
    outcast: User,
    /// Somebody who has nothing to do with any of it.
    stranger: User,
}

impl Cast {
    pub(crate) async fn new(base: &str, operator: &User) -> anyhow::Result<Self> {
        let register = |name: &'static str| User::register(base, name);
        let people = futures::future::try_join_all(WHO.map(register)).await?;
        let (target, outcast, stranger) = tokio::try_join!(register("target"), register("outcast"), register("stranger"))?;
        let (owner, member, blocked) = (&people[OWNER], &people[MEMBER], &people[BLOCKED]);
        member.befriend(base, owner).await?;
        owner.call(base, Method::PUT, &format!("/v1/blocks/{}", blocked.id()), None).await?;
        for (who, role) in [(AUDITOR, "auditor"), (OPERATOR, "admin")] {
            let path = format!("/v1/admin/users/{}/roles/{role}", people[who].id());
            operator.call(base, Method::PUT, &path, None).await?;
        }
        let path = format!("/v1/admin/users/{}/suspend", people[SUSPENDED].id());
        operator.call(base, Method::POST, &path, Some(json!({}))).await?;
        Ok(Self { people, target, outcast, stranger })
    }
}

/// A request, without who makes it.
pub(crate) struct Request {
    method: Method,
    path: String,
    body: Option<Value>,
}

impl Request {
    pub(crate) fn only_looks(&self) -> bool {
        self.method == Method::GET
    }

    /// Whether it may change what stands between people, which outlasts the scene.
    pub(crate) fn changes_people(&self) -> bool {
        !self.only_looks() && ["/v1/friend", "/v1/blocks", "/v1/sessions/", "/v1/admin/"].iter().any(|start| self.path.starts_with(start))
    }
}

/// A private group and a public channel with everybody in their places.
pub(crate) struct Scene<'a> {
    base: &'a str,
    cast: Arc<Cast>,
    /// The private group.
    pub(crate) thread: String,
    /// The public channel. Nobody of the table but the owner is in it, and the banned are banned.
    pub(crate) channel: String,
    /// Into the group, for the invited.
    pub(crate) invite: String,
    /// Into the group, for whoever has it.
    pub(crate) link: String,
    /// By the owner, in the group.
    pub(crate) message: String,
    /// By the owner, in the group, pinned.
    pub(crate) pinned: String,
}

impl<'a> Scene<'a> {
    pub(crate) async fn set(base: &'a str, cast: Arc<Cast>) -> anyhow::Result<Scene<'a>> {
        let people = &cast.people;
        let owner = &people[OWNER];
        let members: Vec<_> = [MEMBER, LEFT, REMOVED, BANNED, ADMIN].map(|who| people[who].id().to_string()).into();
        let members = [members, vec![cast.target.id().to_string(), cast.outcast.id().to_string()]].concat();
        let group = json!({ "kind": "group", "title": "The group", "members": members });
        let thread = does(base, owner, Method::POST, "/v1/threads".to_owned(), Some(group)).await?;
        let at = |rest: &str| format!("/v1/threads/{thread}{rest}");
        let admin = at(&format!("/members/{}", people[ADMIN].id()));
        does(base, owner, Method::PATCH, admin, Some(json!({ "role": "admin" }))).await?;
        does(base, &people[LEFT], Method::DELETE, at("/members/me"), None).await?;
        does(base, owner, Method::DELETE, at(&format!("/members/{}", people[REMOVED].id())), None).await?;
        for banned in [&people[BANNED], &cast.outcast] {
            does(base, owner, Method::PUT, at(&format!("/bans/{}", banned.id())), None).await?;
        }
        let invite = does(base, owner, Method::POST, at("/invites"), Some(json!({ "user": people[INVITED].id() }))).await?;
        let link = does(base, owner, Method::POST, at("/invites"), Some(json!({}))).await?;
        let says = |text: &str| Some(json!({ "content": { "kind": "text", "text": text } }));
        let message = does(base, owner, Method::POST, at("/messages"), says("What is this about?")).await?;
        let pinned = does(base, owner, Method::POST, at("/messages"), says("Read this first.")).await?;
        does(base, owner, Method::PUT, at(&format!("/pins/{pinned}")), None).await?;
        let public = json!({ "kind": "channel", "title": "The channel", "visibility": "public" });
        let channel = does(base, owner, Method::POST, "/v1/threads".to_owned(), Some(public)).await?;
        does(base, owner, Method::PUT, format!("/v1/threads/{channel}/bans/{}", people[BANNED].id()), None).await?;
        Ok(Scene { base, cast, thread, channel, invite, link, message, pinned })
    }

    /// What somebody is answered: `ok`, or the code of the problem.
    pub(crate) async fn ask(&self, who: usize, request: &Request) -> anyhow::Result<String> {
        let Request { method, path, body } = request;
        if who == 0 {
            let http = posthaste_tests::http::client();
            let asked = http.request(method.clone(), format!("{}{path}", self.base)).header("Idempotency-Key", new_id().to_string());
            let asked = if let Some(body) = body { asked.json(body) } else { asked };
            let response = asked.send().await?;
            if response.status().is_success() {
                return Ok("ok".to_owned());
            }
            return code(&response.json().await?);
        }
        match self.cast.people[who].call(self.base, method.clone(), path, body.clone()).await {
            Ok(_) => Ok("ok".to_owned()),
            Err(error) => code(&error.downcast_ref::<Refused>().with_context(|| format!("{error:#}"))?.problem),
        }
    }

    pub(crate) fn get(&self, path: &str) -> Request {
        self.request(Method::GET, path, None)
    }

    pub(crate) fn put(&self, path: &str) -> Request {
        self.request(Method::PUT, path, None)
    }

    pub(crate) fn put_with(&self, path: &str, body: Value) -> Request {
        self.request(Method::PUT, path, Some(body))
    }

    pub(crate) fn post(&self, path: &str, body: Value) -> Request {
        self.request(Method::POST, path, Some(body))
    }

    pub(crate) fn patch(&self, path: &str, body: Value) -> Request {
        self.request(Method::PATCH, path, Some(body))
    }

    pub(crate) fn delete(&self, path: &str) -> Request {
        self.request(Method::DELETE, path, None)
    }

    /// The path with its names replaced: `{thread}`, `{channel}`, `{invite}`, `{link}`, `{message}`, `{pinned}`, `{owner}`, `{target}`,
    /// `{outcast}`, `{stranger}`.
    fn request(&self, method: Method, path: &str, body: Option<Value>) -> Request {
        let mut path = format!("/v1{path}");
        for (name, value) in [
            ("{thread}", self.thread.clone()),
            ("{channel}", self.channel.clone()),
            ("{invite}", self.invite.clone()),
            ("{link}", self.link.clone()),
            ("{message}", self.message.clone()),
            ("{pinned}", self.pinned.clone()),
            ("{owner}", self.owner()),
            ("{target}", self.target()),
            ("{outcast}", self.cast.outcast.id().to_string()),
            ("{stranger}", self.stranger()),
        ] {
            path = path.replace(name, &value);
        }
        Request { method, path, body }
    }

    pub(crate) fn owner(&self) -> String {
        self.cast.people[OWNER].id().to_string()
    }

    pub(crate) fn target(&self) -> String {
        self.cast.target.id().to_string()
    }

    pub(crate) fn stranger(&self) -> String {
        self.cast.stranger.id().to_string()
    }
}

/// Does it, and gives the id of what it was done to.
async fn does(base: &str, user: &User, method: Method, path: String, body: Option<Value>) -> anyhow::Result<String> {
    let answer = user.call(base, method, &path, body).await?;
    Ok(answer["id"].as_str().unwrap_or_default().to_owned())
}

fn code(problem: &Value) -> anyhow::Result<String> {
    Ok(problem["code"].as_str().with_context(|| format!("not a problem: {problem}"))?.to_owned())
}

/// A path below `/`, outside of `/v1`.
pub(crate) fn outside(path: &str) -> Request {
    Request { method: Method::GET, path: path.to_owned(), body: None }
}

/// A registration of somebody new.
pub(crate) fn newcomer() -> Value {
    let name = format!("newcomer.{:08x}", rand::random::<u32>());
    json!({ "username": name, "email": format!("{name}@example.invalid"), "password": "a password of mine", "display_name": "New" })
}

/// An id that nothing has.
pub(crate) fn nothing() -> Uuid {
    new_id()
}
