//! What Posthaste does, above any technology.
//!
//! - [`execute`] is the one path of every command: load, decide, append, and again if something moved.
//! - [`read`] makes one command of a burst of reads.
//! - [`append`] puts the appends that wait together into one transaction.
//! - [`relay`] takes the log to the broker; [`deliver`] takes it from there to every device.
//! - [`login`] is how a login begins, goes on and ends.
//! - [`factor`] is what a login takes beside a password, [`passkey`] what it takes instead of one.
//! - [`oidc`] is how somebody logs in with an account somewhere else.
//! - [`presence`] keeps who is online, and tells those who watch and may know.
//! - [`project`] keeps the views; [`view`] says what they are.
//! - [`shared_tail`] has the end of the log for all who follow it.
//! - [`content`] seals what is personal in events, so that it can be erased.
//! - [`dead`] is what is done about what somebody could not take: recorded, then done.
//! - [`signal`] gathers what nodes tell each other in passing: who types, who has received and read.
//! - [`webhooks`] is the first durable consumer: what it takes in is sent to other people's servers until they have it.
//! - [`audit`] is what auditors ask of the log: to take it away whole or in part, to put it back, and to see how things stood.
//! - [`verify`] walks the log and says whether it is what was recorded; it seals it, and proves one event by a seal.
//! - [`doctor`] judges what was found of a deployment.
//! - [`health`] says how far everybody who reads the log has come.
//! - [`limit`] says who has asked too often.
//! - [`meter`] is the table of everything that is measured; [`span`] is that of what can be followed.
//! - [`origin`] says which web pages are no strangers.
//! - [`hex`] writes bytes as people compare them.
//! - [`port`] is what this asks of the world. Each port has a contract suite that every adapter passes.
//!
//! There is no runtime here: loops, timers and sockets live in the adapters and the binary.

pub mod append;
pub mod audit;
pub mod chain;
pub mod codec;
mod contended;
pub mod content;
pub mod dead;
pub mod deliver;
pub mod desk;
pub mod doctor;
pub mod execute;
pub mod factor;
#[cfg(test)]
mod fake;
pub mod health;
pub mod hex;
pub mod limit;
pub mod login;
pub mod mail;
pub mod meter;
pub mod oidc;
mod opaque;
pub mod origin;
pub mod passkey;
pub mod port;
pub mod presence;
pub mod problem;
pub mod project;
pub mod read;
pub mod rebuild;
pub mod recorded;
pub mod relay;
pub mod retry;
pub mod shared_tail;
pub mod signal;
pub mod span;
pub mod verify;
pub mod view;
pub mod webhooks;

pub use port::Ports;
