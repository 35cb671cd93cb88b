//! One connection: reads what the client sends, pushes what its device is owed, and watches that both go on.

mod round;

use std::sync::Arc;
use std::time::Duration;

use chrono::SecondsFormat;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use poem::web::websocket::Message;
use posthaste_application::deliver::{Detached, Output};
use posthaste_application::execute::{Command, Envelope, ExecuteError, Executed};
use posthaste_application::limit::allowance::{Allowance, Kind};
use posthaste_application::limit::millis_up;
use posthaste_application::login;
use posthaste_application::meter::meters;
use posthaste_application::port::cursors::{CursorMove, Device, SentMark};
use posthaste_application::port::secrets::Access;
use posthaste_application::presence::Watcher;
use posthaste_application::problem::{Code, Problem};
use posthaste_application::read;
use posthaste_application::recorded::Position;
use tokio::time::Instant;

use super::close::Close;
use super::frame::{self, Ack, Auth, ClientFrame, Cmd, Limits, Ping, Read, ServerFrame, Typing};
use super::handshake::{self, Session};
use super::leaving::Leaving;
use super::liveness::{Liveness, Seen};
use super::outbox::Outbox;
use super::passing::Passing;
use super::serve::Ended;
use super::{Gateway, op, presence};

/// Most commands of one connection that are on their way; then its next frames wait.
pub(super) const IN_FLIGHT: usize = 64;
/// Why nothing of a login is taken, if nothing is.
type Looked = Result<Option<Detached>, ExecuteError>;
type Submitted = Result<BoxFuture<'static, Result<Executed, ExecuteError>>, ExecuteError>;

