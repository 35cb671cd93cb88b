//! One connection to the broker.

use std::net::Shutdown;
use std::os::fd::AsFd as _;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;
use std::{io, net};

use futures::{Stream, StreamExt as _};
use lapin::tcp::{AMQPUriTcpExt as _, AsyncTcpStream};
use lapin::uri::AMQPUri;
use lapin::{Channel, Connection, ConnectionProperties, Event};
use posthaste_application::port::PortError;
use posthaste_application::port::queue::Consumer;
use tokio::runtime::Handle;
use tokio::time::timeout;

use super::{SERVICE, failed, topology};

/// A peer that is silent for twice this is dead.
pub(super) const HEARTBEAT_SECONDS: u16 = 10;
/// For the TCP connection.
const CONNECT: Duration = Duration::from_secs(5);
/// For the connection, the handshake and the topology together. A broker that has just started takes its time.
pub(super) const OPEN: Duration = Duration::from_secs(20);
/// How long the broker may take to answer a close before the socket is cut.
const CLOSE: Duration = Duration::from_secs(2);

/// A connection on which the topology is declared. Dropping it closes it, without waiting here.
pub(super) struct Link {
    /// `None` only while it is dropped.
    connection: Option<Connection>,
    socket: Arc<Socket>,
}

impl Link {
    pub(super) async fn open(uri: &AMQPUri, consumers: &[Consumer], purpose: &str) -> Result<Self, PortError> {
        let attempt = async {
            let link = Self::connect(uri, purpose).await?;
            topology::declare(&link.channel().await?, consumers).await?;
            Ok::<_, lapin::Error>(link)
        };
        // The password must not show.
        let to = || format!("{}:{}, virtual host {:?}", uri.authority.host, uri.authority.port, uri.vhost);
        match timeout(OPEN, attempt).await {
            Ok(Ok(link)) => Ok(link),
            Ok(Err(error)) => Err(PortError::unavailable(SERVICE, format!("cannot connect to {}: {error}", to()))),
            Err(_) => Err(PortError::unavailable(SERVICE, format!("{} does not answer within {} s", to(), OPEN.as_secs()))),
        }
    }

    /// A connection on which nothing was declared.
    pub(super) async fn connect(uri: &AMQPUri, purpose: &str) -> lapin::Result<Self> {
        let socket = Arc::new(Socket::default());
        let weak = Arc::downgrade(&socket);
        let properties = ConnectionProperties::default().with_connection_name(format!("posthaste {purpose}").into());
        let runtime = lapin::runtime::default_runtime()?;
        let connect = Connection::connector(
            uri.clone(),
            runtime,
            async move |uri: AMQPUri, runtime| {
                let stream = timeout(CONNECT, uri.connect_async(&runtime)).await.map_err(io::Error::from)??;
                // With TLS lapin gives no way to the socket; it is closed then when lapin closes it.
                #[allow(irrefutable_let_patterns, reason = "there are more variants when lapin is built with TLS")]
                if let AsyncTcpStream::Plain(plain) = &stream {
                    Socket::keep(&weak, plain.get_ref().as_fd().try_clone_to_owned()?.into())?;
                }
                Ok(stream)
            },
            properties,
        );
        Ok(Self { connection: Some(connect.await?), socket })
    }

    fn connection(&self) -> &Connection {
        self.connection.as_ref().expect("there is one until the link is dropped")
    }

    pub(super) async fn channel(&self) -> lapin::Result<Channel> {
        self.connection().create_channel().await
    }

    /// A channel for a caller that has nothing else to say about a failure.
    pub(super) async fn new_channel(&self) -> Result<Channel, PortError> {
        self.channel().await.map_err(failed)
    }

    /// Whether the broker has said that it takes nothing.
    pub(super) fn is_blocked(&self) -> bool {
        self.connection().status().blocked()
    }

    /// Logs when the broker stops and starts taking messages. Never ends.
    pub(super) fn watch(&self) -> impl Future<Output = ()> + Send + use<'_> {
        watch(self.connection().events_listener())
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        let (Some(connection), socket) = (self.connection.take(), Arc::clone(&self.socket)) else { return };
        // A blocked broker reads nothing, not even a close, and lapin writes nothing to it. So ask first, then cut.
        let close = async move {
            let _ = timeout(CLOSE, connection.close(200, "OK".into())).await;
            drop(socket);
        };
        // Without a runtime, which is ending then, the socket is cut at once.
        if let Ok(runtime) = Handle::try_current() {
            drop(runtime.spawn(close));
        }
    }
}

async fn watch(events: impl Stream<Item = Event>) {
    let mut events = std::pin::pin!(events);
    while let Some(event) = events.next().await {
        #[allow(clippy::wildcard_enum_match_arm, reason = "everything else ends the connection, and its users hear of it")]
        match event {
            Event::ConnectionBlocked(reason) => {
                tracing::warn!(rabbitmq.reason = reason, "rabbitmq takes no more messages: free its memory or disk");
            }
            Event::ConnectionUnblocked => tracing::info!("rabbitmq takes messages again"),
            _ => {}
        }
    }
    std::future::pending().await
}

/// The socket under a connection, shut down with its last owner.
#[derive(Default)]
struct Socket(OnceLock<net::TcpStream>);

impl Socket {
    fn keep(socket: &Weak<Self>, stream: net::TcpStream) -> io::Result<()> {
        // So does lapin by itself (`tcp_connect_addr` of async-rs), as of today.
        stream.set_nodelay(true)?;
        // Nobody waits for the connection any more, or lapin has connected twice, which it does only when told to recover.
        let abandoned = || io::Error::from(io::ErrorKind::ConnectionAborted);
        socket.upgrade().ok_or_else(abandoned)?.0.set(stream).map_err(|_| abandoned())
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if let Some(stream) = self.0.get() {
            // Fails only when it is closed already.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}
