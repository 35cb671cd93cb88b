//! The adapters of Posthaste's ports, each named after its technology. They know the ports and never one another.

pub mod aes_gcm;
pub mod argon2;
pub mod embedded;
pub mod file;
mod growth;
pub mod http;
pub mod jwt;
pub mod lettre;
pub mod openidconnect;
mod origin;
pub mod otlp;
pub mod postgres;
pub mod prometheus;
pub mod rabbitmq;
pub mod redis;
pub mod reqwest;
pub mod system;
pub mod webauthn;
pub mod ws;