pub(super) struct Connection<'a> {
    gateway: &'a Gateway,
    session: Session,
    outbox: &'a mut Outbox,
    /// The command that is being decided. The next one waits for it, so their order is the client's.
    submitting: Option<(u64, BoxFuture<'static, Submitted>)>,
    /// Commands and reads that wait for their commit.
    in_flight: FuturesUnordered<BoxFuture<'static, (u64, Result<Executed, Problem>)>>,
    passing: Passing,
    /// Who is watched.
    watcher: Option<Watcher>,
    /// A new access token that is being looked at. The client's next frame waits for it.
    renewing: Option<(Access, BoxFuture<'static, Looked>)>,
    bad_frames: usize,
    /// What the user may still send.
    allowance: Arc<Allowance>,
    /// Up to here it is known that everything was written to the socket.
    sent: Position,
    liveness: Liveness,
    leaving: Leaving,
}

impl<'a> Connection<'a> {
    /// The connection of a device that was let in.
    pub(super) fn new(gateway: &'a Gateway, session: Session, outbox: &'a mut Outbox) -> Self {
        let liveness = Liveness::new(&gateway.settings, session.cursor, Instant::now());
        let sent = session.cursor;
        let allowance = gateway.allowances.of(session.access.user, gateway.ports.clock.now().timestamp_micros());
        let passing = Passing::new(Arc::clone(session.reader.attached()), gateway.signals.clone());
        Self {
            gateway,
            session,
            outbox,
            submitting: None,
            in_flight: FuturesUnordered::new(),
            passing,
            watcher: None,
            renewing: None,
            bad_frames: 0,
            allowance,
            sent,
            liveness,
            leaving: Leaving::No,
        }
    }

    /// Whether what the client sends is read.
    fn is_listening(&self) -> bool {
        let takes_on = self.submitting.is_none() && self.renewing.is_none() && self.in_flight.len() < IN_FLIGHT && self.outbox.has_room();
        takes_on && !self.leaving.is_settling()
    }

    /// Whether everything that was asked was answered.
    fn is_settled(&self) -> bool {
        self.submitting.is_none() && self.in_flight.is_empty() && self.outbox.is_empty()
    }

    fn welcome(&mut self) {
        let settings = &self.gateway.settings;
        let welcome = ServerFrame::Welcome {
            session: self.session.id,
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
            Ok(Output::Events(frames)) => frames.into_iter().for_each(|frame| self.outbox.push(frame)),
            Ok(Output::Live(position)) => self.outbox.push(ServerFrame::Live { position }.text()),
            Ok(Output::Detached(why)) => return Err(self.let_go(why)),
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, user = %self.session.device.user, "a device cannot be served");
                return Err(Ended::Close(Close::ServerError));
            }
        }
        Ok(())
    }

    /// Everything that was pushed is on its way.
    fn written(&mut self, written: &std::io::Result<()>) -> Result<(), Ended> {
        if written.is_err() {
            return Err(Ended::Gone);
        }
        if let Some(to) = self.session.reader.unacked().filter(|to| *to > self.sent) {
            let at = self.gateway.ports.clock.now();
            self.sent = to;
            self.gateway.acks.sent(SentMark { device: self.session.device, to, at });
            if let Some(recorded_at) = self.session.reader.take_fresh() {
                meters().push_time.record((at - recorded_at).to_std().unwrap_or_default());
            }
        }
        Ok(())
    }

    /// The hub has let go of the connection.
    fn let_go(&mut self, why: Detached) -> Ended {
        match why {
            Detached::Replaced => Ended::Close(Close::Replaced),
            // From here on they are told why, and nothing else.
            Detached::Revoked => {
                self.outbox.clear();
                Ended::Close(Close::SessionRevoked)
            }
            Detached::Suspended => {
                self.outbox.clear();
                Ended::Close(Close::AccountSuspended)
            }
        }
    }

    /// Takes in what the client sent.
    fn take(&mut self, incoming: Option<Result<Message, std::io::Error>>) -> Result<(), Ended> {
        self.liveness.heard(Instant::now());
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
        let parsed = ClientFrame::parse(&text);
        if let Ok(frame) = &parsed
            && let Err(wait) = self.admit(frame)
        {
            return self.too_many(frame, wait);
        }
        match parsed {
            Ok(ClientFrame::Cmd(cmd)) => self.submit(cmd),
            Ok(ClientFrame::Read(read)) => self.read(read),
            Ok(ClientFrame::Ack(Ack { position })) => self.ack(position),
            Ok(ClientFrame::Typing(Typing { thread, on })) => self.passing.typing(thread, on),
            Ok(ClientFrame::Watch(watch)) => {
                if let Err(problem) = presence::watch(self.gateway, &self.session, &mut self.watcher, watch) {
                    return self.bad(None, &problem);
                }
            }
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

    /// Counts a frame.
    fn admit(&self, frame: &ClientFrame) -> Result<(), Duration> {
        let Some(limits) = &self.gateway.settings.frames else { return Ok(()) };
        let kind = match frame {
            ClientFrame::Cmd(_) => Kind::Cmd,
            ClientFrame::Read(_) => Kind::Read,
            ClientFrame::Ack(_) => Kind::Ack,
            ClientFrame::Typing(_) | ClientFrame::Watch(_) | ClientFrame::Auth(_) | ClientFrame::Ping(_) => Kind::Other,
            // They end the connection, sooner or later.
            ClientFrame::Hello(_) | ClientFrame::Bye => return Ok(()),
        };
        self.allowance.take(limits, kind, self.now_us())
    }

    /// Answers a frame of which there are too many; whoever does not listen to that is closed.
    fn too_many(&mut self, frame: &ClientFrame, wait: Duration) -> Result<(), Ended> {
        let re = match frame {
            ClientFrame::Cmd(Cmd { id, .. }) | ClientFrame::Read(Read { id, .. }) => Some(*id),
            ClientFrame::Ack(_)
            | ClientFrame::Typing(_)
            | ClientFrame::Watch(_)
            | ClientFrame::Auth(_)
            | ClientFrame::Ping(_)
            | ClientFrame::Hello(_)
            | ClientFrame::Bye => None,
        };
        self.outbox.push(frame::error(re, &Problem::new(Code::RateLimited).after(millis_up(wait))));
        match &self.gateway.settings.frames {
            Some(limits) => self.allowance.take(limits, Kind::Refused, self.now_us()).map_err(Ended::Later),
            None => Ok(()),
        }
    }

    fn now_us(&self) -> i64 {
        self.gateway.ports.clock.now().timestamp_micros()
    }

    fn submit(&mut self, cmd: Cmd) {
        match op::command(&cmd.op, &cmd.body) {
            Ok(command) => {
                let ports = &self.gateway.ports;
                let (actor, correlation, at) = (Some(self.session.access.user), ports.ids.next(), ports.clock.now());
                let envelope = Envelope { command: cmd.key, actor, correlation, at };
                let executor = self.gateway.executor.clone();
                let (sessions, access) = (Arc::clone(&ports.sessions), self.session.access);
                let submit = async move {
                    if let Command::RevokeSession { session } = &command {
                        login::check_own(&*sessions, &executor, access, *session).await?;
                    }
                    executor.submit(envelope, command).await
                };
                self.submitting = Some((cmd.id, Box::pin(submit)));
            }
            Err(problem) => self.outbox.push(frame::error(Some(cmd.id), &problem)),
        }
    }

    fn submitted(&mut self, submitted: Submitted) {
        let Some((re, _)) = self.submitting.take() else { return };
        match submitted {
            Ok(outcome) => self.in_flight.push(outcome.map(move |executed| (re, executed.map_err(failed))).boxed()),
            Err(error) => self.answer(re, Err(failed(error))),
        }
    }

    fn read(&mut self, Read { id, thread, upto }: Read) {
        let (Device { user, device }, correlation) = (self.session.device, self.gateway.ports.ids.next());
        let outcome = self.gateway.reads.read(read::Read { user, thread, upto, device: Some(device), correlation });
        self.in_flight.push(outcome.map(move |executed| (id, executed.map_err(failed))).boxed());
    }

    fn answer(&mut self, re: u64, executed: Result<Executed, Problem>) {
        let frame = match executed {
            Ok(Executed { id, position, repeated }) => {
                ServerFrame::Ok { re: Some(re), dup: repeated, result: Some(frame::Executed { id, position }) }.text()
            }
            Err(problem) => frame::error(Some(re), &problem),
        };
        self.outbox.push(frame);
    }

    fn ack(&mut self, position: Position) {
        match self.session.reader.ack(position) {
            Ok(Some(to)) => {
                self.liveness.acked();
                self.gateway.acks.add(CursorMove { device: self.session.device, to, at: self.gateway.ports.clock.now() });
                self.passing.delivered(self.session.reader.delivered());
            }
            Ok(None) => {}
            Err(ahead) => self.outbox.push(frame::error(None, &Problem::with(Code::AckAhead, ahead.to_string()))),
        }
    }

    /// Looks at a new access token. Until it is taken, the connection speaks for both logins, and ends with either.
    fn renew(&mut self, token: &str) {
        let ports = &self.gateway.ports;
        match ports.tokens.verify(token, ports.clock.now()) {
            Ok(access) if access.user == self.session.access.user => {
                self.gateway.hub.speak_for(self.session.reader.attached(), access.session);
                let executor = self.gateway.executor.clone();
                self.renewing = Some((access, async move { handshake::ended(&executor, access).await }.boxed()));
            }
            Ok(_) => self.outbox.push(frame::error(None, &Problem::with(Code::Forbidden, "the token is of another user"))),
            Err(refused) => self.outbox.push(frame::error(None, &Problem::from(refused))),
        }
    }

    fn renewed(&mut self, ended: Looked) -> Result<(), Ended> {
        let Some((access, _)) = self.renewing.take() else { return Ok(()) };
        let frame = match ended {
            Ok(Some(why)) => return Err(self.let_go(why)),
            Ok(None) => {
                self.session.access = access;
                ServerFrame::Ok { re: None, dup: false, result: None }.text()
            }
            Err(error) => frame::error(None, &failed(error)),
        };
        self.gateway.hub.speak_only_for(self.session.reader.attached(), self.session.access.session);
        self.outbox.push(frame);
        Ok(())
    }

    /// Looks whether the connection still lives, in both directions, and gives a sign of life.
    fn look(&mut self) -> Result<(), Ended> {
        if self.gateway.ports.clock.now() >= self.session.access.expires_at {
            return Err(Ended::Close(Close::TokenExpired));
        }
        let hub = &self.gateway.hub;
        let seen = Seen {
            listening: self.is_listening(),
            unwritten: self.outbox.stalled(),
            outbox_full: !self.outbox.has_room(),
            window_full: !self.session.reader.has_room(),
            served: self.session.reader.scanned(),
            head: hub.head(),
            news: hub.news(),
        };
        if let Some(n) = self.liveness.look(&self.gateway.settings, seen, Instant::now()).map_err(Ended::Close)? {
            self.outbox.push(ServerFrame::Hb { n, head: seen.head }.text());
            self.outbox.ping();
        }
        Ok(())
    }

    /// Tells the client that the node is being stopped, and goes on for a while.
    fn prepare_to_leave(&mut self) {
        let (grace, spread) = (self.gateway.settings.drain_grace, self.gateway.settings.drain_spread);
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        self.outbox.push(ServerFrame::Drain { after_ms: millis(grace), spread_ms: millis(spread) }.text());
        self.leaving = Leaving::after(grace, spread);
    }

    fn leave(&mut self) -> Result<(), Ended> {
        self.leaving = self.leaving.next().ok_or(Ended::Close(Close::Draining))?;
        Ok(())
    }
}

/// What is told of an error; a fault of the service, or of what it stands on, is logged here.
fn failed<E: std::error::Error + 'static>(error: E) -> Problem
where
    for<'e> Problem: From<&'e E>,
{
    let problem = Problem::from(&error);
    if matches!(problem.code, Code::Internal | Code::Unavailable) {
        tracing::warn!(error = &error as &dyn std::error::Error, "a command failed");
    }
    problem
}
