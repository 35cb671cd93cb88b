//! Logging in with an account elsewhere: with a provider that does as the standard says, and with one that does everything that none may.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "oidc/accounts.rs"]
mod accounts;
#[path = "oidc/attacks.rs"]
mod attacks;
#[path = "oidc/certified.rs"]
mod certified;
#[path = "oidc/lies.rs"]
mod lies;
#[path = "oidc/service.rs"]
mod service;
