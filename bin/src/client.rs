//! A small client of the public interface, for the demo and the health check: REST, and one socket of one device.

use std::collections::VecDeque;
use std::time::Duration;

use anyhow::{Context as _, bail};
use futures::{SinkExt as _, StreamExt as _};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use uuid::Uuid;

use crate::config::Config;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// A logged-in user.
pub(crate) struct Person {
    http: reqwest::Client,
    base: String,
    token: String,
    /// Their id.
    pub(crate) user: Uuid,
}

impl Person {
    /// Registers somebody and logs them in.
    pub(crate) async fn register(base: &str, username: &str, display_name: &str, key: Uuid) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder().timeout(PATIENCE).build()?;
        let mut person = Self { http, base: base.to_owned(), token: String::new(), user: Uuid::nil() };
        let password = format!("{key} is a fine password");
        let account = json!({ "username": username, "email": format!("{username}@demo.invalid"), "display_name": display_name, "password": password });
        person.call(Method::POST, "/v1/users", Some(account)).await?;
        let session = person.call(Method::POST, "/v1/sessions", Some(json!({ "login": username, "password": password }))).await?;
        person.token = session["access_token"].as_str().context("a session has a token")?.to_owned();
        let me = person.call(Method::GET, "/v1/me", None).await?;
        person.user = me["id"].as_str().context("a user has an id")?.parse()?;
        Ok(person)
    }

    /// One request, one JSON answer; anything but success is an error with the server's own words.
    pub(crate) async fn call(&self, method: Method, path: &str, body: Option<Value>) -> anyhow::Result<Value> {
        let mut request = self.http.request(method.clone(), format!("{}{path}", self.base)).bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.with_context(|| format!("{method} {path}"))?;
        let status = response.status();
        let answer = response.json::<Value>().await.unwrap_or(Value::Null);
        if status.is_success() { Ok(answer) } else { bail!("{method} {path} answered {status}: {answer}") }
    }

    /// Connects a device, going on from where the device itself stands, if it knows.
    pub(crate) async fn connect(&self, device: Uuid, cursor: Option<u64>) -> anyhow::Result<Socket> {
        let ticket = self.call(Method::POST, "/v1/ws/tickets", None).await?["ticket"].clone();
        let address = self.base.trim_start_matches("http://");
        let mut request = format!("ws://{address}/v1/ws").into_client_request()?;
        request.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static("posthaste.v1"));
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (stream, _) = tokio_tungstenite::client_async(request, stream).await?;
        let mut socket = Socket { stream, early: VecDeque::new(), commands: 0 };
        socket.send(&json!({ "t": "hello", "ticket": ticket, "device": device, "cursor": cursor, "client": "posthaste demo" })).await?;
        Ok(socket)
    }
}

/// An open socket.
pub(crate) struct Socket {
    stream: WebSocketStream<TcpStream>,
    /// Frames that came while another was waited for.
    early: VecDeque<Value>,
    commands: u64,
}

impl Socket {
    /// The next frame.
    pub(crate) async fn next(&mut self) -> anyhow::Result<Value> {
        match self.early.pop_front() {
            Some(frame) => Ok(frame),
            None => self.receive().await,
        }
    }

    /// The next frame of this kind; others keep their turn.
    pub(crate) async fn expect(&mut self, t: &str) -> anyhow::Result<Value> {
        if let Some(index) = self.early.iter().position(|frame| frame["t"] == t) {
            return self.early.remove(index).context("the frame was just found");
        }
        loop {
            let frame = self.receive().await?;
            if frame["t"] == t {
                return Ok(frame);
            }
            if frame["t"] == "err" {
                bail!("the server refused: {frame}");
            }
            self.early.push_back(frame);
        }
    }

    /// Posts a message and waits until it is durable.
    pub(crate) async fn post(&mut self, key: Uuid, thread: &Value, text: &str) -> anyhow::Result<Value> {
        self.commands += 1;
        let body = json!({ "thread": thread, "content": { "kind": "text", "text": text } });
        self.send(&json!({ "t": "cmd", "id": self.commands, "key": key, "op": "message.post", "body": body })).await?;
        self.expect("ok").await
    }

    /// Says that everything up to a position is stored.
    pub(crate) async fn ack(&mut self, position: u64) -> anyhow::Result<()> {
        self.send(&json!({ "t": "ack", "position": position })).await
    }

    /// Drops the connection as a dying phone does: no `bye`, no close frame.
    pub(crate) fn cut(self) {
        drop(self.stream);
    }

    async fn send(&mut self, frame: &Value) -> anyhow::Result<()> {
        Ok(self.stream.send(Message::text(frame.to_string())).await?)
    }

    async fn receive(&mut self) -> anyhow::Result<Value> {
        loop {
            match timeout(PATIENCE, self.stream.next()).await.context("nothing came in time")? {
                Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text)?),
                Some(Ok(Message::Close(frame))) => bail!("the server closed the socket: {frame:?}"),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error.into()),
                None => bail!("the socket has ended"),
            }
        }
    }
}

/// Asks the configured server whether it is alive.
pub(crate) async fn healthcheck(config: anyhow::Result<Config>) -> anyhow::Result<()> {
    let listen = config?.server().listen;
    let host = if listen.ip().is_unspecified() { "127.0.0.1".to_owned() } else { listen.ip().to_string() };
    let http = reqwest::Client::builder().timeout(PATIENCE).build()?;
    http.get(format!("http://{host}:{}/healthz", listen.port())).send().await?.error_for_status()?;
    Ok(())
}
