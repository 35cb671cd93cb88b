//! Somebody with an account.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, bail};
use posthaste_domain::{ThreadId, UserId};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::new_id;
use crate::hygiene;

/// How long an answer may take. Registering costs a password hash, and the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(30);

/// Between two tries to have something settled.
const AGAIN: Duration = Duration::from_millis(20);

/// A user who is logged in. Any node can be asked, so every call names its own.
#[derive(Debug)]
pub struct User {
    http: reqwest::Client,
    username: String,
    password: String,
    token: Mutex<String>,
    id: UserId,
}

/// A login.
#[derive(Clone, Debug)]
pub struct Login {
    /// The access token.
    pub token: String,
    /// What gets the next one.
    pub refresh: String,
    /// The login's id.
    pub session: Uuid,
}

/// What a server refused, in its own words.
#[derive(Clone, Debug, thiserror::Error)]
#[error("answered {status}: {problem}")]
pub struct Refused {
    /// The HTTP status.
    pub status: u16,
    /// The problem, RFC 9457.
    pub problem: Value,
}

impl User {
    /// Registers somebody and logs them in. The username is `name` with something random behind it.
    ///
    /// # Errors
    /// What the server refused, or that it cannot be reached.
    pub async fn register(base: &str, name: &str) -> anyhow::Result<Self> {
        let user = Self::enrol(base, name).await?;
        user.log_in(base).await?;
        Ok(user)
    }

    /// Registers somebody who never logs in, to be talked about.
    ///
    /// # Errors
    /// As [`User::register`].
    pub async fn enrol(base: &str, name: &str) -> anyhow::Result<Self> {
        let username = format!("{name}.{:08x}", rand::random::<u32>());
        let password = format!("the password of {username}");
        let mut user = Self::returning(&username, &password, UserId::new(Uuid::nil()))?;
        let account = json!({
            "username": user.username(),
            "email": user.email(),
            "password": user.password(),
            "display_name": name,
        });
        let registered = user.call(base, Method::POST, "/v1/users", Some(account)).await?;
        user.id = UserId::new(uuid_of(&registered["user"], "id")?);
        Ok(user)
    }

    /// Somebody who has an account already, and is not logged in.
    ///
    /// # Errors
    /// There is no client.
    pub fn returning(username: &str, password: &str, id: UserId) -> anyhow::Result<Self> {
        let http = crate::http::builder().timeout(PATIENCE).tcp_nodelay(true).build()?;
        Ok(Self { http, username: username.to_owned(), password: password.to_owned(), token: Mutex::default(), id })
    }

    /// Their username.
    #[must_use]
    pub fn username(&self) -> &str {
        &self.username
    }

    /// The address that they have registered with.
    #[must_use]
    pub fn email(&self) -> String {
        format!("{}@example.invalid", self.username)
    }

    /// Their password.
    #[must_use]
    pub fn password(&self) -> &str {
        &self.password
    }

    /// Who they are.
    #[must_use]
    pub fn id(&self) -> UserId {
        self.id
    }

