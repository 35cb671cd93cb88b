//! The adapters of the ports, named after their technology. They never use one another.

pub mod postgres;
