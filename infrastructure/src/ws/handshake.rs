//! The first frame: who connects, and where their device stands. Nothing costly happens before it is verified.

use std::sync::Arc;

use futures::StreamExt as _;
use futures::stream::SplitStream;
use poem::web::websocket::{Message, WebSocketStream};
use posthaste_application::deliver::{Reader, Window};
use posthaste_application::port::PortError;
use posthaste_application::port::cursors::{CursorMove, Device};
use posthaste_application::port::secrets::Access;
use posthaste_application::problem::{Code, Problem};
use posthaste_application::recorded::Position;
use tokio::time::timeout;

use super::Gateway;
use super::close::Close;
use super::frame::{ClientFrame, Hello};

/// The longest `hello`, in bytes.
const HELLO_BYTES: usize = 4 * 1024;

/// A verified connection.
pub(super) struct Session {
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
}

/// Why there is no session.
pub(super) enum Refused {
    /// The client went away.
    Gone,
    /// Told, and closed.
    Closed(Problem, Close),
    /// Closed, the reason says it all.
    Close(Close),
}

impl From<PortError> for Refused {
    fn from(error: PortError) -> Self {
        tracing::warn!(error = &error as &dyn std::error::Error, "handshake failed");
        Self::Closed(Problem::from(&error), Close::ServerError)
    }
}

/// Reads and verifies `hello`.
pub(super) async fn shake_hands(gateway: &Gateway, stream: &mut SplitStream<WebSocketStream>) -> Result<Session, Refused> {
    let hello = match timeout(gateway.settings.hello, first_frame(stream)).await {
        Ok(hello) => hello?,
        Err(_) => return Err(Refused::Close(Close::HelloTimeout)),
    };
    let access = authenticate(gateway, &hello).await?;
    let device = Device { user: access.user, device: hello.device };
    if gateway.hub.connections_of_others(device) >= gateway.settings.sockets_per_user {
        return Err(Refused::Close(Close::TooManyConnections));
    }
    let head = gateway.ports.log.head().await?.position;
    let cursor = open_cursor(gateway, device, hello.cursor, head).await?;
    let mut window = gateway.settings.window;
    window.events = hello.window.map_or(window.events, |events| events.clamp(1, window.events));
    let attached = gateway.hub.attach(&*gateway.ports.log, device).await?;
    let reader = Reader::new(Arc::clone(&gateway.ports.log), Arc::clone(&gateway.hub), attached, cursor, window);
    tracing::debug!(user = %access.user, device = %device.device, cursor = cursor.0, client = hello.client.as_deref(), "connected");
    Ok(Session { access, device, cursor, head, window, reader })
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
                    Ok(ClientFrame::Ack(_) | ClientFrame::Cmd(_) | ClientFrame::Auth(_) | ClientFrame::Ping(_) | ClientFrame::Bye) => {
                        Err(violation(Code::Validation, "the first frame must be hello"))
                    }
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
        (Some(ticket), None) => match gateway.ports.tickets.redeem(ticket).await? {
            Some(access) if access.expires_at > now => Ok(access),
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

/// Where the connection goes on from. What the device says of itself counts: it knows what it has stored. The stored cursor never
/// moves back, so a device that lost its storage gets everything again without owing it anew.
async fn open_cursor(gateway: &Gateway, device: Device, named: Option<Position>, head: Position) -> Result<Position, Refused> {
    let now = gateway.ports.clock.now();
    if let Some(named) = named
        && named > head
    {
        let problem = Problem::with(Code::AckAhead, format!("the cursor {named} is beyond the head of the log {head}"));
        return Err(Refused::Closed(problem, Close::ProtocolViolation));
    }
    let stored = gateway.ports.cursors.open(device, named.unwrap_or_default(), now).await?;
    let cursor = named.unwrap_or(stored);
    if cursor > stored {
        gateway.acks.add(CursorMove { device, to: cursor, at: now });
    }
    Ok(cursor)
}
