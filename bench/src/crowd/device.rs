//! One installation of a client.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::SocketAddr;

use anyhow::{Context as _, bail, ensure};
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};

use crate::wire;

/// A device: its socket, and how far it has come.
#[derive(Debug)]
pub(crate) struct Device {
    node: SocketAddr,
    /// What it says first; nothing over REST.
    hello: Option<String>,
    socket: Option<TcpStream>,
    upgrading: bool,
    /// The beginning of a frame whose end has not come.
    pub(super) unread: Vec<u8>,
    /// What waits to be written.
    pub(super) out: Vec<u8>,
    /// It is in line to send.
    pub(super) due: bool,
    /// The last event it has.
    position: u64,
    acked: u64,
    welcomed: bool,
    /// Its threads, and how many messages of each it has.
    threads: Vec<(u32, usize)>,
    /// Those who write with it.
    pub(super) posters: Vec<u32>,
}

impl Device {
    pub(super) fn new(node: SocketAddr, hello: Option<String>) -> Self {
        Self {
            node,
            hello,
            socket: None,
            upgrading: false,
            unread: Vec::new(),
            out: Vec::new(),
            due: false,
            position: 0,
            acked: 0,
            welcomed: false,
            threads: Vec::new(),
            posters: Vec::new(),
        }
    }

    pub(super) fn join(&mut self, thread: u32) {
        self.threads.push((thread, 0));
    }

    pub(super) fn posts(&mut self, poster: u32) {
        self.posters.push(poster);
    }

    pub(super) fn threads(&self) -> impl Iterator<Item = (u32, usize)> {
        self.threads.iter().copied()
    }

    pub(super) const fn position(&self) -> u64 {
        self.position
    }

    /// Whether it is a connection over REST, which hears of nothing but its own posts.
    pub(super) const fn is_rest(&self) -> bool {
        self.hello.is_none()
    }

    /// From the next connection on, connects to this node.
    pub(super) fn move_to(&mut self, node: SocketAddr) {
        self.node = node;
    }

    pub(super) const fn is_upgrading(&self) -> bool {
        self.upgrading
    }

    /// Opens a socket and asks for the upgrade.
    pub(super) fn connect(&mut self, registry: &Registry, token: Token) -> anyhow::Result<()> {
        let mut socket = TcpStream::connect(self.node).with_context(|| format!("cannot connect to {}", self.node))?;
        socket.set_nodelay(true)?;
        registry.register(&mut socket, token, Interest::READABLE | Interest::WRITABLE)?;
        self.socket = Some(socket);
        self.welcomed = false;
        self.unread.clear();
        self.out.clear();
        self.upgrading = !self.is_rest();
        if self.upgrading {
            self.out.extend_from_slice(wire::upgrade(&self.node.to_string()).as_bytes());
        }
        Ok(())
    }

    /// Drops the connection without a word. What it has is kept, and named when it comes back.
    pub(super) fn cut(&mut self) {
        self.socket = None;
    }

    /// The socket is open: says hello.
    pub(super) fn upgraded(&mut self) {
        self.upgrading = false;
        let cursor = if self.position > 0 { format!(",\"cursor\":{}", self.position) } else { String::new() };
        let hello = self.hello.iter().map(|hello| format!("{{\"t\":\"hello\",{hello}{cursor}}}"));
        hello.for_each(|hello| wire::text(&mut self.out, hello.as_bytes()));
    }

    pub(super) fn welcomed(&mut self, cursor: u64) {
        self.welcomed = true;
        self.position = cursor;
        self.acked = cursor;
    }

    /// Takes an event in, which must be the next one.
    pub(super) fn take(&mut self, position: u64, prev: u64) -> anyhow::Result<()> {
        ensure!(self.welcomed, "an event before welcome");
        ensure!(prev == self.position, "the event at {position} follows the one at {prev}, and the device has {}", self.position);
        ensure!(position > prev, "the event at {position} has come after the one at {prev}");
        self.position = position;
        Ok(())
    }

    /// Counts one more message of a thread; gives how many there were before.
    pub(super) fn next_of(&mut self, thread: u32) -> anyhow::Result<usize> {
        let own = self.threads.iter_mut().find(|(own, _)| *own == thread).with_context(|| format!("it is not in thread {thread}"))?;
        own.1 += 1;
        Ok(own.1 - 1)
    }

    pub(super) fn pong(&mut self, payload: &[u8]) {
        wire::pong(&mut self.out, payload);
    }

    /// Reads once. What was left of the last time is put in front, in `unread`; else it is in `scratch` only. `None` when there is nothing.
    pub(super) fn read(&mut self, scratch: &mut [u8]) -> anyhow::Result<Option<usize>> {
        let Some(socket) = &mut self.socket else { return Ok(None) };
        loop {
            match socket.read(scratch) {
                Ok(0) => bail!("the connection has ended"),
                Ok(read) => {
                    if !self.unread.is_empty() {
                        self.unread.extend_from_slice(&scratch[..read]);
                    }
                    return Ok(Some(read));
                }
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::NotConnected) => return Ok(None),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error).context("reading"),
            }
        }
    }

    /// Acknowledges what has come, and writes as much as the socket takes.
    pub(super) fn write(&mut self) -> anyhow::Result<()> {
        if self.position > self.acked {
            self.acked = self.position;
            let ack = format!("{{\"t\":\"ack\",\"position\":{}}}", self.position);
            wire::text(&mut self.out, ack.as_bytes());
        }
        let Some(socket) = &mut self.socket else { return Ok(()) };
        let mut written = 0;
        while written < self.out.len() {
            match socket.write(&self.out[written..]) {
                Ok(0) => bail!("the connection has ended"),
                Ok(more) => written += more,
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::NotConnected) => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error).context("writing"),
            }
        }
        self.out.drain(..written);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn welcomed(cursor: u64) -> Device {
        let mut device = Device::new((Ipv4Addr::LOCALHOST, 1).into(), Some(String::new()));
        device.join(3);
        device.welcomed(cursor);
        device
    }

    #[test]
    fn an_event_that_is_missing_or_comes_again_is_noticed() {
        let mut device = welcomed(10);
        device.take(12, 10).unwrap();
        assert!(device.take(15, 14).is_err(), "the one at 14 is missing");
        assert!(device.take(12, 10).is_err(), "the one at 12 has come again");
        assert!(device.take(12, 12).is_err(), "it follows itself");
        device.take(13, 12).unwrap();
        assert_eq!(device.position(), 13);
    }

    #[test]
    fn what_has_come_is_acknowledged_once_and_with_one_frame() {
        let mut device = welcomed(10);
        device.take(11, 10).unwrap();
        device.take(12, 11).unwrap();
        device.write().unwrap();
        let acks = |device: &Device| String::from_utf8_lossy(&device.out).matches("ack").count();
        assert_eq!(acks(&device), 1);
        device.write().unwrap();
        assert_eq!(acks(&device), 1);
    }

    #[test]
    fn a_message_of_a_thread_that_it_is_not_in_is_noticed() {
        let mut device = welcomed(0);
        assert_eq!((device.next_of(3).unwrap(), device.next_of(3).unwrap()), (0, 1));
        assert!(device.next_of(4).is_err());
    }
}
