//! A TCP proxy between two that a test wants to come between: it passes bytes, holds them back, or cuts connections anywhere in the stream.
//!
//! `let proxy = Proxy::before(&sandbox.rabbitmq_url()).await?`, then configure the server with `proxy.url()`.

use std::collections::BTreeMap;
use std::future::pending;
use std::io;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::services::Port;

/// Bytes read at once.
const CHUNK: usize = 16 * 1024;

/// The direction in which bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From the client to the server.
    ToServer,
    /// From the server to the client.
    ToClient,
}

impl Way {
    /// Both of them.
    pub const BOTH: [Self; 2] = [Self::ToServer, Self::ToClient];
}

/// What went through so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Connections that were accepted.
    pub accepted: u64,
    /// Of these, how many the proxy cut or refused.
    pub cut: u64,
    /// How many are open.
    pub open: usize,
    /// Bytes passed from clients to the server.
    pub to_server: u64,
    /// Bytes passed from the server to clients.
    pub to_client: u64,
}

/// A proxy that runs. Dropping it cuts every connection and frees its port.
#[derive(Debug)]
pub struct Proxy {
    port: Port,
    url: String,
    shared: Arc<Shared>,
    _running: DropGuard,
}

#[derive(Debug)]
struct Shared {
    /// Where the server is, `host:port`.
    server: String,
    mode: watch::Sender<Mode>,
    state: Mutex<State>,
}

/// What happens to bytes.
#[derive(Clone, Copy, Debug, Default)]
struct Mode {
    /// Nothing goes to the server, also no new connection.
    holds_to_server: bool,
    holds_to_client: bool,
    /// New connections are closed at once.
    refuses: bool,
}

impl Mode {
    fn holds(&self, way: Way) -> bool {
        match way {
            Way::ToServer => self.holds_to_server,
            Way::ToClient => self.holds_to_client,
        }
    }
}

#[derive(Debug, Default)]
struct State {
    traffic: Traffic,
    /// The open connections, by their number.
    links: BTreeMap<u64, Link>,
}

/// An open connection.
#[derive(Debug)]
struct Link {
    /// Ends it.
    cut: CancellationToken,
    /// How many bytes may still pass each way.
    left: [Option<u64>; 2],
}

impl Proxy {
    /// Comes between clients and the server at a URL (`postgres://user@127.0.0.1:5432/name`) or a plain `host:port`.
    ///
    /// # Errors
    /// The address has no port, or there is no free one to listen on.
    pub async fn before(url: &str) -> anyhow::Result<Self> {
        let (host, server) = authority(url)?;
        let port = Port::reserve()?;
        let here = format!("127.0.0.1:{}", port.number());
        let url = format!("{}{here}{}", &url[..host], &url[host + server.len()..]);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port.number())).await?;
        let shared = Arc::new(Shared { server: server.to_owned(), mode: watch::Sender::default(), state: Mutex::default() });
        let running = CancellationToken::new();
        tokio::spawn(running.clone().run_until_cancelled_owned(accept(listener, Arc::clone(&shared), running.clone())));
        Ok(Self { port, url, shared, _running: running.drop_guard() })
    }

    /// The URL it was made with, by way of the proxy.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where it listens, `127.0.0.1:port`.
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port.number())
    }

    /// Passes everything again, what was held back first.
    pub fn pass(&self) {
        self.shared.mode.send_modify(|mode| *mode = Mode::default());
    }

    /// Holds every byte back, both ways; new connections are accepted and go nowhere. Nobody is told.
    pub fn stall(&self) {
        self.shared.mode.send_modify(|mode| *mode = Mode { holds_to_server: true, holds_to_client: true, refuses: false });
    }

    /// Holds bytes back one way, and passes them the other way.
    pub fn stall_only(&self, way: Way) {
        let to_server = way == Way::ToServer;
        self.shared.mode.send_modify(|mode| *mode = Mode { holds_to_server: to_server, holds_to_client: !to_server, refuses: false });
    }

    /// Cuts every connection and takes no new one until [`Proxy::pass`]. Gives how many were cut.
    pub fn refuse(&self) -> usize {
        self.shared.mode.send_modify(|mode| *mode = Mode { refuses: true, ..Mode::default() });
        self.cut()
    }

    /// Cuts every connection at once, and takes new ones. Gives how many were cut.
    pub fn cut(&self) -> usize {
        let mut state = self.shared.state();
        let links = std::mem::take(&mut state.links);
        state.traffic.cut += links.len() as u64;
        for link in links.values() {
            link.cut.cancel();
        }
        links.len()
    }

    /// Lets every connection that is open now pass a number of bytes of its own more this way, and cuts it when the next one comes. Gives
    /// how many connections are open. Replaces what was said before for the same way.
    pub fn cut_each_after(&self, way: Way, mut bytes: impl FnMut() -> u64) -> usize {
        let mut state = self.shared.state();
        for link in state.links.values_mut() {
            link.left[way as usize] = Some(bytes());
        }
        state.links.len()
    }

    /// What went through so far.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        let state = self.shared.state();
        Traffic { open: state.links.len(), ..state.traffic }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many of `read` bytes may pass.
    fn admit(&self, number: u64, way: Way, read: usize) -> usize {
        let mut state = self.state();
        // Cut a moment ago.
        let Some(link) = state.links.get_mut(&number) else { return 0 };
        let mut admitted = read;
        if let Some(left) = &mut link.left[way as usize] {
            admitted = read.min(usize::try_from(*left).unwrap_or(usize::MAX));
            *left -= admitted as u64;
        }
        match way {
            Way::ToServer => state.traffic.to_server += admitted as u64,
            Way::ToClient => state.traffic.to_client += admitted as u64,
        }
        admitted
    }
}

