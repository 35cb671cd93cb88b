//! From the broker's feed to every device, each behind its own cursor.
//!
//! - [`Feed`] turns what the broker delivers into a gapless sequence; what is missing it reads from the log.
//! - [`Hub`] routes each event to the devices on this node that are owed it, by the membership as of its position.
//! - [`Reader`] is one device's cursor in motion: backlog from the log, then live, never more un-acked than the window.
//! - [`AckQueue`] gathers acknowledgements and moves the cursors in batches.

mod acks;
mod feed;
mod hub;
mod inbox;
mod push;
mod reader;
mod status;
#[cfg(test)]
mod tests;

pub use acks::{AckQueue, AckWriter, ack_queue};
pub use feed::Feed;
pub use hub::Hub;
pub use inbox::{Attached, Detached};
pub use push::Push;
pub use reader::{AckAhead, Output, ReadError, Reader, Window};
pub use status::{DeliveryStatus, delivery_statuses};
