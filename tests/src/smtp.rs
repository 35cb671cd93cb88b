//! Somebody's mail server: it takes what it is sent, or does worse, and keeps all of it.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, bail, ensure};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufStream};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Duration, timeout};

use crate::hygiene;

/// What it does with a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Postmaster {
    /// Takes it.
    Take,
    /// Refuses its recipient with this status.
    Refuse(u16),
    /// Refuses whoever logs in with this status.
    RefuseLogin(u16),
    /// Never says a word.
    Hang,
    /// Reads all of it, and closes the connection.
    Cut,
    /// Takes it, and closes the connection without a word about it.
    TakeAndCut,
}

/// A mail as it was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// Whom the server was told that it is for.
    pub recipients: Vec<String>,
    /// The mail, line by line, without the dots that the protocol adds.
    pub message: String,
}

impl Received {
    /// The token in its link.
    ///
    /// # Errors
    /// There is none.
    pub fn token(&self) -> anyhow::Result<String> {
        token(&self.message)
    }
}

/// The token in the link of a mail. Nobody may log it from now on.
///
/// # Errors
/// There is none.
pub fn token(message: &str) -> anyhow::Result<String> {
    // A line may be broken where it is too long for mail, and = is written out.
    let plain = message.replace("=\r\n", "").replace("=\n", "").replace("=3D", "=");
    let (_, token) = plain.split_once("#token=").with_context(|| format!("no link in {message}"))?;
    let token: String = token.chars().take_while(|c| c.is_ascii_alphanumeric() || "-_".contains(*c)).collect();
    ensure!(token.len() == "pho_".len() + 43, "{token} is no token");
    hygiene::remember(&token);
    Ok(token)
}

/// The server. Dropping it closes it.
#[derive(Debug)]
pub struct SmtpServer {
    port: u16,
    manner: Arc<Mutex<Postmaster>>,
    received: watch::Receiver<Vec<Received>>,
    connections: watch::Receiver<usize>,
    commands: watch::Receiver<Vec<String>>,
    _serving: JoinSet<()>,
}

impl SmtpServer {
    /// One at a port, or at any, that does this.
    ///
    /// # Errors
    /// The port is taken.
    pub async fn start(port: u16, manner: Postmaster) -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let port = listener.local_addr()?.port();
        let manner = Arc::new(Mutex::new(manner));
        let (sender, received) = watch::channel(Vec::new());
        let (counter, connections) = watch::channel(0);
        let (told, commands) = watch::channel(Vec::new());
        let (sender, told, behave) = (Arc::new(sender), Arc::new(told), Arc::clone(&manner));
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let mut conversations = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                counter.send_modify(|connections| *connections += 1);
                let (sender, told, manner) = (Arc::clone(&sender), Arc::clone(&told), Arc::clone(&behave));
                conversations.spawn(async move {
                    // Whoever is cut off has ended the conversation.
                    let _ = converse(BufStream::new(stream), &sender, &told, &manner).await;
                });
            }
        });
        Ok(Self { port, manner, received, connections, commands, _serving: serving })
    }

    /// Where it is.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// From now on it does this.
    pub fn behave(&self, manner: Postmaster) {
        *self.manner.lock().unwrap_or_else(PoisonError::into_inner) = manner;
    }

    /// Everything that it has taken.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        self.received.borrow().clone()
    }

    /// Everything that it was told, but for what mails say.
    #[must_use]
    pub fn commands(&self) -> Vec<String> {
        self.commands.borrow().clone()
    }

    /// How often somebody has connected.
    #[must_use]
    pub fn connections(&self) -> usize {
        *self.connections.borrow()
    }

    /// Waits until somebody has connected as often.
    ///
    /// # Errors
    /// Nobody has, in time.
    pub async fn connected(&self, patience: Duration, times: usize) -> anyhow::Result<()> {
        let mut connections = self.connections.clone();
        timeout(patience, connections.wait_for(|connections| *connections >= times)).await.context("nobody connects")??;
        Ok(())
    }
}

/// Speaks the protocol until the other side has had enough.
async fn converse(
    mut stream: BufStream<TcpStream>,
    received: &watch::Sender<Vec<Received>>,
    told: &watch::Sender<Vec<String>>,
    manner: &Mutex<Postmaster>,
) -> anyhow::Result<()> {
    let manner = || *manner.lock().unwrap_or_else(PoisonError::into_inner);
    if manner() == Postmaster::Hang {
        // The other side gives up some time.
        line(&mut stream).await?;
        bail!("told something without having said a word");
    }
    say(&mut stream, "220 mail.example ESMTP").await?;
    let mut recipients = Vec::new();
    loop {
        let command = line(&mut stream).await?;
        told.send_modify(|told| told.push(command.clone()));
        let verb = command.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
        match (verb.as_str(), manner()) {
            ("EHLO", _) => say(&mut stream, "250-mail.example\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 AUTH PLAIN LOGIN").await?,
            ("AUTH", Postmaster::RefuseLogin(status)) => say(&mut stream, &format!("{status} no")).await?,
            ("AUTH", _) => say(&mut stream, "235 welcome").await?,
            ("RCPT", Postmaster::Refuse(status)) => say(&mut stream, &format!("{status} <{command}>: not here")).await?,
            ("RCPT", _) => {
                recipients.push(command.split_once('<').and_then(|(_, rest)| rest.split_once('>')).context("no address")?.0.to_owned());
                say(&mut stream, "250 ok").await?;
            }
            ("DATA", _) => {
                say(&mut stream, "354 go on").await?;
                let mut message = String::new();
                loop {
                    let line = line(&mut stream).await?;
                    if line == "." {
                        break;
                    }
                    message += line.strip_prefix('.').unwrap_or(&line);
                    message += "\r\n";
                }
                if manner() == Postmaster::Cut {
                    return Ok(());
                }
                let recipients = std::mem::take(&mut recipients);
                received.send_modify(|received| received.push(Received { recipients, message }));
                if manner() == Postmaster::TakeAndCut {
                    return Ok(());
                }
                say(&mut stream, "250 taken").await?;
            }
            ("QUIT", _) => return say(&mut stream, "221 bye").await,
            (_, _) => say(&mut stream, "250 ok").await?,
        }
    }
}

async fn line(stream: &mut BufStream<TcpStream>) -> anyhow::Result<String> {
    let mut line = String::new();
    ensure!(stream.read_line(&mut line).await? > 0, "closed");
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

async fn say(stream: &mut BufStream<TcpStream>, what: &str) -> anyhow::Result<()> {
    stream.write_all(format!("{what}\r\n").as_bytes()).await?;
    Ok(stream.flush().await?)
}
