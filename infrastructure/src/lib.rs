//! The adapters of Posthaste's ports, each named after its technology. They never import one another.

pub mod argon2;
pub mod embedded;
pub mod jwt;
pub mod system;
