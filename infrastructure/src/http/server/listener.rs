//! Where connections come in.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};

/// How long to leave the operating system alone when it cannot accept (no file descriptors left, say).
const PAUSE: Duration = Duration::from_millis(100);

/// A bound TCP port. Every connection it accepts sends small frames at once (`TCP_NODELAY`): together with delayed acknowledgements, waiting
/// to fill a packet costs tens of milliseconds per frame.
pub struct HttpListener {
    listener: TcpListener,
    local: SocketAddr,
}

impl HttpListener {
    /// Binds to an address; port 0 takes any free port.
    ///
    /// # Errors
    /// The address cannot be bound.
    pub async fn bind(address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let local = listener.local_addr()?;
        Ok(Self { listener, local })
    }

    /// The address it is bound to, with the port that was taken.
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// The next connection, and where it comes from. Can be dropped and called again.
    pub(super) async fn accept(&self) -> (TcpStream, SocketAddr) {
        loop {
            match self.listener.accept().await {
                Ok((stream, remote)) => match stream.set_nodelay(true) {
                    Ok(()) => return (stream, remote),
                    // It was gone before it was served.
                    Err(error) => tracing::debug!(%error, "a connection ended while it was accepted"),
                },
                // The server asks again at once whatever comes back, and would spin.
                Err(error) => {
                    tracing::warn!(%error, "cannot accept connections");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn accepted_connections_do_not_wait_to_fill_a_packet() {
        let listener = HttpListener::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
        assert_ne!(listener.local_addr().port(), 0);
        let client = TcpStream::connect(listener.local_addr()).await.unwrap();
        let (accepted, _) = listener.accept().await;
        assert!(accepted.nodelay().unwrap());
        drop(client);
    }
}
