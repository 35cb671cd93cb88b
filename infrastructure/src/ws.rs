//! The WebSocket gateway: `posthaste.v1`.
//!
//! - `frame` and `close` are the contract on the wire.
//! - `handshake` lets a device in; `connection` serves it; `outbox` writes to it.

mod close;
mod connection;
mod frame;
mod handshake;
mod outbox;

use std::sync::Arc;
use std::time::Duration;

use poem::http::header;
use poem::web::websocket::WebSocket;
use poem::{Endpoint, FromRequest as _, IntoResponse as _, Request, Response};
use posthaste_application::Ports;
use posthaste_application::deliver::{AckQueue, Hub, Window};
use posthaste_application::execute::Executor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tungstenite::protocol::WebSocketConfig;

/// The subprotocol. The version only: what a connection may do follows from its token.
const SUBPROTOCOL: &str = "posthaste.v1";
/// A frame above the limit is refused and the connection goes on; above this multiple of it, the connection ends.
const HARD_LIMIT: usize = 4;
/// Small, because there is one for each connection and most are idle.
const READ_BUFFER_BYTES: usize = 4 * 1024;
const WRITE_BUFFER_BYTES: usize = 16 * 1024;

/// How sockets are treated.
#[derive(Clone, Debug)]
pub struct GatewaySettings {
    /// Between two signs of life. A client that is silent for two of them is let go.
    pub heartbeat: Duration,
    /// For the first frame.
    pub hello: Duration,
    /// For a socket that takes nothing.
    pub write: Duration,
    /// For a full window without an ack.
    pub ack: Duration,
    /// For a socket whose log moves on without it.
    pub feed: Duration,
    /// Over which clients should spread their reconnects when the node leaves.
    pub drain_spread: Duration,
    /// What may be un-acked.
    pub window: Window,
    /// The longest frame a client may send, in bytes.
    pub frame_bytes: usize,
    /// What may wait to be written, in bytes.
    pub write_buffer_bytes: usize,
    /// How many frames that make no sense are answered before the socket is closed.
    pub bad_frames: usize,
    /// How many devices of one user may be connected to a node.
    pub sockets_per_user: usize,
    /// The origins of web pages that may connect, beside the server's own.
    pub origins: Vec<String>,
}

impl Default for GatewaySettings {
    fn default() -> Self {
        Self {
            heartbeat: Duration::from_secs(25),
            hello: Duration::from_secs(5),
            write: Duration::from_secs(10),
            ack: Duration::from_secs(60),
            feed: Duration::from_secs(10),
            drain_spread: Duration::from_secs(10),
            window: Window::default(),
            frame_bytes: 64 * 1024,
            write_buffer_bytes: 256 * 1024,
            bad_frames: 20,
            sockets_per_user: 20,
            origins: Vec::new(),
        }
    }
}

/// Everything a connection needs.
pub struct Gateway {
    /// The ports.
    pub ports: Ports,
    /// What carries out commands.
    pub executor: Executor,
    /// What routes events to connections.
    pub hub: Arc<Hub>,
    /// Where acknowledgements go.
    pub acks: AckQueue,
    /// How sockets are treated.
    pub settings: GatewaySettings,
    /// Says that the node is leaving.
    pub stopping: CancellationToken,
    /// Every connection there is, so that stopping can wait for them.
    pub connections: TaskTracker,
}

/// `GET /v1/ws`.
pub struct SocketEndpoint(Arc<Gateway>);

impl SocketEndpoint {
    /// The endpoint over a gateway.
    #[must_use]
    pub fn new(gateway: Arc<Gateway>) -> Self {
        Self(gateway)
    }
}

impl Endpoint for SocketEndpoint {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        let socket = WebSocket::from_request_without_body(&request).await?;
        let gateway = Arc::clone(&self.0);
        // A browser can only read why it was refused from a socket that was open, so the answer comes after the upgrade.
        let greeting = if !speaks_our_version(&request) {
            Err(close::Close::UnsupportedVersion)
        } else if !is_allowed_origin(&request, &gateway.settings.origins) {
            Err(close::Close::ForbiddenOrigin)
        } else {
            Ok(())
        };
        let limit = gateway.settings.frame_bytes * HARD_LIMIT;
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER_BYTES)
            .write_buffer_size(WRITE_BUFFER_BYTES)
            .max_message_size(Some(limit))
            .max_frame_size(Some(limit));
        let upgraded = socket.protocols([SUBPROTOCOL]).config(config).on_upgrade(move |socket| async move {
            let served = gateway.connections.track_future(connection::serve(Arc::clone(&gateway), socket, greeting));
            served.await;
        });
        Ok(upgraded.into_response())
    }
}

fn speaks_our_version(request: &Request) -> bool {
    request.header(header::SEC_WEBSOCKET_PROTOCOL).is_some_and(|offered| offered.split(',').any(|name| name.trim() == SUBPROTOCOL))
}

/// Programs send no origin. Pages send theirs, which must be the server's own or on the list.
fn is_allowed_origin(request: &Request, allowed: &[String]) -> bool {
    let Some(origin) = request.header(header::ORIGIN) else { return true };
    let own = request.header(header::HOST).is_some_and(|host| origin.split_once("://").is_some_and(|(_, authority)| authority == host));
    own || allowed.iter().any(|allowed| allowed == origin)
}
