//! Where the server listens, and what it takes from there.

use std::net::SocketAddr;
use std::num::NonZeroU64;
use std::time::Duration;

use posthaste_infrastructure::http::{ConnectionLimits, Forwarding, Proxies};
use serde::{Deserialize, Serialize};

/// Where the server listens, and what it takes from there.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ServerConfig {
    pub(crate) listen: SocketAddr,
    pub(crate) drain_grace_s: Option<u64>,
    pub(crate) behind_tls: bool,
    pub(crate) trusted_proxies: Vec<String>,
    pub(crate) forwarded_header: ForwardedHeader,
    pub(crate) connections: usize,
    pub(crate) connections_per_ip: usize,
    pub(crate) half_open: usize,
    pub(crate) header_timeout_s: NonZeroU64,
    pub(crate) idle_timeout_s: NonZeroU64,
}

/// In which header proxies say whom they speak for.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ForwardedHeader {
    /// `X-Forwarded-For`.
    XForwardedFor,
    /// `Forwarded`.
    Forwarded,
}

impl ServerConfig {
    /// As connections are counted.
    pub(crate) fn connections(&self) -> ConnectionLimits {
        ConnectionLimits {
            connections: self.connections,
            per_address: self.connections_per_ip,
            half_open: self.half_open,
            head: Duration::from_secs(self.header_timeout_s.get()),
            idle: Duration::from_secs(self.idle_timeout_s.get()),
            ..ConnectionLimits::default()
        }
    }

    /// Who is believed.
    ///
    /// # Errors
    /// What is no network.
    pub(crate) fn proxies(&self) -> Result<Proxies, String> {
        let forwarding = match self.forwarded_header {
            ForwardedHeader::XForwardedFor => Forwarding::XForwardedFor,
            ForwardedHeader::Forwarded => Forwarding::Forwarded,
        };
        Proxies::new(&self.trusted_proxies, forwarding).map_err(|wrong| format!("server.trusted_proxies: {wrong}"))
    }
}
