//! The WebSocket gateway: `posthaste.v1`.
//!
//! - `frame` and `close` are the contract on the wire; `asyncapi` documents it.
//! - `op` turns a `cmd` into a command.
//! - `serve` takes a socket from its first frame to its last: `doors` has connections wait in line, `handshake` lets a device in,
//!   `connection` serves it, `outbox` writes to it, `liveness` says whether it still lives, `leaving` how it ends with its node.
//! - `passing` is what a connection is told of others in passing, and they of it.

mod asyncapi;
mod close;
mod connection;
mod doors;
mod frame;
mod handshake;
mod leaving;
mod liveness;
mod op;
mod outbox;
mod passing;
mod presence;
mod serve;

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use poem::http::header;
use poem::web::websocket::WebSocket;
use poem::{Endpoint, FromRequest as _, IntoResponse as _, Request, Response};
use posthaste_application::Ports;
use posthaste_application::deliver::{AckQueue, Hub, Window};
use posthaste_application::execute::Executor;
use posthaste_application::limit::allowance::{Allowances, FrameLimits};
use posthaste_application::origin::Origins;
use posthaste_application::presence::Lookout;
use posthaste_application::read::ReadQueue;
use posthaste_application::signal::SignalQueue;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tungstenite::protocol::WebSocketConfig;

use crate::origin::Origin;

pub use self::asyncapi::{document, document_endpoint};
pub use self::doors::Doors;

/// The subprotocol. The version only: what a connection may do follows from its token.
const SUBPROTOCOL: &str = "posthaste.v1";
/// A frame above the limit is refused and the connection goes on; above this multiple of it, the connection ends.
const HARD_LIMIT: usize = 4;
/// Small, because there is one for each connection and most are idle.
const READ_BUFFER_BYTES: usize = 2 * 1024;
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
    /// For a socket that is not served while the log moves on, or whose node cannot know whether it does.
    pub feed: Duration,
    /// When the node is stopped: for how long those who send people here may not have noticed.
    pub drain_grace: Duration,
    /// Over which connections are closed after that, each at a moment of its own, when the node is stopped.
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
    /// How many connections are let in each second; others wait in line.
    pub connects_per_s: NonZeroU32,
    /// How many may wait in line.
    pub connects_waiting: usize,
    /// The origins of web pages that may connect, beside the server's own.
    pub origins: Origins,
    /// How much a user may send to this node; anything, without.
    pub frames: Option<FrameLimits>,
}

impl Default for GatewaySettings {
    fn default() -> Self {
        Self {
            heartbeat: Duration::from_secs(25),
            hello: Duration::from_secs(5),
            write: Duration::from_secs(10),
            ack: Duration::from_secs(60),
            feed: Duration::from_secs(10),
            drain_grace: Duration::ZERO,
            drain_spread: Duration::from_secs(10),
            window: Window::default(),
            frame_bytes: 64 * 1024,
            write_buffer_bytes: 256 * 1024,
            bad_frames: 20,
            sockets_per_user: 20,
            connects_per_s: const { NonZeroU32::new(1_000).expect("more than none") },
            connects_waiting: 20_000,
            origins: Origins::default(),
            frames: None,
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
    /// Where reads go.
    pub reads: ReadQueue,
    /// Where goes what others are told in passing.
    pub signals: SignalQueue,
    /// What tells who is online.
    pub lookout: Arc<Lookout>,
    /// How sockets are treated.
    pub settings: GatewaySettings,
    /// What users may still send.
    pub allowances: Allowances,
    /// Where connections wait in line.
    pub doors: Doors,
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
        // Programs send no origin.
        } else if Origin::of(request.headers(), &gateway.settings.origins) == Origin::Foreign {
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
            let served = gateway.connections.track_future(serve::serve(Arc::clone(&gateway), socket, greeting));
            served.await;
        });
        Ok(upgraded.into_response())
    }
}

fn speaks_our_version(request: &Request) -> bool {
    request.header(header::SEC_WEBSOCKET_PROTOCOL).is_some_and(|offered| offered.split(',').any(|name| name.trim() == SUBPROTOCOL))
}
