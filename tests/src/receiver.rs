//! Somebody else's HTTP server, as webhooks meet it: it answers what it is told to, or does worse.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, ensure};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use sha2::Sha256;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Duration, timeout};

/// What it does with a request that it has read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Manner {
    /// Answers with this status.
    Answer(u16),
    /// Sends the client elsewhere.
    Redirect(String),
    /// Never answers.
    Hang,
    /// Closes the connection.
    Cut,
    /// Refuses the event at this position with this status, and takes every other.
    Refuse {
        /// Which.
        position: u64,
        /// How.
        status: u16,
    },
    /// Refuses the events of this stream of users with 400, and takes every other.
    RefuseUser(String),
}

impl Manner {
    /// What it does with this one.
    fn towards(self, body: &str) -> Self {
        let event: Value = serde_json::from_str(body).unwrap_or_default();
        match self {
            Self::Refuse { position, status } => Self::Answer(if event["position"] == position { status } else { 200 }),
            Self::RefuseUser(user) => Self::Answer(if event["body"]["user"] == *user { 400 } else { 200 }),
            other @ (Self::Answer(_) | Self::Redirect(_) | Self::Hang | Self::Cut) => other,
        }
    }
}

/// A request it was sent.
#[derive(Clone, Debug)]
pub struct Request {
    /// Its headers, in lower case.
    pub headers: BTreeMap<String, String>,
    /// Its body, as it was.
    pub body: String,
    /// What was done with it.
    pub manner: Manner,
}

impl Request {
    /// A header.
    ///
    /// # Errors
    /// It is missing.
    pub fn header(&self, name: &str) -> anyhow::Result<&str> {
        self.headers.get(name).map(String::as_str).with_context(|| format!("no {name} among {:?}", self.headers))
    }

    /// The body, read.
    ///
    /// # Errors
    /// It is not JSON.
    pub fn event(&self) -> anyhow::Result<Value> {
        serde_json::from_str(&self.body).with_context(|| self.body.clone())
    }

    /// The position of the event.
    ///
    /// # Errors
    /// There is none.
    pub fn position(&self) -> anyhow::Result<u64> {
        self.event()?["position"].as_u64().with_context(|| self.body.clone())
    }

    /// Checks that it was signed with this secret, as a receiver must: before reading the body, over the bytes as they came.
    ///
    /// # Errors
    /// It was not.
    pub fn is_signed_with(&self, secret: &str) -> anyhow::Result<()> {
        let signature = self.header("posthaste-signature")?.strip_prefix("v1=").context("not version 1")?;
        let bytes = (0..signature.len()).step_by(2).map(|at| u8::from_str_radix(signature.get(at..at + 2).unwrap_or(""), 16));
        let bytes = bytes.collect::<Result<Vec<_>, _>>()?;
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes())?;
        mac.update(format!("{}.{}", self.header("posthaste-timestamp")?, self.body).as_bytes());
        mac.verify_slice(&bytes).ok().with_context(|| format!("{signature} is not the signature of {}", self.body))
    }
}

/// The server. Dropping it closes it.
#[derive(Debug)]
pub struct Receiver {
    port: u16,
    manner: Arc<Mutex<Manner>>,
    requests: watch::Receiver<Vec<Request>>,
    _serving: JoinSet<()>,
}

impl Receiver {
    /// One that answers everything in this manner.
    ///
    /// # Errors
    /// There is no port.
    pub async fn start(manner: Manner) -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let manner = Arc::new(Mutex::new(manner));
        let (sender, requests) = watch::channel(Vec::new());
        let (sender, behave) = (Arc::new(sender), Arc::clone(&manner));
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (sender, manner) = (Arc::clone(&sender), Arc::clone(&behave));
                connections.spawn(async move {
                    // Whoever is cut off has ended the conversation.
                    let _ = converse(stream, &sender, &manner).await;
                });
            }
        });
        Ok(Self { port, manner, requests, _serving: serving })
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/hook?token=t0ken", self.port)
    }

    /// From now on it does this.
    pub fn behave(&self, manner: Manner) {
        *self.manner.lock().unwrap_or_else(PoisonError::into_inner) = manner;
    }

    /// Every request so far.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.requests.borrow().clone()
    }

    /// The positions of what it said it took, in the order in which it did.
    ///
    /// # Errors
    /// One was no event.
    pub fn took(&self) -> anyhow::Result<Vec<u64>> {
        let requests = self.requests();
        requests.iter().filter(|request| matches!(request.manner, Manner::Answer(200..=299))).map(Request::position).collect()
    }

    /// Waits until this holds of the requests.
    ///
    /// # Errors
    /// It does not, in time.
    pub async fn until(&self, patience: Duration, what: &str, holds: impl Fn(&[Request]) -> bool) -> anyhow::Result<Vec<Request>> {
        let mut requests = self.requests.clone();
        let waited = timeout(patience, requests.wait_for(|requests| holds(requests))).await.map(|seen| seen.map(|seen| seen.clone()));
        match waited {
            Ok(seen) => Ok(seen?),
            Err(_) => anyhow::bail!("{what}: not within {patience:?}, after {:?}", self.requests()),
        }
    }
}

/// Reads requests and answers them, until the other side has had enough.
async fn converse(mut stream: TcpStream, requests: &watch::Sender<Vec<Request>>, manner: &Mutex<Manner>) -> anyhow::Result<()> {
    let mut bytes = Vec::new();
    loop {
        let head = loop {
            if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
                break end + 4;
            }
            ensure!(stream.read_buf(&mut bytes).await? > 0, "closed");
        };
        let text = String::from_utf8(bytes[..head].to_vec())?;
        let headers: BTreeMap<_, _> = text
            .lines()
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let length: usize = headers.get("content-length").context("no length")?.parse()?;
        while bytes.len() < head + length {
            ensure!(stream.read_buf(&mut bytes).await? > 0, "closed");
        }
        let body = String::from_utf8(bytes[head..head + length].to_vec())?;
        bytes.drain(..head + length);
        let manner = manner.lock().unwrap_or_else(PoisonError::into_inner).clone().towards(&body);
        requests.send_modify(|requests| requests.push(Request { headers, body, manner: manner.clone() }));
        match manner {
            Manner::Answer(status) => {
                stream.write_all(format!("HTTP/1.1 {status} So\r\ncontent-length: 0\r\n\r\n").as_bytes()).await?;
            }
            Manner::Redirect(to) => {
                stream.write_all(format!("HTTP/1.1 307 Elsewhere\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n").as_bytes()).await?;
            }
            Manner::Refuse { .. } | Manner::RefuseUser(_) => unreachable!("it has become an answer"),
            // The other side gives up some time.
            Manner::Hang => ensure!(stream.read_buf(&mut bytes).await? > 0, "closed"),
            Manner::Cut => return Ok(()),
        }
    }
}
