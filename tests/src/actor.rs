//! Clients as people have them, over real sockets.
//!
//! - [`User`] has an account: `User::register(base, "alice").await?`.
//! - [`Device`] is what a good client is: it stores an event and moves its cursor in one step, acks after that, reconnects and resumes by
//!   itself, and sends a command under the same id until it is settled. All it sees goes into a [`crate::history::History`].
//! - [`Socket`] is a bare connection, for clients that are not good.

mod device;
mod socket;
mod storage;
mod user;

use uuid::Uuid;

pub use self::device::{Device, Sending};
pub use self::socket::{Incoming, Socket};
pub use self::storage::{Storage, Stored};
pub use self::user::{Login, Refused, User};

/// A new identifier, ordered by time, as clients choose them.
#[must_use]
#[allow(clippy::disallowed_methods, reason = "a client has a clock and randomness of its own")]
pub fn new_id() -> Uuid {
    Uuid::now_v7()
}
