//! The adapters of Posthaste's ports, each named after its technology. They never import one another.

pub mod rabbitmq;
pub mod redis;
