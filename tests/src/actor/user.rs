//! Somebody with an account.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use posthaste_domain::{ThreadId, UserId};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::new_id;

/// How long an answer may take. Registering costs a password hash, and the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(30);

/// A user who is logged in. Any node can be asked, so every call names its own.
#[derive(Debug)]
pub struct User {
    http: reqwest::Client,
    username: String,
    password: String,
    token: Mutex<String>,
    id: UserId,
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
        let username = format!("{name}.{:08x}", rand::random::<u32>());
        let password = format!("the password of {username}");
        let http = reqwest::Client::builder().timeout(PATIENCE).tcp_nodelay(true).build()?;
        let account = json!({
            "username": username,
            "email": format!("{username}@example.invalid"),
            "password": password,
            "display_name": name,
        });
        let mut user = Self { http, username, password, token: Mutex::default(), id: UserId::new(Uuid::nil()) };
        user.call_with_key(base, Method::POST, "/v1/users", Some(account), new_id()).await?;
        user.log_in(base).await?;
        let me = user.call(base, Method::GET, "/v1/me", None).await?;
        user.id = UserId::new(uuid_of(&me, "id")?);
        Ok(user)
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
        let login = json!({ "login": self.username, "password": self.password });
        let session = self.call(base, Method::POST, "/v1/sessions", Some(login)).await?;
        let token = session["access_token"].as_str().context("a session has a token")?.to_owned();
        *self.token.lock().unwrap_or_else(PoisonError::into_inner) = token;
        Ok(())
    }

    /// A ticket for one socket.
    ///
    /// # Errors
    /// As [`User::register`].
    pub async fn ticket(&self, base: &str) -> anyhow::Result<String> {
        let ticket = self.call(base, Method::POST, "/v1/ws/tickets", None).await?;
        Ok(ticket["ticket"].as_str().context("a ticket is text")?.to_owned())
    }

    /// Asks another to be friends, and has them accept.
    ///
    /// # Errors
    /// As [`User::register`].
    pub async fn befriend(&self, base: &str, other: &Self) -> anyhow::Result<()> {
        self.call(base, Method::POST, "/v1/friend-requests", Some(json!({ "to": other.id }))).await?;
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
        let mut request = self.http.request(method.clone(), format!("{base}{path}"));
        let token = self.token();
        if !token.is_empty() {
            request = request.bearer_auth(token);
        }
        if method != Method::GET {
            request = request.header("Idempotency-Key", key.to_string());
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.with_context(|| format!("{method} {path}"))?;
        let status = response.status();
        let answer = response.bytes().await.with_context(|| format!("{method} {path}"))?;
        let answer = serde_json::from_slice(&answer).unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&answer).into_owned()));
        if status.is_success() {
            return Ok(answer);
        }
        Err(Refused { status: status.as_u16(), problem: answer }).with_context(|| format!("{method} {path}"))
    }
}

fn uuid_of(value: &Value, field: &str) -> anyhow::Result<Uuid> {
    value[field].as_str().with_context(|| format!("no {field} in {value}"))?.parse().with_context(|| format!("{field} of {value}"))
}
