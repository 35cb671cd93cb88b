//! Adapters of the ports, each named after its technology, and the edges: [`http`].

pub mod http;
