//! Loopback ports that stay ours while the service behind them is down.

use std::fs::{self, File, OpenOptions};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use anyhow::bail;

/// A port on 127.0.0.1 that no other instance of these services is given while this value lives.
///
/// It lies below the range from which the system picks the source ports of outgoing connections. Otherwise, while
/// a service is down, a client that tries to reach it could be given that very port, talk to itself, and keep the
/// service from coming back.
#[derive(Debug)]
pub struct Port {
    number: u16,
    // An advisory lock; the system releases it when the process ends, however it ends.
    _reservation: File,
}

impl Port {
    /// Reserves a free port.
    ///
    /// # Errors
    /// When none is found in a thousand attempts.
    pub fn reserve() -> anyhow::Result<Self> {
        let directory = directory()?;
        let (low, high) = (10_240, first_ephemeral().max(12_000));
        for _ in 0..1000 {
            let number = rand::random_range(low..high);
            // The file may belong to another user: then it is not ours to use, and there are many others.
            let Ok(file) = OpenOptions::new().create(true).write(true).truncate(false).open(directory.join(number.to_string())) else {
                continue;
            };
            if file.try_lock().is_ok() && TcpListener::bind((Ipv4Addr::LOCALHOST, number)).is_ok() {
                return Ok(Self { number, _reservation: file });
            }
        }
        bail!("no free port between {low} and {high} on 127.0.0.1")
    }

    /// The port's number.
    #[must_use]
    pub fn number(&self) -> u16 {
        self.number
    }
}

fn directory() -> anyhow::Result<PathBuf> {
    let directory = std::env::temp_dir().join("posthaste-ports");
    if fs::create_dir(&directory).is_ok() {
        // Like /tmp itself: every user may reserve ports, nobody may remove another's reservation.
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o1777))?;
    }
    Ok(directory)
}

fn first_ephemeral() -> u16 {
    fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range")
        .ok()
        .and_then(|range| range.split_whitespace().next()?.parse().ok())
        .unwrap_or(32_768)
}
