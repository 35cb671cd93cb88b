//! Every way in which a run can break the promise.

use posthaste_application::chain::Broken;
use posthaste_application::port::cursors::Device;
use posthaste_application::recorded::Position;
use posthaste_domain::CommandId;
use uuid::Uuid;

use super::Connection;

/// A breach, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// Positions are not dense from 1, or the hash chain does not hold.
    #[error("the log is broken: {0}")]
    Log(Broken),
    /// The checker cannot tell to whom this event is owed.
    #[error("position {position}: the checker does not know {event_type}, or cannot read it")]
    Unknown {
        /// Where.
        position: Position,
        /// Its type.
        event_type: String,
    },
    /// One command, recorded twice.
    #[error("command {command} is recorded at {first} and again at {second}")]
    RecordedTwice {
        /// Which command.
        command: CommandId,
        /// Where.
        first: Position,
        /// Where again.
        second: Position,
    },
    /// `ok` was said of something that is not in the log.
    #[error("command {command} was answered ok at {said}, and is not in the log")]
    OkNotRecorded {
        /// Which command.
        command: CommandId,
        /// Where it was said to be.
        said: Position,
    },
    /// `ok` named a position at which the command is not.
    #[error("command {command} was answered ok at {said}, and stands at {recorded}")]
    OkElsewhere {
        /// Which command.
        command: CommandId,
        /// Where it was said to be.
        said: Position,
        /// Where it is.
        recorded: Position,
    },
    /// `ok` named another message.
    #[error("command {command} was answered with the id {said}, the message at {position} has {recorded}")]
    OkOfAnother {
        /// Which command.
        command: CommandId,
        /// The id that was answered.
        said: Uuid,
        /// Where the command is.
        position: Position,
        /// The id of the message there.
        recorded: Uuid,
    },
    /// A retry got another answer than before.
    #[error("command {command} was answered {first:?} and then {then:?}")]
    AnsweredDifferently {
        /// Which command.
        command: CommandId,
        /// The first answer.
        first: (Uuid, Position),
        /// A later one.
        then: (Uuid, Position),
    },
    /// Two answers both say that it was carried out just now.
    #[error("command {command} was carried out anew twice, say its answers")]
    NewTwice {
        /// Which command.
        command: CommandId,
    },
    /// What was refused for good is in the log.
    #[error("command {command} was refused ({code}) and is recorded at {recorded}")]
    RefusedYetRecorded {
        /// Which command.
        command: CommandId,
        /// The code of the refusal.
        code: String,
        /// Where it is.
        recorded: Position,
    },
    /// Recorded under another author or in another thread than it was sent.
    #[error("command {command} at {position} has another author or thread than it was sent with")]
    Misfiled {
        /// Which command.
        command: CommandId,
        /// Where it is.
        position: Position,
    },
    /// Sent after something else had been answered, and recorded before it.
    #[error("command {command} stands at {position}, but was sent after {after} was answered")]
    Reordered {
        /// Which command.
        command: CommandId,
        /// Where it is.
        position: Position,
        /// What had been answered when it was sent.
        after: Position,
    },
    /// The log does not hold the text that was sent.
    #[error("the text at {position} is not what command {command} sent")]
    TextChanged {
        /// Which command.
        command: CommandId,
        /// Where it is.
        position: Position,
    },
    /// Owed, and never arrived.
    #[error("{} of {} never received {position}", device.device, device.user)]
    Missed {
        /// Who.
        device: Device,
        /// What.
        position: Position,
    },
    /// Left out on one connection, though it arrived on another or may still come.
    #[error("{} of {} was not sent {position} on {connection}, which went on beyond it", device.device, device.user)]
    Skipped {
        /// Who.
        device: Device,
        /// On which connection.
        connection: Connection,
        /// What.
        position: Position,
    },
    /// Arrived, and was not owed; or is not in the log at all.
    #[error("{} of {} received {position} on {connection} and is not owed it", device.device, device.user)]
    NotOwed {
        /// Who.
        device: Device,
        /// On which connection.
        connection: Connection,
        /// What.
        position: Position,
    },
    /// One event under two positions: dedupe by position does not remove it.
    #[error("{} of {} received the event {id} at {first} and again at {second}", device.device, device.user)]
    DeliveredTwice {
        /// Who.
        device: Device,
        /// Which event.
        id: Uuid,
        /// Under which position.
        first: Position,
        /// And under which.
        second: Position,
    },
    /// What arrived is not what the log holds, or not what was sent.
    #[error("{} of {} received {position} on {connection} with another {field}", device.device, device.user)]
    Distorted {
        /// Who.
        device: Device,
        /// On which connection.
        connection: Connection,
        /// What.
        position: Position,
        /// Which of its fields: `id`, `type`, `thread`, `key` or `text`.
        field: &'static str,
    },
    /// Not in the order of positions.
    #[error("{} of {} received {position} after {after} on {connection}", device.device, device.user)]
    OutOfOrder {
        /// Who.
        device: Device,
        /// On which connection.
        connection: Connection,
        /// What.
        position: Position,
        /// What had arrived before.
        after: Position,
    },
    /// `prev` does not name what came before.
    #[error("{} of {} received {position} with prev {prev} instead of {expected} on {connection}", device.device, device.user)]
    BrokenChain {
        /// Who.
        device: Device,
        /// On which connection.
        connection: Connection,
        /// What.
        position: Position,
        /// What it said.
        prev: Position,
        /// What it had to say.
        expected: Position,
    },
    /// `live` was said before the whole backlog was sent.
    #[error("{} of {} was told live at {live} on {connection}, before {position}", device.device, device.user)]
    LiveTooEarly {
        /// Who.
        device: Device,
        /// On which connection.
        connection: Connection,
        /// What `live` said.
        live: Position,
        /// What came after it.
        position: Position,
    },
    /// The device was welcomed at another place than it asked for.
    #[error("{} of {} asked for {asked} on {connection} and was told {cursor}", device.device, device.user)]
    CursorIgnored {
        /// Who.
        device: Device,
        /// On which connection.
        connection: Connection,
        /// What it asked for.
        asked: Position,
        /// What it was told.
        cursor: Position,
    },
    /// The stored cursor is beyond everything the device has said.
    #[error("{} of {} was told {cursor} on {connection}, and has acked only {acked}", device.device, device.user)]
    CursorBeyondAcks {
        /// Who.
        device: Device,
        /// On which connection.
        connection: Connection,
        /// What it was told.
        cursor: Position,
        /// What it had acked.
        acked: Position,
    },
}
