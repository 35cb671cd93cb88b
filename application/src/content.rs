//! What is personal in events, sealed: so that it can be erased from a log in which nothing is ever changed.
//!
//! - [`sealed`] is the form in which content stands in the log, and what it is bound to.
//! - [`master`] wraps the keys of owners; it comes from the configuration and is kept nowhere else.
//! - [`keyring`] has the keys that are in use, unwrapped, and seals and opens by them.
//! - [`log`] is a log that seals what it is given and opens what it gives; [`feed`] does the same for what comes from the broker.
//! - [`erase`] is how somebody is erased, [`rotate`] how another master key takes over,
//!   [`transfer`] how keys go where their log goes.
//! - [`export`] is everything that is known of somebody, for them.
//!
//! The log, the chain of hashes, the relay and whoever verifies see the sealed bytes and need no key. Whoever reads an event
//! ([`Recorded::event`](crate::recorded::Recorded::event)) sees what was opened; what nobody can open is erased.

pub mod deletions;
pub mod erase;
pub mod export;
pub mod feed;
pub mod keyring;
pub mod log;
pub mod master;
pub mod rotate;
pub mod sealed;
#[cfg(test)]
mod tests;
pub mod transfer;

pub use keyring::Keyring;
pub use master::{MasterKey, MasterKeys};
