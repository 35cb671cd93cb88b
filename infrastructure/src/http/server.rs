//! Connections, and the requests they bring: HTTP/1.1 and nothing else. What speaks HTTP/2 or TLS to the world stands before this.
//!
//! - `listener` is where they come in, `gate` says how many may.
//! - `line` has everything happen in time, `head` refuses what can be read in two ways; `phase` is what a connection is at.

mod gate;
mod head;
mod line;
mod listener;
mod phase;

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use poem::endpoint::{DynEndpoint, EndpointExt as _, ToDynEndpoint};
use poem::http::uri::Scheme;
use poem::http::{HeaderValue, Request, StatusCode, header};
use poem::web::{LocalAddr, RemoteAddr};
use poem::{Endpoint as _, IntoEndpoint, Response};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use self::gate::ConnectionLimits;
use self::gate::Gate;
use self::line::Line;
pub use self::listener::HttpListener;
use self::phase::Phase;
use super::client::Proxies;

/// What is read of a connection before it is taken apart, in bytes. A head has less.
const READ_BUFFER_BYTES: usize = 64 * 1024;

type Shared = Arc<dyn DynEndpoint<Output = Response>>;

/// Serves until `shutdown` ends, then lets what has begun take up to `drain` to end.
pub async fn serve<E>(
    listener: HttpListener,
    endpoint: E,
    limits: ConnectionLimits,
    proxies: Proxies,
    shutdown: impl Future<Output = ()>,
    drain: Duration,
) where
    E: IntoEndpoint,
    E::Endpoint: 'static,
{
    let endpoint: Shared = Arc::new(ToDynEndpoint(endpoint.into_endpoint().map_to_response()));
    let (gate, local) = (Gate::new(limits), listener.local_addr());
    let (connections, stopping, cut) = (TaskTracker::new(), CancellationToken::new(), CancellationToken::new());
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let (stream, remote) = tokio::select! {
            () = &mut shutdown => break,
            accepted = listener.accept() => accepted,
        };
        let Some((place, phase)) = gate.enter(remote.ip(), proxies.is_trusted(remote.ip())) else { continue };
        let line = Line::new(stream, Arc::clone(&phase), *gate.limits(), place);
        let (endpoint, stopping, cut) = (Arc::clone(&endpoint), stopping.clone(), cut.clone());
        connections.spawn(async move {
            let served = Box::pin(converse(line, &phase, endpoint, (local, remote), &stopping));
            cut.run_until_cancelled(served).await;
        });
    }
    drop(listener);
    stopping.cancel();
    connections.close();
    if timeout(drain, connections.wait()).await.is_err() {
        tracing::warn!("not every request was answered in time");
        cut.cancel();
        connections.wait().await;
    }
}

/// One connection, until it ends or becomes a socket.
async fn converse(
    line: Line,
    phase: &Arc<Phase>,
    endpoint: Shared,
    (local, remote): (SocketAddr, SocketAddr),
    stopping: &CancellationToken,
) {
    let service = service_fn(|request: Request<Incoming>| {
        phase.busy();
        let headers = request.headers();
        // What comes after it is not looked at any more, so there must be nothing.
        let is_last = headers.contains_key(header::TRANSFER_ENCODING) || headers.contains_key(header::UPGRADE);
        let request = (request, LocalAddr(local.into()), RemoteAddr(remote.into()), Scheme::HTTP).into();
        let (endpoint, phase) = (Arc::clone(&endpoint), Arc::clone(phase));
        async move {
            let mut response = endpoint.get_response(request).await;
            if response.status() == StatusCode::SWITCHING_PROTOCOLS {
                phase.upgraded();
            } else {
                phase.idle();
                if is_last {
                    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
                }
            }
            Ok::<hyper::Response<_>, Infallible>(response.into())
        }
    });
    let mut http = http1::Builder::new();
    http.max_buf_size(READ_BUFFER_BYTES).header_read_timeout(None);
    let mut connection = std::pin::pin!(http.serve_connection(TokioIo::new(line), service).with_upgrades());
    let ended = tokio::select! {
        ended = &mut connection => ended,
        () = phase.until_sent_away() => return,
        () = stopping.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::trace!(%error, "a connection has ended");
    }
}
