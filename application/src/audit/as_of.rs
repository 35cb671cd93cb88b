//! What position is meant.

use std::str::FromStr;

use chrono::{DateTime, Utc};

use super::Telling;
use crate::port::{EventLog, PortError};
use crate::recorded::Position;

/// Events that are read at once.
const READ: u64 = 4_096;

/// A place in the log, as people name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AsOf {
    /// After the event at this position.
    Position(Position),
    /// At this time.
    Time(DateTime<Utc>),
}

/// Neither a position nor a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a position such as 1234, or a time such as 2026-01-31T12:00:00Z")]
pub struct NotAnAsOf;

impl FromStr for AsOf {
    type Err = NotAnAsOf;

    fn from_str(text: &str) -> Result<Self, NotAnAsOf> {
        let position = text.parse().map(|position| Self::Position(Position(position)));
        position.or_else(|_| text.parse().map(Self::Time)).map_err(|_| NotAnAsOf)
    }
}

/// A place in the log, and a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Everything up to here has happened, nothing above it.
    pub position: Position,
    /// What is not in the log, such as deliveries, has happened if it was by then.
    pub at: DateTime<Utc>,
}

/// Why no position is meant.
#[derive(Debug, thiserror::Error)]
pub enum AsOfError {
    /// It has not happened yet.
    #[error("the log ends at position {head}")]
    BeyondHead {
        /// Where it ends.
        head: Position,
    },
    /// The log cannot be read.
    #[error(transparent)]
    Port(#[from] PortError),
}

impl AsOf {
    /// The moment that is meant. By position: when the event there was recorded. By time: the time itself, and the **highest** position that
    /// was recorded then or before. Clocks go back now and then, so events below it may say later times; they had happened by the
    /// log's own order, which is the only one there is. Looks from the end, so a time long ago takes long.
    ///
    /// # Errors
    /// See [`AsOfError`].
    pub async fn resolve(self, log: &dyn EventLog) -> Result<Moment, AsOfError> {
        self.resolve_telling(log, &|_| {}).await
    }

    /// The same, and tells how many events were looked at, each time that more were.
    ///
    /// # Errors
    /// See [`AsOfError`].
    pub async fn resolve_telling(self, log: &dyn EventLog, looked_at: Telling<'_>) -> Result<Moment, AsOfError> {
        let head = log.head().await?.position;
        match self {
            Self::Position(Position::START) => Ok(Moment { position: Position::START, at: DateTime::<Utc>::MIN_UTC }),
            Self::Position(position) => {
                let event = log.read(Position(position.0 - 1), 1).await?.pop().filter(|event| event.position == position);
                let event = event.ok_or(AsOfError::BeyondHead { head })?;
                Ok(Moment { position, at: event.at })
            }
            Self::Time(at) => {
                let mut upto = head;
                while upto > Position::START {
                    let after = Position(upto.0.saturating_sub(READ));
                    let events = log.read(after, usize::try_from(upto.0 - after.0).unwrap_or(usize::MAX)).await?;
                    if let Some(event) = events.iter().rev().find(|event| event.at <= at) {
                        return Ok(Moment { position: event.position, at });
                    }
                    looked_at(upto.0 - after.0);
                    upto = after;
                }
                Ok(Moment { position: Position::START, at })
            }
        }
    }
}
