//! A bare connection.

use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use futures::{FutureExt as _, SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;
use uuid::Uuid;

use super::User;
use crate::contract::{Side, uphold};
use crate::hygiene;

/// The subprotocol.
const SUBPROTOCOL: &str = "posthaste.v1";
/// How long something may take that should happen at once.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// What comes over a socket.
#[derive(Clone, Debug, PartialEq)]
pub enum Incoming {
    /// A frame.
    Frame(Value),
    /// The server closed, with this code and reason.
    Closed(u16, String),
    /// The connection ended without a close frame.
    Cut,
}

/// An open socket. It does nothing by itself but answer WebSocket pings.
#[derive(Debug)]
pub struct Socket {
    stream: WebSocketStream<TcpStream>,
}

impl Socket {
    /// Opens a socket as a client should, and says nothing yet.
    ///
    /// # Errors
    /// The node cannot be reached or does not take it.
    pub async fn open(base: &str) -> anyhow::Result<Self> {
        let (socket, chosen) = Self::open_with(base, &[("Sec-WebSocket-Protocol", SUBPROTOCOL)]).await?;
        ensure!(chosen.as_deref() == Some(SUBPROTOCOL), "the server chose the subprotocol {chosen:?}");
        Ok(socket)
    }

    /// Opens a socket with these headers and no others, and gives the subprotocol that the server chose.
    ///
    /// # Errors
    /// The node cannot be reached or does not take it.
    pub async fn open_with(base: &str, headers: &[(&str, &str)]) -> anyhow::Result<(Self, Option<String>)> {
        timeout(PATIENCE, async {
            let authority = base.strip_prefix("http://").with_context(|| format!("{base} is no http:// address"))?;
            let mut stream = TcpStream::connect(authority).await.with_context(|| format!("cannot connect to {authority}"))?;
            stream.set_nodelay(true)?;
            // The key is there to be echoed in disguise, which proves nothing that a test needs.
            let mut request = format!(
                "GET /v1/ws HTTP/1.1\r\nHost: {authority}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
                 Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            );
            for (name, value) in headers {
                request += &format!("{name}: {value}\r\n");
            }
            stream.write_all(format!("{request}\r\n").as_bytes()).await?;
            let (head, rest) = read_head(&mut stream).await?;
            ensure!(head.starts_with("HTTP/1.1 101 "), "the upgrade was refused: {head}");
            let chosen = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("sec-websocket-protocol").then(|| value.trim().to_owned())
            });
            let stream = WebSocketStream::from_partially_read(stream, rest, Role::Client, None).await;
            Ok((Self { stream }, chosen))
        })
        .await
        .with_context(|| format!("{base} did not upgrade in time"))?
    }

    /// Opens a socket and says hello for a device of a user, with a ticket. `more` has further fields of `hello`.
    ///
    /// # Errors
    /// As [`Socket::open`], and when no ticket is given.
    pub async fn hello(base: &str, user: &User, device: Uuid, more: Value) -> anyhow::Result<Self> {
        let ticket = user.ticket(base).await?;
        let mut hello = json!({ "t": "hello", "ticket": ticket, "device": device });
        for (field, value) in more.as_object().into_iter().flatten() {
            hello[field] = value.clone();
        }
        let mut socket = Self::open(base).await?;
        socket.send(&hello).await?;
        Ok(socket)
    }

    /// Sends a frame that the contract allows; any other goes as text.
    ///
    /// # Errors
    /// The connection has ended.
    ///
    /// # Panics
    /// The contract does not allow it.
    pub async fn send(&mut self, frame: &Value) -> anyhow::Result<()> {
        uphold(Side::Client, frame);
        hygiene::remember_all(frame);
        self.send_text(frame.to_string()).await
    }

    /// Sends a frame of any text.
    ///
    /// # Errors
    /// The connection has ended.
    pub async fn send_text(&mut self, text: String) -> anyhow::Result<()> {
        Ok(self.stream.send(Message::text(text)).await?)
    }

    /// Sends a frame of bytes, which the protocol does not have.
    ///
    /// # Errors
    /// The connection has ended.
    pub async fn send_bytes(&mut self, bytes: Vec<u8>) -> anyhow::Result<()> {
        Ok(self.stream.send(Message::binary(bytes)).await?)
    }

    /// What comes next, however long that takes. Can be dropped and called again.
    ///
    /// # Errors
    /// A frame that is no JSON.
    ///
    /// # Panics
    /// The contract does not allow the frame.
    pub async fn next(&mut self) -> anyhow::Result<Incoming> {
        loop {
            match self.stream.next().await {
                Some(Ok(Message::Text(text))) => {
                    let frame = serde_json::from_str(&text).with_context(|| format!("the frame {text}"))?;
                    uphold(Side::Server, &frame);
                    return Ok(Incoming::Frame(frame));
                }
                Some(Ok(Message::Close(Some(frame)))) => return Ok(Incoming::Closed(frame.code.into(), frame.reason.to_string())),
                Some(Ok(Message::Binary(_))) => bail!("a binary frame"),
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
                Some(Ok(Message::Close(None)) | Err(_)) | None => return Ok(Incoming::Cut),
            }
        }
    }

    /// What is there already.
    ///
    /// # Errors
    /// As [`Socket::next`].
    pub fn next_now(&mut self) -> anyhow::Result<Option<Incoming>> {
        self.next().now_or_never().transpose()
    }

    /// Drops the connection as a dying phone does: no `bye`, no close frame.
    pub fn cut(self) {
        drop(self.stream);
    }
}

/// The head of an HTTP response, and what came after it already.
async fn read_head(stream: &mut TcpStream) -> anyhow::Result<(String, Vec<u8>)> {
    let mut read = Vec::new();
    loop {
        if let Some(end) = read.windows(4).position(|window| window == b"\r\n\r\n") {
            let rest = read.split_off(end + 4);
            return Ok((String::from_utf8_lossy(&read).into_owned(), rest));
        }
        ensure!(stream.read_buf(&mut read).await? > 0, "the connection ended before the upgrade: {}", String::from_utf8_lossy(&read));
    }
}
