//! Hearing of appends, over a connection that does nothing else. Losing it costs latency only: whoever waits also looks.

use std::future::poll_fn;
use std::time::Duration;

use posthaste_application::recorded::Position;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_postgres::{AsyncMessage, NoTls};

use super::connect::Postgres;
use super::door::{Statement, statement};
use super::log::HEAD;
use crate::growth::advance;

const LISTEN: Statement = statement!("listen");

/// Before it connects again. Readers look for themselves in the meantime.
const PAUSE: Duration = Duration::from_secs(1);

/// Why it must connect again.
#[derive(Debug, thiserror::Error)]
enum Deaf {
    #[error(transparent)]
    Failed(#[from] tokio_postgres::Error),
    #[error("no answer in time")]
    Silent(#[from] tokio::time::error::Elapsed),
    #[error("the connection was closed")]
    Closed,
}

/// Listens for ever.
pub(super) async fn listen(postgres: Postgres, heard: watch::Sender<Position>) {
    loop {
        let Err(error) = listen_once(&postgres, &heard).await;
        tracing::warn!(error = &error as &dyn std::error::Error, "not listening to the log, connecting again");
        sleep(PAUSE).await;
    }
}

async fn listen_once(postgres: &Postgres, heard: &watch::Sender<Position>) -> Result<std::convert::Infallible, Deaf> {
    let patience = postgres.patience();
    let mut driver = postgres.config().driver()?;
    driver.application_name("posthaste listener");
    let (client, mut connection) = timeout(patience, driver.connect(NoTls)).await??;
    let mut messages = std::pin::pin!(async {
        while let Some(message) = poll_fn(|cx| connection.poll_message(cx)).await {
            if let AsyncMessage::Notification(notification) = message?
                && let Ok(position) = notification.payload().parse()
            {
                advance(heard, Position(position));
            }
        }
        Err(Deaf::Closed)
    });
    // From the moment it listens, nothing is missed but what came before, which the head tells. The head may be lower than what was
    // heard before: the log was restored from a backup.
    let started = async {
        client.execute(LISTEN.sql, &[]).await?;
        let head: i64 = client.query_one(HEAD.sql, &[]).await?.try_get("position")?;
        heard.send_replace(Position(u64::try_from(head).unwrap_or_default()));
        Ok::<_, Deaf>(())
    };
    tokio::select! {
        deaf = &mut messages => return deaf,
        started = timeout(patience, started) => started??,
    }
    messages.await
}
