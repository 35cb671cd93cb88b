//! What is done about dead letters: it is recorded, and then it is done.
//!
//! A crash in between leaves a word without a deed, which the same command makes good when it is sent again; there is never a deed without
//! a word.

#[cfg(test)]
mod tests;

use posthaste_domain::operation::{self, DeadLetterOperation};
use posthaste_domain::text::{ConsumerName, StreamName, TextError};

use crate::execute::{AdminCommand, Envelope, ExecuteError, Executed, Executor};
use crate::port::dead::Consumer;
use crate::port::{DeadLetters, PortError};
use crate::recorded::{Position, StreamId};

/// The dead letter that something is done about: the event it is, too, so that nothing is done about another than was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// Who cannot take it.
    pub consumer: Consumer,
    /// The stream that is parked with it.
    pub stream: StreamId,
    /// The event.
    pub position: Position,
}

/// Why nothing was done about a dead letter.
#[derive(Debug, thiserror::Error)]
pub enum NotDone {
    /// Its stream is not parked for this consumer.
    #[error("the stream is not parked")]
    NotParked,
    /// Its stream is parked with another event.
    #[error("the stream is parked with the event at position {0}")]
    AnotherEvent(Position),
    /// It was there when this was recorded, and somebody else had done something about it before this was done.
    #[error("somebody else has done something about it in the same moment")]
    Overtaken,
    /// There cannot be a consumer of this name.
    #[error(transparent)]
    Name(#[from] TextError),
    /// It could not be recorded.
    #[error(transparent)]
    Execute(#[from] ExecuteError),
    /// The letters cannot be reached. It may be recorded already: the same command, sent again, does it.
    #[error(transparent)]
    Port(#[from] PortError),
}

/// Does something about a dead letter, for whoever the envelope says, who must be an admin, or the server itself.
///
/// The same command does it again while the letter is there, and has its first answer when it is not any more.
///
/// # Errors
/// See [`NotDone`]. Of a letter that is not there nothing is recorded.
pub async fn perform(
    executor: &Executor,
    letters: &dyn DeadLetters,
    envelope: Envelope,
    what: DeadLetterOperation,
    Letter { consumer, stream, position }: &Letter,
) -> Result<Executed, NotDone> {
    let name = (ConsumerName::parse(&consumer.to_string())?, StreamName::parse(&stream.to_string())?);
    let letter = operation::DeadLetter { consumer: name.0, stream: name.1, position: position.0 };
    let command = match what {
        DeadLetterOperation::Retry => AdminCommand::RetryDeadLetter { letter },
        DeadLetterOperation::Drop => AdminCommand::DropDeadLetter { letter },
    };
    let parked = letters.one(consumer, *stream).await?.map(|letter| letter.position);
    if parked != Some(*position) {
        let refused = parked.map_or(NotDone::NotParked, NotDone::AnotherEvent);
        return executor.first_answer(envelope, &command).await?.ok_or(refused);
    }
    let executed = executor.execute(envelope, command).await?;
    let done = match what {
        DeadLetterOperation::Retry => letters.retry(consumer, *stream).await?,
        DeadLetterOperation::Drop => letters.drop_event(consumer, *stream, *position).await?,
    };
    if done { Ok(executed) } else { Err(NotDone::Overtaken) }
}
