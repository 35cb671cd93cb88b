//! Somebody on a socket who watches others.

use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use posthaste_tests::actor::{Incoming, Socket, User, new_id};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

/// How long anything may take that should happen soon.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Onlooker {
    socket: Socket,
    /// Every `presence`, in order.
    pub(crate) presence: Vec<Value>,
    /// Every `ev`, in order.
    pub(crate) events: Vec<Value>,
    /// Every `err`, in order.
    pub(crate) errs: Vec<Value>,
    pongs: u64,
}

impl Onlooker {
    /// Connects a new device with the user's token, which needs nothing but the log.
    pub(crate) async fn connect(base: &str, user: &User) -> anyhow::Result<Self> {
        let mut socket = Socket::open(base).await?;
        socket.send(&json!({ "t": "hello", "token": user.token(), "device": new_id() })).await?;
        let mut onlooker = Self { socket, presence: Vec::new(), events: Vec::new(), errs: Vec::new(), pongs: 0 };
        let deadline = Instant::now() + PATIENCE;
        while onlooker.take(deadline).await?.context("no welcome in time")? != "welcome" {}
        Ok(onlooker)
    }

    pub(crate) async fn watch(&mut self, users: &[&User]) -> anyhow::Result<()> {
        let users: Vec<_> = users.iter().map(|user| user.id()).collect();
        self.socket.send(&json!({ "t": "watch", "users": users })).await
    }

    pub(crate) async fn send_text(&mut self, text: String) -> anyhow::Result<()> {
        self.socket.send_text(text).await
    }

    /// Takes one frame in, and gives its name; `None` when there is none until then.
    async fn take(&mut self, until: Instant) -> anyhow::Result<Option<String>> {
        let Ok(incoming) = timeout_at(until, self.socket.next()).await else { return Ok(None) };
        let frame = match incoming? {
            Incoming::Frame(frame) => frame,
            ended @ (Incoming::Closed(..) | Incoming::Cut) => bail!("the connection ended: {ended:?}"),
        };
        let name = frame["t"].as_str().context("a frame has a name")?.to_owned();
        match name.as_str() {
            "presence" => self.presence.push(frame),
            "ev" => self.events.push(frame),
            "err" => self.errs.push(frame),
            "pong" => self.pongs += 1,
            _ => {}
        }
        Ok(Some(name))
    }

    /// Takes in whatever comes for so long.
    pub(crate) async fn listen(&mut self, time: Duration) -> anyhow::Result<()> {
        let until = Instant::now() + time;
        while self.take(until).await?.is_some() {}
        Ok(())
    }

    /// Waits until something holds.
    pub(crate) async fn until(&mut self, what: &str, holds: impl Fn(&Self) -> bool) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while !holds(self) {
            let came = self.take(deadline).await?;
            ensure!(came.is_some(), "{what}: not in time; {:?} and {} events came", self.presence, self.events.len());
        }
        Ok(())
    }

    /// Waits until what was told last of a user is this, and gives it.
    pub(crate) async fn sees(&mut self, user: &User, online: bool) -> anyhow::Result<Value> {
        let what = format!("{} is {}", user.id(), if online { "online" } else { "offline" });
        self.until(&what, |onlooker| onlooker.told(user).last() == Some(&online)).await?;
        let of = |frame: &&Value| frame["user"] == json!(user.id());
        self.presence.iter().rev().find(of).cloned().context("it was just told")
    }

    /// What was told of a user, in order.
    pub(crate) fn told(&self, user: &User) -> Vec<bool> {
        let of = self.presence.iter().filter(|frame| frame["user"] == json!(user.id()));
        of.filter_map(|frame| frame["online"].as_bool()).collect()
    }

    /// A round trip, after which everything sent before it was taken in.
    pub(crate) async fn ping(&mut self) -> anyhow::Result<()> {
        let pongs = self.pongs + 1;
        self.socket.send(&json!({ "t": "ping", "n": pongs })).await?;
        self.until("a pong", |onlooker| onlooker.pongs == pongs).await
    }

    /// Drops the connection as a dying phone does.
    pub(crate) fn cut(self) {
        self.socket.cut();
    }
}