/// Where the `host:port` of a URL begins, and what it is.
fn authority(url: &str) -> anyhow::Result<(usize, &str)> {
    let start = url.find("://").map_or(0, |scheme| scheme + 3);
    let end = url[start..].find(['/', '?']).map_or(url.len(), |length| start + length);
    let start = url[start..end].rfind('@').map_or(start, |at| start + at + 1);
    let host = &url[start..end];
    host.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok()).with_context(|| format!("{url:?} names no port"))?;
    Ok((start, host))
}

/// Takes connections for ever.
async fn accept(listener: TcpListener, shared: Arc<Shared>, running: CancellationToken) {
    loop {
        // Out of file descriptors, say: whoever comes next may have more luck.
        let Ok((client, _)) = listener.accept().await else {
            tokio::task::yield_now().await;
            continue;
        };
        let refuses = shared.mode.borrow().refuses;
        let cut = running.child_token();
        let number = {
            let mut state = shared.state();
            state.traffic.accepted += 1;
            let number = state.traffic.accepted;
            if refuses {
                state.traffic.cut += 1;
                continue;
            }
            state.links.insert(number, Link { cut: cut.clone(), left: [None, None] });
            number
        };
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            // Errors are the ends of connections, which the two ends see for themselves.
            let _ = cut.run_until_cancelled(serve(client, number, &shared)).await;
            shared.state().links.remove(&number);
        });
    }
}

/// One connection, from its beginning to its end.
async fn serve(client: TcpStream, number: u64, shared: &Shared) -> io::Result<()> {
    let mut mode = shared.mode.subscribe();
    passes(&mut mode, Way::ToServer).await;
    let server = TcpStream::connect(&shared.server).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::try_join!(
        pump(from_client, to_server, Way::ToServer, number, shared),
        pump(from_server, to_client, Way::ToClient, number, shared),
    )?;
    Ok(())
}

/// Waits until bytes pass this way.
async fn passes(mode: &mut watch::Receiver<Mode>, way: Way) {
    if mode.wait_for(|mode| !mode.holds(way)).await.is_err() {
        // The proxy is gone, and so will this be.
        pending::<()>().await;
    }
}

/// Passes bytes one way until their end.
async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, way: Way, number: u64, shared: &Shared) -> io::Result<()> {
    let mut mode = shared.mode.subscribe();
    let mut chunk = vec![0; CHUNK];
    loop {
        // While bytes are held back none are read, so that the sender's buffers fill as they would; but the last that were waited for.
        passes(&mut mode, way).await;
        let read = from.read(&mut chunk).await?;
        passes(&mut mode, way).await;
        if read == 0 {
            return to.shutdown().await;
        }
        let admitted = shared.admit(number, way, read);
        to.write_all(&chunk[..admitted]).await?;
        if admitted < read {
            let mut state = shared.state();
            if state.links.remove(&number).is_some() {
                state.traffic.cut += 1;
            }
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
    }
}
