//! One connection: reads what the client sends, pushes what its device is owed, and watches that both go on.

use std::sync::Arc;

use chrono::SecondsFormat;
use futures::future::{BoxFuture, OptionFuture};
use futures::stream::{FuturesUnordered, SplitStream};
use futures::{FutureExt as _, StreamExt as _};
use poem::web::websocket::{Message, WebSocketStream};
use posthaste_application::deliver::{Detached, Output};
use posthaste_application::execute::{Command, Envelope, ExecuteError, Executed};
use posthaste_application::port::cursors::CursorMove;
use posthaste_application::problem::{Code, Problem};
use posthaste_application::recorded::Position;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use super::close::Close;
use super::frame::{self, Ack, Auth, ClientFrame, Cmd, Limits, Ping, PostMessage, ServerFrame};
use super::handshake::{Refused, Session, shake_hands};
use super::outbox::Outbox;
use super::{Gateway, SUBPROTOCOL};

/// Most commands of one connection that are on their way; then its next frames wait.
const IN_FLIGHT: usize = 64;
/// How many times the connection is looked at between two heartbeats.
const LOOKS: u32 = 5;
/// How long a leaving node waits for the answers to what was asked of it.
const DRAINING: std::time::Duration = std::time::Duration::from_secs(3);

/// How a connection ended.
enum Ended {
    /// The client is gone.
    Gone,
    /// The server closes.
    Close(Close),
}

type Submitted = Result<BoxFuture<'static, Result<Executed, ExecuteError>>, ExecuteError>;

struct Connection<'a> {
    gateway: &'a Gateway,
    session: Session,
    outbox: &'a mut Outbox,
    /// The command that is being decided. The next one waits for it, so their order is the client's.
    submitting: Option<(u64, BoxFuture<'static, Submitted>)>,
    /// Commands that wait for their commit.
    in_flight: FuturesUnordered<BoxFuture<'static, (u64, Result<Executed, ExecuteError>)>>,
    bad_frames: usize,
    heard: Instant,
    acked: Instant,
    progress: (Position, Instant),
    looks: u32,
    heartbeats: u64,
    leaving: Option<Instant>,
}

/// Serves a socket to its end.
pub(super) async fn serve(gateway: Arc<Gateway>, socket: WebSocketStream, greeting: Result<(), Close>) {
    let (sink, mut stream) = socket.split();
    let mut outbox = Outbox::new(sink, gateway.settings.write_buffer_bytes);
    let ended = match greeting {
        Err(close) => Ended::Close(close),
        Ok(()) => match shake_hands(&gateway, &mut stream).await {
            Ok(session) => Connection::new(&gateway, session, &mut outbox).run(&mut stream).await,
            Err(Refused::Gone) => Ended::Gone,
            Err(Refused::Close(close)) => Ended::Close(close),
            Err(Refused::Closed(problem, close)) => {
                outbox.push(frame::error(None, &problem));
                Ended::Close(close)
            }
        },
    };
    let Ended::Close(close) = ended else { return };
    tracing::debug!(code = close.code(), reason = close.name(), "closing");
    if close != Close::Bye {
        outbox.push(
            ServerFrame::Err {
                re: None,
                code: close.name(),
                title: close.title(),
                detail: None,
                retry: close.retry(),
                retry_after_ms: None,
            }
            .text(),
        );
    }
    outbox.close(close).await;
    // A socket that is dropped with something unread is reset, and the client may never see why.
    let _ = timeout(std::time::Duration::from_secs(1), async { while let Some(Ok(_)) = stream.next().await {} }).await;
}

impl<'a> Connection<'a> {
    fn new(gateway: &'a Gateway, session: Session, outbox: &'a mut Outbox) -> Self {
        let now = Instant::now();
        let progress = (session.cursor, now);
        Self {
            gateway,
            session,
            outbox,
            submitting: None,
            in_flight: FuturesUnordered::new(),
            bad_frames: 0,
            heard: now,
            acked: now,
            progress,
            looks: 0,
            heartbeats: 0,
            leaving: None,
        }
    }

