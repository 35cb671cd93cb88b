//! From the broker's feed to every device, each behind its own cursor.
//!
//! - [`Feed`] turns what the broker delivers into a gapless sequence; what is missing it reads from the log.
//! - [`Hub`] routes each event to the devices on this node that are owed it, by the membership as of its position.
//! - [`connect`] lets a device in: what the store knows of it, and its place in the hub. The newest connection of a device wins.
//! - [`Reader`] is one device's cursor in motion: backlog from the log, then live, never more un-acked than the window.
//! - [`Listener`] passes on what nodes tell each other in passing; the hub routes it, beside the events.
//! - [`AckQueue`] gathers acknowledgements and moves the cursors in batches.
//! - [`deliveries`] says what became of an event for each of its [`recipients`].

mod acks;
mod asides;
mod connect;
mod feed;
mod hub;
mod inbox;
mod listener;
mod push;
mod reader;
mod status;
#[cfg(test)]
mod tests;
mod typing;
mod watermarks;
mod withhold;

pub use acks::{AckQueue, AckWriter, ack_queue};
pub use asides::Aside;
pub use connect::{Admission, Admitted, connect, look_for_newer};
pub use feed::Feed;
pub use hub::{Arriving, Hub};
pub use inbox::{Attached, Detached};
pub use listener::Listener;
pub use push::Push;
pub use reader::{AckAhead, Delivered, Output, ReadError, Reader, Window};
pub use status::{Deliveries, Delivery, DeliveryStatus, OnDevice, ReadAt, Stage, StatusError, audience, deliveries, recipients};
pub use typing::{OwnTyping, TYPING_LASTS, Typists};
pub use watermarks::Watermarks;
pub(crate) use withhold::withhold_deleted;
