//! A socket from its first frame to its last: handshake, connection, and why it was closed.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use poem::web::websocket::WebSocketStream;
use posthaste_application::meter::meters;
use tokio::time::timeout;

use super::Gateway;
use super::close::Close;
use super::connection::Connection;
use super::frame::{self, ServerFrame};
use super::handshake::{Refused, shake_hands};
use super::outbox::Outbox;

/// How a connection ended.
pub(super) enum Ended {
    /// The client is gone.
    Gone,
    /// The server closes.
    Close(Close),
    /// The server closes; the client may come back after this long.
    Later(Duration),
}

/// Serves a socket to its end.
pub(super) async fn serve(gateway: Arc<Gateway>, socket: WebSocketStream, greeting: Result<(), Close>) {
    let (sink, mut stream) = socket.split();
    let mut outbox = Outbox::new(sink, gateway.settings.write_buffer_bytes);
    let mut connection = None;
    let ended = match greeting {
        Err(close) => Ended::Close(close),
        // One connection may bring a request after the node has stopped to take on new ones.
        Ok(()) if gateway.stopping.is_cancelled() => Ended::Close(Close::Draining),
        Ok(()) => match shake_hands(&gateway, &mut stream).await {
            Ok(session) => {
                connection = Some(session.id);
                Connection::new(&gateway, session, &mut outbox).run(&mut stream).await
            }
            Err(Refused::Gone) => Ended::Gone,
            Err(Refused::Close(close)) => Ended::Close(close),
            Err(Refused::Later(wait)) => Ended::Later(wait),
            Err(Refused::Closed(problem, close)) => {
                outbox.push(frame::error(None, &problem));
                Ended::Close(close)
            }
        },
    };
    let (close, wait) = match ended {
        Ended::Gone => return meters().closes.of("gone").increment(1),
        Ended::Close(close) => (close, None),
        Ended::Later(wait) => (Close::RateLimited, Some(wait)),
    };
    meters().closes.of(close.name()).increment(1);
    tracing::debug!(connection = connection.map(tracing::field::display), code = close.code(), reason = close.name(), "closing");
    if close != Close::Bye {
        outbox.push(
            ServerFrame::Err {
                re: None,
                code: close.name(),
                title: close.title(),
                detail: None,
                retry: close.retry(),
                retry_after_ms: wait.map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)),
            }
            .text(),
        );
    }
    outbox.close(close).await;
    // A socket that is dropped with something unread is reset, and the client may never see why.
    let _ = timeout(Duration::from_secs(1), async { while let Some(Ok(_)) = stream.next().await {} }).await;
}