    async fn run(mut self, stream: &mut SplitStream<WebSocketStream>) -> Ended {
        self.welcome();
        let mut looks = interval(self.gateway.settings.heartbeat / LOOKS);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        looks.reset();
        loop {
            let reads = self.submitting.is_none() && self.in_flight.len() < IN_FLIGHT && self.outbox.has_room() && self.leaving.is_none();
            let step = tokio::select! {
                incoming = stream.next(), if reads => self.take(incoming),
                written = self.outbox.drive(), if !self.outbox.is_empty() => written.map_err(|_| Ended::Gone),
                output = self.session.reader.next(), if self.outbox.has_room() => self.push(output),
                Some(submitted) = OptionFuture::from(self.submitting.as_mut().map(|(_, submitting)| submitting)) => {
                    self.submitted(submitted);
                    Ok(())
                }
                Some((re, executed)) = self.in_flight.next(), if !self.in_flight.is_empty() => {
                    self.answer(re, executed);
                    Ok(())
                }
                _ = looks.tick() => self.look(),
                () = self.gateway.stopping.cancelled(), if self.leaving.is_none() => {
                    self.leave();
                    Ok(())
                }
            };
            if let Err(ended) = step {
                return ended;
            }
            if self.leaving.is_some_and(|since| self.is_idle() || since.elapsed() >= DRAINING) {
                return Ended::Close(Close::Draining);
            }
        }
    }

    fn is_idle(&self) -> bool {
        self.submitting.is_none() && self.in_flight.is_empty() && self.outbox.is_empty()
    }

    fn welcome(&mut self) {
        let settings = &self.gateway.settings;
        let welcome = ServerFrame::Welcome {
            session: self.gateway.ports.ids.next(),
            device: self.session.device.device,
            cursor: self.session.cursor,
            head: self.session.head,
            heartbeat_ms: settings.heartbeat.as_millis(),
            window: self.session.window.events,
            limits: Limits { frame_bytes: settings.frame_bytes, message_characters: posthaste_domain::text::MessageBody::MAX_CHARACTERS },
            now: self.gateway.ports.clock.now().to_rfc3339_opts(SecondsFormat::Millis, true),
            expires_at: self.session.access.expires_at.to_rfc3339_opts(SecondsFormat::Millis, true),
        };
        self.outbox.push(welcome.text());
    }

