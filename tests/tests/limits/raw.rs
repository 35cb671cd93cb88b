//! Bytes on a connection, as no client would send them.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

/// Far longer than the server should need.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn address(base: &str) -> anyhow::Result<SocketAddr> {
    base.trim_start_matches("http://").parse().with_context(|| base.to_owned())
}

/// A connection from one of the many addresses of this machine.
pub(crate) async fn connect_from(from: Ipv4Addr, base: &str) -> anyhow::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((from, 0).into())?;
    Ok(timeout(PATIENCE, socket.connect(address(base)?)).await.context("no connection")??)
}

/// What comes back for these bytes until the server closes.
pub(crate) async fn say(base: &str, bytes: &[u8]) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect(address(base)?).await?;
    stream.write_all(bytes).await?;
    until_closed(&mut stream).await
}

/// What comes until the server closes.
pub(crate) async fn until_closed(stream: &mut TcpStream) -> anyhow::Result<String> {
    let mut said = Vec::new();
    // A reset is an end as well.
    let ended = timeout(PATIENCE, stream.read_to_end(&mut said)).await;
    ensure!(ended.is_ok(), "still open, after {:?}", String::from_utf8_lossy(&said));
    Ok(String::from_utf8_lossy(&said).into_owned())
}

/// The statuses of the answers in it.
pub(crate) fn statuses(said: &str) -> Vec<&str> {
    said.match_indices("HTTP/1.1 ").filter_map(|(at, mark)| said[at + mark.len()..].get(..3)).collect()
}

/// The value of a header.
pub(crate) fn header<'a>(response: &'a reqwest::Response, name: &str) -> &'a str {
    response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}
