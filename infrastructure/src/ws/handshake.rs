//! The first frame: who connects, and where their device stands. Nothing costly happens before it is verified.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::SplitStream;
use poem::web::websocket::{Message, WebSocketStream};
use posthaste_application::deliver::{Admission, Admitted, Detached, Reader, Window, connect};
use posthaste_application::execute::{ExecuteError, Executor};
use posthaste_application::meter::meters;
use posthaste_application::port::PortError;
use posthaste_application::port::cursors::{Connect, CursorMove, Device, Generation};
use posthaste_application::port::secrets::Access;
use posthaste_application::port::signals::Signal;
use posthaste_application::port::tickets::Pass;
use posthaste_application::problem::{Code, Problem};
use posthaste_application::recorded::Position;
use posthaste_domain::User;
use tokio::time::timeout;
use uuid::Uuid;

use super::Gateway;
use super::close::Close;
use super::frame::{ClientFrame, Hello};

/// The longest `hello`, in bytes.
pub(super) const HELLO_BYTES: usize = 4 * 1024;

/// A verified connection.
pub(super) struct Session {
    /// The connection, for the logs.
    pub(super) id: Uuid,
    /// Whom it speaks for, and until when.
    pub(super) access: Access,
    /// Which device it is.
    pub(super) device: Device,
    /// Where the device stands.
    pub(super) cursor: Position,
    /// The end of the log when it connected.
    pub(super) head: Position,
    /// What may be un-acked.
    pub(super) window: Window,
    /// Its events.
    pub(super) reader: Reader,
    _counted: Counted,
}

/// Counts a connection while it lasts.
struct Counted;

impl Counted {
    fn new() -> Self {
        meters().sockets.increment(1.0);
        Self
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        meters().sockets.decrement(1.0);
    }
}

/// Why there is no session.
pub(super) enum Refused {
    /// The client went away.
    Gone,
    /// Told, and closed.
    Closed(Problem, Close),
    /// Closed, the reason says it all.
    Close(Close),
    /// Closed, to come back later.
    Later(Duration),
}

impl From<PortError> for Refused {
    fn from(error: PortError) -> Self {
        tracing::warn!(error = &error as &dyn std::error::Error, "handshake failed");
        Self::Closed(Problem::from(&error), Close::ServerError)
    }
}

/// Waits in line, then reads and verifies `hello`.
pub(super) async fn shake_hands(gateway: &Gateway, stream: &mut SplitStream<WebSocketStream>) -> Result<Session, Refused> {
    match gateway.stopping.run_until_cancelled(gateway.doors.turn()).await {
        Some(turn) => turn.map_err(Refused::Later)?,
        None => return Err(Refused::Close(Close::Draining)),
    }
    tracing::trace!("let in");
    let hello = match timeout(gateway.settings.hello, first_frame(stream)).await {
        Ok(hello) => hello?,
        Err(_) => return Err(Refused::Close(Close::HelloTimeout)),
    };
    let access = authenticate(gateway, &hello).await?;
    let device = Device { user: access.user, device: hello.device };
    // Those who come one after the other are told before anything is done for them.
    if gateway.hub.connections_of_others(device) >= gateway.settings.sockets_per_user {
        return Err(Refused::Close(Close::TooManyConnections));
    }
    let Admitted { attached, cursor: stored, head, generation } = admit(gateway, &access, device, hello.cursor).await?;
    let mut window = gateway.settings.window;
    window.events = hello.window.map_or(window.events, |events| events.clamp(1, window.events));
    let cursor = hello.cursor.unwrap_or(stored);
    let reader = Reader::new(Arc::clone(&gateway.ports.log), Arc::clone(&gateway.hub), attached, cursor, window);
    // Of those who come at the same time, the first ones stay.
    if gateway.hub.is_one_too_many(reader.attached(), gateway.settings.sockets_per_user) {
        return Err(Refused::Close(Close::TooManyConnections));
    }
    tell_others(gateway, device, generation);
    if cursor > stored {
        gateway.acks.add(CursorMove { device, to: cursor, at: gateway.ports.clock.now() });
    }
    meters().connects.increment(1);
    meters().resumes.increment(u64::from(cursor > Position::START));
    let id = gateway.ports.ids.next();
    tracing::debug!(
        connection = %id,
        user = %access.user,
        device = %device.device,
        generation = generation.0,
        cursor = cursor.0,
        client = hello.client.as_deref(),
        "connected"
    );
    Ok(Session { id, access, device, cursor, head, window, reader, _counted: Counted::new() })
}