    /// The access token in use.
    #[must_use]
    pub fn token(&self) -> String {
        self.token.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Gets a new access token.
    ///
    /// # Errors
    /// As [`User::register`].
    pub async fn log_in(&self, base: &str) -> anyhow::Result<()> {
        let login = self.another_login(base).await?;
        self.take_up(&login);
        Ok(())
    }

    /// Logs in, without using it.
    ///
    /// # Errors
    /// As [`User::register`].
    pub async fn another_login(&self, base: &str) -> anyhow::Result<Login> {
        let login = json!({ "login": self.username, "password": self.password });
        let session = self.call_with(base, Method::POST, "/v1/sessions", Some(login), new_id(), "").await?;
        hygiene::remember_all(&session);
        let text = |name: &str| session[name].as_str().map(ToOwned::to_owned).context("a session has its tokens");
        Ok(Login { token: text("access_token")?, refresh: text("refresh_token")?, session: uuid_of(&session, "session")? })
    }

    /// Uses this login from now on.
    pub fn take_up(&self, login: &Login) {
        login.token.clone_into(&mut self.token.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// A ticket for one socket.
    ///
    /// # Errors
    /// As [`User::register`].
    pub async fn ticket(&self, base: &str) -> anyhow::Result<String> {
        let ticket = self.call(base, Method::POST, "/v1/ws/tickets", None).await?;
        hygiene::remember_all(&ticket);
        Ok(ticket["ticket"].as_str().context("a ticket is text")?.to_owned())
    }

    /// Asks another to be friends, and has them accept.
    ///
    /// # Errors
    /// As [`User::register`].
    pub async fn befriend(&self, base: &str, other: &Self) -> anyhow::Result<()> {
        self.call(base, Method::POST, "/v1/friend-requests", Some(json!({ "user": other.id }))).await?;
        other.call(base, Method::PUT, &format!("/v1/friends/{}", self.id), None).await?;
        Ok(())
    }

    /// Opens the direct thread with a friend.
    ///
    /// # Errors
    /// As [`User::register`].
    pub async fn open_direct(&self, base: &str, other: &Self) -> anyhow::Result<ThreadId> {
        let thread = self.call(base, Method::PUT, &format!("/v1/threads/direct/{}", other.id), None).await?;
        Ok(ThreadId::new(uuid_of(&thread, "id")?))
    }

    /// One request, one JSON answer.
    ///
    /// # Errors
    /// [`Refused`] when the server says no, or that it cannot be reached.
    pub async fn call(&self, base: &str, method: Method, path: &str, body: Option<Value>) -> anyhow::Result<Value> {
        self.call_with_key(base, method, path, body, new_id()).await
    }

    /// The same, under an idempotency key.
    ///
    /// # Errors
    /// As [`User::call`].
    pub async fn call_with_key(&self, base: &str, method: Method, path: &str, body: Option<Value>, key: Uuid) -> anyhow::Result<Value> {
        self.call_with(base, method, path, body, key, &self.token()).await
    }

    async fn call_with(
        &self,
        base: &str,
        method: Method,
        path: &str,
        body: Option<Value>,
        key: Uuid,
        token: &str,
    ) -> anyhow::Result<Value> {
        let (status, answer) = self.answer_with(base, method.clone(), path, body, key, token).await?;
        if (200..300).contains(&status) {
            return Ok(answer);
        }
        Err(Refused { status, problem: answer }).with_context(|| format!("{method} {path}"))
    }

    /// Asks one node after the other until it is answered, under one key: it is done once, whatever becomes of the nodes.
    ///
    /// # Errors
    /// [`Refused`] when a server says no, or that none has settled it within `patience`, and the last reason.
    pub async fn settle(
        &self,
        nodes: &[String],
        method: &Method,
        path: &str,
        body: Option<&Value>,
        patience: Duration,
    ) -> anyhow::Result<Value> {
        let (key, deadline) = (new_id(), Instant::now() + patience);
        for node in nodes.iter().cycle() {
            let error = match self.call_with_key(node, method.clone(), path, body.cloned(), key).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            match error.downcast_ref::<Refused>().map(|refused| refused.status) {
                // The access token is too old.
                Some(401) => drop(self.log_in(node).await),
                Some(400..=428 | 430..=499) => return Err(error),
                // It is not known whether it was done, or it may be done later.
                Some(_) | None => {}
            }
            if Instant::now() > deadline {
                return Err(error.context(format!("not settled after {patience:?}")));
            }
            sleep(AGAIN).await;
        }
        bail!("there are no nodes")
    }

    /// One request, and whatever is answered: the status and the body.
    ///
    /// # Errors
    /// The server cannot be reached.
    pub async fn answer(&self, base: &str, method: Method, path: &str, body: Option<Value>) -> anyhow::Result<(u16, Value)> {
        self.answer_with(base, method, path, body, new_id(), &self.token()).await
    }

    async fn answer_with(
        &self,
        base: &str,
        method: Method,
        path: &str,
        body: Option<Value>,
        key: Uuid,
        token: &str,
    ) -> anyhow::Result<(u16, Value)> {
        let mut request = self.http.request(method.clone(), format!("{base}{path}"));
        if !token.is_empty() {
            request = request.bearer_auth(token);
        }
        if method != Method::GET {
            request = request.header("Idempotency-Key", key.to_string());
        }
        if let Some(body) = body {
            hygiene::remember_all(&body);
            request = request.json(&body);
        }
        let response = request.send().await.with_context(|| format!("{method} {path}"))?;
        let status = response.status().as_u16();
        let answer = response.bytes().await.with_context(|| format!("{method} {path}"))?;
        let answer = serde_json::from_slice(&answer).unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&answer).into_owned()));
        Ok((status, answer))
    }
}

fn uuid_of(value: &Value, field: &str) -> anyhow::Result<Uuid> {
    value[field].as_str().with_context(|| format!("no {field} in {value}"))?.parse().with_context(|| format!("{field} of {value}"))
}
