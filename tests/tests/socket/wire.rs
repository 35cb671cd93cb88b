//! A connection that checks the protocol's promises with every frame it reads.

use std::collections::VecDeque;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use posthaste_domain::ThreadId;
use posthaste_tests::actor::{Incoming, Socket, User, new_id};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout, timeout_at};
use uuid::Uuid;

/// How long anything may take that should happen at once.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Two friends with a thread.
pub(crate) struct Friends {
    pub(crate) alice: User,
    pub(crate) bob: User,
    pub(crate) thread: ThreadId,
}

impl Friends {
    pub(crate) async fn meet(base: &str) -> anyhow::Result<Self> {
        let (alice, bob) = tokio::try_join!(User::register(base, "alice"), User::register(base, "bob"))?;
        alice.befriend(base, &bob).await?;
        let thread = alice.open_direct(base, &bob).await?;
        Ok(Self { alice, bob, thread })
    }
}

/// A welcomed connection.
pub(crate) struct Wire {
    socket: Socket,
    /// The whole `welcome`.
    pub(crate) welcome: Value,
    /// The last `ev`, or the cursor.
    pub(crate) prev: u64,
    /// Every `ev`, in order.
    pub(crate) events: Vec<Value>,
    /// Other frames that came while one was waited for.
    early: VecDeque<Value>,
    commands: u64,
    /// The codes of every `err`.
    errs: Vec<String>,
    /// How it ended, once it has.
    ended: Option<Incoming>,
}

impl Wire {
    /// Connects a device; the first frame must be `welcome`.
    pub(crate) async fn connect(base: &str, user: &User, device: Uuid, more: Value) -> anyhow::Result<Self> {
        Self::welcomed(Socket::hello(base, user, device, more).await?).await
    }

    /// A device that nobody has seen, from the first event on.
    pub(crate) async fn fresh(base: &str, user: &User) -> anyhow::Result<Self> {
        Self::connect(base, user, new_id(), json!({})).await
    }

    /// Takes a socket that has said hello.
    pub(crate) async fn welcomed(mut socket: Socket) -> anyhow::Result<Self> {
        let welcome = match timeout(PATIENCE, socket.next()).await.context("no welcome in time")?? {
            Incoming::Frame(welcome) if welcome["t"] == "welcome" => welcome,
            other @ (Incoming::Frame(_) | Incoming::Closed(..) | Incoming::Cut) => bail!("instead of welcome there came {other:?}"),
        };
        let prev = welcome["cursor"].as_u64().context("a cursor exists from here")?;
        Ok(Self { socket, welcome, prev, events: Vec::new(), early: VecDeque::new(), commands: 0, errs: Vec::new(), ended: None })
    }

    pub(crate) async fn send(&mut self, frame: &Value) -> anyhow::Result<()> {
        self.socket.send(frame).await
    }

    pub(crate) async fn send_text(&mut self, text: impl Into<String>) -> anyhow::Result<()> {
        self.socket.send_text(text.into()).await
    }

    pub(crate) async fn send_bytes(&mut self, bytes: Vec<u8>) -> anyhow::Result<()> {
        self.socket.send_bytes(bytes).await
    }

    /// Asks and reads nothing until the node asks for no more either. Every answer is as long as its question, so what the system has room for
    /// is full at last. Whether it is is only guessed, from how long a question is not taken.
    pub(crate) async fn stall(&mut self) {
        let question = json!({ "t": "cmd", "id": 1, "key": new_id(), "op": "x".repeat(60_000), "body": {} }).to_string();
        while matches!(timeout(Duration::from_millis(500), self.send_text(question.clone())).await, Ok(Ok(()))) {}
    }

    /// Cuts it without a close frame.
    pub(crate) fn cut(self) {
        self.socket.cut();
    }

    /// The next frame that is no `ev`; those are checked and kept.
    async fn next(&mut self, deadline: Instant) -> anyhow::Result<Incoming> {
        match timeout_at(deadline, self.raw()).await {
            Ok(incoming) => incoming,
            Err(_) => bail!("it did not come in time; the last event was at {}, the other frames are {:?}", self.prev, self.early),
        }
    }

    /// Whatever comes next, without looking at it.
    pub(crate) async fn raw(&mut self) -> anyhow::Result<Incoming> {
        let incoming = self.socket.next().await?;
        match &incoming {
            Incoming::Frame(frame) if frame["t"] == "err" => self.errs.push(frame["code"].as_str().context("a code")?.to_owned()),
            Incoming::Frame(_) => {}
            ended @ (Incoming::Closed(..) | Incoming::Cut) => self.ended = Some(ended.clone()),
        }
        Ok(incoming)
    }

