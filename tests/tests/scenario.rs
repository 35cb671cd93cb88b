//! The promise, on real processes that die: two people talk over real sockets while nodes, relays and services are killed, and the
//! history checker proves that nothing was lost, doubled, reordered or made up.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "scenario/distributed.rs"]
mod distributed;
#[path = "scenario/embedded.rs"]
mod embedded;
#[path = "scenario/rolling.rs"]
mod rolling;
#[path = "scenario/talk.rs"]
mod talk;