    /// Pushes what the reader has.
    fn push(&mut self, output: Result<Output, posthaste_application::deliver::ReadError>) -> Result<(), Ended> {
        match output {
            Ok(Output::Events(frames)) => {
                if self.session.reader.has_room() {
                    self.acked = Instant::now();
                }
                frames.into_iter().for_each(|frame| self.outbox.push(frame));
            }
            Ok(Output::Live(position)) => self.outbox.push(ServerFrame::Live { position }.text()),
            Ok(Output::Detached(Detached::Replaced)) => return Err(Ended::Close(Close::Replaced)),
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, user = %self.session.device.user, "a device cannot be served");
                return Err(Ended::Close(Close::ServerError));
            }
        }
        Ok(())
    }

    /// Takes in what the client sent.
    fn take(&mut self, incoming: Option<Result<Message, std::io::Error>>) -> Result<(), Ended> {
        self.heard = Instant::now();
        let text = match incoming {
            Some(Ok(Message::Text(text))) => text,
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => return Ok(()),
            Some(Ok(Message::Binary(_))) => return self.bad(None, &Problem::with(Code::Validation, "frames are text")),
            Some(Ok(Message::Close(_)) | Err(_)) | None => return Err(Ended::Gone),
        };
        if text.len() > self.gateway.settings.frame_bytes {
            let detail = format!("a frame may have at most {} bytes", self.gateway.settings.frame_bytes);
            return self.bad(ClientFrame::number(&text), &Problem::with(Code::TooLarge, detail));
        }
        match ClientFrame::parse(&text) {
            Ok(ClientFrame::Cmd(cmd)) => self.submit(cmd),
            Ok(ClientFrame::Ack(Ack { position })) => self.ack(position),
            Ok(ClientFrame::Auth(Auth { token })) => self.renew(&token),
            Ok(ClientFrame::Ping(Ping { n })) => self.outbox.push(ServerFrame::Pong { n }.text()),
            Ok(ClientFrame::Bye) => return Err(Ended::Close(Close::Bye)),
            Ok(ClientFrame::Hello(_)) => return self.bad(None, &Problem::with(Code::Validation, "hello was said already")),
            Err(unreadable) => return self.bad(unreadable.re, &unreadable.problem),
        }
        Ok(())
    }

    /// Answers a frame that makes no sense; too many of them end the connection.
    fn bad(&mut self, re: Option<u64>, problem: &Problem) -> Result<(), Ended> {
        self.outbox.push(frame::error(re, problem));
        self.bad_frames += 1;
        if self.bad_frames >= self.gateway.settings.bad_frames { Err(Ended::Close(Close::ProtocolViolation)) } else { Ok(()) }
    }

    fn submit(&mut self, cmd: Cmd) {
        let command = match cmd.op.as_str() {
            "message.post" => serde_json::from_str(cmd.body.get())
                .map(|PostMessage { thread, content }| Command::PostMessage { thread, content })
                .map_err(|error| Problem::with(Code::Validation, error.to_string())),
            op => Err(Problem::with(Code::UnsupportedOp, format!("there is no operation '{op}' in {SUBPROTOCOL}"))),
        };
        match command {
            Ok(command) => {
                let envelope =
                    Envelope { command: cmd.key, actor: Some(self.session.access.user), correlation: self.gateway.ports.ids.next() };
                let executor = self.gateway.executor.clone();
                self.submitting = Some((cmd.id, Box::pin(async move { executor.submit(envelope, command).await })));
            }
            Err(problem) => self.outbox.push(frame::error(Some(cmd.id), &problem)),
        }
    }

    fn submitted(&mut self, submitted: Submitted) {
        let Some((re, _)) = self.submitting.take() else { return };
        match submitted {
            Ok(outcome) => self.in_flight.push(outcome.map(move |executed| (re, executed)).boxed()),
            Err(error) => self.answer(re, Err(error)),
        }
    }

    fn answer(&mut self, re: u64, executed: Result<Executed, ExecuteError>) {
        let frame = match executed {
            Ok(Executed { id, position, repeated }) => {
                ServerFrame::Ok { re: Some(re), dup: repeated, result: Some(frame::Executed { id, position }) }.text()
            }
            Err(error) => {
                let problem = Problem::from(&error);
                if matches!(problem.code, Code::Internal | Code::Unavailable) {
                    tracing::warn!(error = &error as &dyn std::error::Error, "a command failed");
                }
                frame::error(Some(re), &problem)
            }
        };
        self.outbox.push(frame);
    }

    fn ack(&mut self, position: Position) {
        match self.session.reader.ack(position) {
            Ok(Some(to)) => {
                self.acked = Instant::now();
                self.gateway.acks.add(CursorMove { device: self.session.device, to, at: self.gateway.ports.clock.now() });
            }
            Ok(None) => {}
            Err(ahead) => self.outbox.push(frame::error(None, &Problem::with(Code::AckAhead, ahead.to_string()))),
        }
    }

    fn renew(&mut self, token: &str) {
        let frame = match self.gateway.ports.tokens.verify(token, self.gateway.ports.clock.now()) {
            Ok(access) if access.user == self.session.access.user => {
                self.session.access = access;
                ServerFrame::Ok { re: None, dup: false, result: None }.text()
            }
            Ok(_) => frame::error(None, &Problem::with(Code::Forbidden, "the token is of another user")),
            Err(refused) => frame::error(None, &Problem::from(refused)),
        };
        self.outbox.push(frame);
    }

    /// Looks whether the connection still lives, in both directions, and gives a sign of life.
    fn look(&mut self) -> Result<(), Ended> {
        let settings = &self.gateway.settings;
        if self.gateway.ports.clock.now() >= self.session.access.expires_at {
            return Err(Ended::Close(Close::TokenExpired));
        }
        if self.outbox.stalled() >= settings.write {
            return Err(Ended::Close(Close::WriteTimeout));
        }
        let has_room = self.session.reader.has_room();
        if !has_room && self.acked.elapsed() >= settings.ack {
            return Err(Ended::Close(Close::AckStalled));
        }
        let scanned = self.session.reader.scanned();
        if scanned > self.progress.0 || !has_room || self.gateway.hub.head() <= scanned {
            self.progress = (scanned, Instant::now());
        } else if self.progress.1.elapsed() >= settings.feed {
            return Err(Ended::Close(Close::FeedStalled));
        }
        self.looks += 1;
        if self.looks >= LOOKS {
            self.looks = 0;
            self.heartbeats += 1;
            self.outbox.push(ServerFrame::Hb { n: self.heartbeats, head: self.gateway.hub.head() }.text());
            self.outbox.ping();
        }
        if self.heard.elapsed() >= settings.heartbeat * 2 + settings.heartbeat / LOOKS {
            return Err(Ended::Close(Close::HeartbeatTimeout));
        }
        Ok(())
    }

    fn leave(&mut self) {
        self.leaving = Some(Instant::now());
        let spread_ms = u64::try_from(self.gateway.settings.drain_spread.as_millis()).unwrap_or(u64::MAX);
        self.outbox.push(ServerFrame::Drain { after_ms: 0, spread_ms }.text());
    }
}
