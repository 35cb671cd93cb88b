//! What Posthaste does, above any technology.
//!
//! - [`execute`] is the one path of every command: load, decide, append, and again if something moved.
//! - [`append`] puts the appends that wait together into one transaction.
//! - [`relay`] takes the log to the broker; [`deliver`] takes it from there to every device.
//! - [`project`] keeps the views; [`view`] says what they are.
//! - [`port`] is what this asks of the world. Each port has a contract suite that every adapter passes.
//!
//! There is no runtime here: loops, timers and sockets live in the adapters and the binary.

pub mod append;
pub mod chain;
pub mod codec;
pub mod deliver;
pub mod execute;
#[cfg(test)]
mod fake;
pub mod port;
pub mod problem;
pub mod project;
pub mod recorded;
pub mod relay;
pub mod view;

pub use port::Ports;