    /// Reads to the end, unless it was read already: the codes of every `err` on this connection, and how it ended.
    pub(crate) async fn end(&mut self) -> anyhow::Result<(Vec<String>, Incoming)> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(ended) = &self.ended {
                return Ok((self.errs.clone(), ended.clone()));
            }
            timeout_at(deadline, self.raw()).await.context("the connection does not end")??;
        }
    }

    /// Checks and keeps an `ev`, and gives back everything else.
    fn keep(&mut self, frame: Value) -> anyhow::Result<Option<Value>> {
        if frame["t"] != "ev" {
            return Ok(Some(frame));
        }
        let position = frame["position"].as_u64().context("an event has a position")?;
        ensure!(frame["prev"].as_u64() == Some(self.prev), "after {} there came {frame}", self.prev);
        ensure!(position > self.prev, "after {} there came {frame}", self.prev);
        self.prev = position;
        self.events.push(frame);
        Ok(None)
    }

    /// The next frame of this kind. An `err`, and what ends the connection, is not waited past.
    pub(crate) async fn expect(&mut self, t: &str) -> anyhow::Result<Value> {
        if let Some(index) = self.early.iter().position(|frame| frame["t"] == t) {
            return self.early.remove(index).context("it was just found");
        }
        let deadline = Instant::now() + PATIENCE;
        loop {
            let frame = match self.next(deadline).await? {
                Incoming::Frame(frame) => frame,
                ended @ (Incoming::Closed(..) | Incoming::Cut) => bail!("waiting for {t}, the connection ended: {ended:?}"),
            };
            let Some(frame) = self.keep(frame)? else { continue };
            if frame["t"] == t {
                return Ok(frame);
            }
            ensure!(frame["t"] != "err", "waiting for {t}, there came {frame}");
            self.early.push_back(frame);
        }
    }

    /// The next frame of this kind, if it comes within a while. As [`Wire::expect`] otherwise.
    pub(crate) async fn soon(&mut self, t: &str, within: Duration) -> anyhow::Result<Option<Value>> {
        let deadline = Instant::now() + within;
        while self.count(t) == 0 {
            let Ok(incoming) = timeout_at(deadline, self.socket.next()).await else { return Ok(None) };
            let Incoming::Frame(frame) = incoming? else { bail!("waiting for {t}, the connection ended") };
            if let Some(frame) = self.keep(frame)? {
                ensure!(frame["t"] != "err", "waiting for {t}, there came {frame}");
                self.early.push_back(frame);
            }
        }
        self.expect(t).await.map(Some)
    }

    /// Waits until this many events have come.
    pub(crate) async fn events(&mut self, count: usize) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while self.events.len() < count {
            match self.next(deadline).await.with_context(|| format!("{} of {count} events", self.events.len()))? {
                Incoming::Frame(frame) => {
                    if let Some(frame) = self.keep(frame)? {
                        ensure!(frame["t"] != "err", "waiting for events, there came {frame}");
                        self.early.push_back(frame);
                    }
                }
                ended @ (Incoming::Closed(..) | Incoming::Cut) => bail!("waiting for events, the connection ended: {ended:?}"),
            }
        }
        Ok(())
    }

    /// The next `err` must have this code, and be complete.
    pub(crate) async fn refused(&mut self, code: &str) -> anyhow::Result<Value> {
        let err = self.expect("err").await?;
        ensure!(err["code"] == code, "not {code}, but {err}");
        let retry = err["retry"].as_str().unwrap_or_default();
        ensure!(["never", "same", "after", "reauth"].contains(&retry), "what can the client do? {err}");
        ensure!(err["title"].as_str().is_some_and(|title| !title.is_empty()), "an error has a title: {err}");
        Ok(err)
    }

    /// Reads to the end, which must have this code, this reason, and an `err` of the same name before it. Gives the codes of all `err`s.
    pub(crate) async fn closed(&mut self, code: u16, name: &str) -> anyhow::Result<Vec<String>> {
        let (errs, ended) = until_the_end(&mut self.socket).await?;
        check_end(&errs, &ended, code, name)?;
        Ok(errs)
    }

    /// The connection still does its work: a command is carried out and its event comes.
    pub(crate) async fn works(&mut self, friends: &Friends, text: &str) -> anyhow::Result<u64> {
        let ok = self.post(new_id(), friends.thread, text).await?;
        let position = ok["result"]["position"].as_u64().context("an ok has a position")?;
        self.events_upto(position).await?;
        let event = self.events.last().context("an event came")?;
        ensure!(event["position"] == position && event["body"]["content"]["text"] == text, "not {text:?} at {position}, but {event}");
        Ok(position)
    }

    /// Sends a message without waiting for anything; gives the `re` of the answer.
    pub(crate) async fn send_post(&mut self, key: Uuid, thread: ThreadId, text: &str) -> anyhow::Result<u64> {
        self.send_cmd(key, "message.post", json!({ "thread": thread, "content": { "kind": "text", "text": text } })).await
    }

    /// Sends a command without waiting for anything; gives the `re` of the answer.
    pub(crate) async fn send_cmd(&mut self, key: Uuid, op: &str, body: Value) -> anyhow::Result<u64> {
        let (id, frame) = self.cmd(key, op, body);
        self.send(&frame).await?;
        Ok(id)
    }

    /// Says that a thread is read up to a position, without waiting for anything; gives the `re` of the answer.
    pub(crate) async fn send_read(&mut self, thread: ThreadId, upto: u64) -> anyhow::Result<u64> {
        self.commands += 1;
        let id = self.commands;
        self.send(&json!({ "t": "read", "id": id, "thread": thread, "upto": upto })).await?;
        Ok(id)
    }

    /// Waits until everything up to this position has come, and something at it.
    pub(crate) async fn events_upto(&mut self, position: u64) -> anyhow::Result<()> {
        while self.prev < position {
            let more = self.events.len() + 1;
            self.events(more).await?;
        }
        Ok(())
    }

    /// As [`Wire::send_cmd`], and the contract may not know it.
    pub(crate) async fn send_bad_cmd(&mut self, key: Uuid, op: &str, body: Value) -> anyhow::Result<u64> {
        let (id, frame) = self.cmd(key, op, body);
        self.send_text(frame.to_string()).await?;
        Ok(id)
    }

    fn cmd(&mut self, key: Uuid, op: &str, body: Value) -> (u64, Value) {
        self.commands += 1;
        let id = self.commands;
        (id, json!({ "t": "cmd", "id": id, "key": key, "op": op, "body": body }))
    }

    /// Posts a message, and gives the `ok`.
    pub(crate) async fn post(&mut self, key: Uuid, thread: ThreadId, text: &str) -> anyhow::Result<Value> {
        let id = self.send_post(key, thread, text).await?;
        let ok = self.expect("ok").await?;
        ensure!(ok["re"] == id, "the answer to {id} is {ok}");
        Ok(ok)
    }

    pub(crate) async fn ack(&mut self, position: u64) -> anyhow::Result<()> {
        self.send(&json!({ "t": "ack", "position": position })).await
    }

    /// A round trip, after which everything sent before it was taken in.
    pub(crate) async fn ping(&mut self) -> anyhow::Result<()> {
        let n = rand::random::<u32>();
        self.send(&json!({ "t": "ping", "n": n })).await?;
        let pong = self.expect("pong").await?;
        ensure!(pong["n"] == n, "the pong to {n} is {pong}");
        Ok(())
    }

    /// How many frames of this kind have come and were not asked for.
    pub(crate) fn count(&self, t: &str) -> usize {
        self.early.iter().filter(|frame| frame["t"] == t).count()
    }

    /// The texts of the messages that came.
    pub(crate) fn texts(&self) -> Vec<&str> {
        self.events.iter().filter_map(|event| event["body"]["content"]["text"].as_str()).collect()
    }
}