/// Why nothing of a login is taken, if nothing is, as the log has it now.
///
/// # Errors
/// The log cannot be read.
pub(super) async fn ended(executor: &Executor, access: Access) -> Result<Option<Detached>, ExecuteError> {
    let user = executor.states().fresh::<User>(access.user).await?;
    let revoked = (user.has_revoked(access.session) || user.leaving().is_some()).then_some(Detached::Revoked);
    Ok(revoked.or(user.is_barred().then_some(Detached::Suspended)))
}

async fn first_frame(stream: &mut SplitStream<WebSocketStream>) -> Result<Hello, Refused> {
    let violation = |code, detail: &'static str| Refused::Closed(Problem::with(code, detail), Close::ProtocolViolation);
    loop {
        match stream.next().await {
            Some(Ok(Message::Text(text))) if text.len() > HELLO_BYTES => {
                return Err(violation(Code::TooLarge, "hello must fit into 4 KiB"));
            }
            Some(Ok(Message::Text(text))) => {
                return match ClientFrame::parse(&text) {
                    Ok(ClientFrame::Hello(hello)) => Ok(hello),
                    Ok(
                        ClientFrame::Ack(_)
                        | ClientFrame::Cmd(_)
                        | ClientFrame::Read(_)
                        | ClientFrame::Typing(_)
                        | ClientFrame::Watch(_)
                        | ClientFrame::Auth(_)
                        | ClientFrame::Ping(_)
                        | ClientFrame::Bye,
                    ) => Err(violation(Code::Validation, "the first frame must be hello")),
                    Err(unreadable) => Err(Refused::Closed(unreadable.problem, Close::ProtocolViolation)),
                };
            }
            Some(Ok(Message::Binary(_))) => return Err(violation(Code::Validation, "frames are text")),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            Some(Ok(Message::Close(_)) | Err(_)) | None => return Err(Refused::Gone),
        }
    }
}

async fn authenticate(gateway: &Gateway, hello: &Hello) -> Result<Access, Refused> {
    let now = gateway.ports.clock.now();
    match (&hello.ticket, &hello.token) {
        (Some(ticket), None) => match gateway.ports.tickets.redeem::<Pass>(ticket).await? {
            Some(pass) if pass.device.is_some_and(|device| device != hello.device) => {
                Err(Refused::Closed(Problem::with(Code::Unauthorized, "the ticket is for another device"), Close::Unauthorized))
            }
            Some(pass) if pass.access.expires_at > now => Ok(pass.access),
            Some(_) => Err(Refused::Closed(Problem::new(Code::TokenExpired), Close::TokenExpired)),
            None => Err(Refused::Closed(Problem::with(Code::Unauthorized, "the ticket is unknown, used or expired"), Close::Unauthorized)),
        },
        (None, Some(token)) => gateway.ports.tokens.verify(token, now).map_err(|refused| {
            let problem = Problem::from(refused);
            let close = if problem.code == Code::TokenExpired { Close::TokenExpired } else { Close::Unauthorized };
            Refused::Closed(problem, close)
        }),
        (Some(_), Some(_)) | (None, None) => {
            let problem = Problem::with(Code::Validation, "hello needs a ticket or a token");
            Err(Refused::Closed(problem, Close::ProtocolViolation))
        }
    }
}

/// Tells the other nodes that older connections of the device are no more. If that is lost, they find out by themselves.
fn tell_others(gateway: &Gateway, device: Device, generation: Generation) {
    if generation == Generation::FIRST {
        return;
    }
    let signals = Arc::clone(&gateway.ports.signals);
    gateway.connections.spawn(async move {
        if let Err(error) = signals.publish(&[Signal::Replaced { device, generation }]).await {
            tracing::debug!(error = &error as &dyn std::error::Error, "the other nodes were not told of a connection");
        }
    });
}

/// Connects the device, which goes on from the cursor it names: it knows what it has stored. The stored cursor never moves back, so a
/// device that lost its storage gets everything again without owing it anew.
async fn admit(gateway: &Gateway, access: &Access, device: Device, cursor: Option<Position>) -> Result<Admitted, Refused> {
    let Access { session, .. } = *access;
    let ask = Connect { device, session, cursor, at: gateway.ports.clock.now() };
    match connect(&gateway.hub, &*gateway.ports.cursors, ask).await? {
        Admission::Admitted(admitted) => Ok(admitted),
        Admission::Revoked => Err(Refused::Close(Close::SessionRevoked)),
        Admission::Suspended => Err(Refused::Close(Close::AccountSuspended)),
        Admission::BeyondHead { head } => {
            let detail = format!("the cursor {} is beyond the head of the log {head}", cursor.unwrap_or_default());
            Err(Refused::Closed(Problem::with(Code::AckAhead, detail), Close::ProtocolViolation))
        }
    }
}