/// Reads a socket to its end: the codes of all `err`s, and how it ended.
pub(crate) async fn until_the_end(socket: &mut Socket) -> anyhow::Result<(Vec<String>, Incoming)> {
    // Heartbeats must not keep this waiting.
    let deadline = Instant::now() + PATIENCE;
    let mut errs = Vec::new();
    loop {
        match timeout_at(deadline, socket.next()).await.context("the connection does not end")?? {
            Incoming::Frame(frame) if frame["t"] == "err" => errs.push(frame["code"].as_str().context("a code")?.to_owned()),
            Incoming::Frame(_) => {}
            ended @ (Incoming::Closed(..) | Incoming::Cut) => return Ok((errs, ended)),
        }
    }
}

/// A server that closes says why, twice: as the last `err`, and in the close frame.
pub(crate) fn check_end(errs: &[String], ended: &Incoming, code: u16, name: &str) -> anyhow::Result<()> {
    ensure!(*ended == Incoming::Closed(code, name.to_owned()), "not {code} {name}, but {ended:?} after {errs:?}");
    ensure!(errs.last().is_some_and(|last| last == name), "before {code} there came {errs:?}");
    Ok(())
}

/// What is said last.
const END: &str = "the end";

/// A fresh device of the other user gets every one of these messages, once, in order: nothing was lost, and nothing else was stored.
pub(crate) async fn nothing_lost(base: &str, friends: &Friends, texts: &[&str]) -> anyhow::Result<()> {
    let mut bob = Wire::fresh(base, &friends.bob).await?;
    let live = bob.expect("live").await?;
    ensure!(live["position"].as_u64().is_some_and(|position| position >= bob.prev), "after {} there came {live}", bob.prev);
    // The feed may be behind the answer that a client got, so the backlog can end before it; whatever there is comes before this.
    bob.works(friends, END).await?;
    let came: Vec<_> = bob.texts().into_iter().filter(|text| *text != END).collect();
    ensure!(came == texts, "the other has {came:?}, not {texts:?}");
    Ok(())
}
