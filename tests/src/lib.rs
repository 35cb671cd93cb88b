//! What the suites of Posthaste stand on: private instances of PostgreSQL, RabbitMQ and Redis, and a
//! [`Sandbox`] for each test.
//!
//! `tests/run` starts one set of services for the whole run and tells the tests where it is through the
//! environment ([`Endpoints::from_env`]). Recipes:
//!
//! - A test that needs a database, a virtual host or keys of its own: `Sandbox::new("what_it_is_for").await?`.
//! - A test that breaks a service: `Services::start().await?` gives a set of its own; pass
//!   `services.endpoints()` to [`Sandbox::on`], then `services.rabbitmq.kill()` and `restart()`.
//! - Everything at once, for as long as one likes: [`chaos`].
//! - A test that could wait for ever: [`deadline`].
//! - What no server may log, whatever a test is about: [`hygiene`].
//! - A test that comes between the server and a service: [`proxy`].
//! - A second factor: [`authenticator`]; a passkey: [`passkey`].
//! - Logging in elsewhere: [`oidc`].
//! - A test of the whole server: [`Node::start`] runs it as a process, [`actor`] has its clients, [`history`] the proof of what they saw.

pub mod actor;
pub mod authenticator;
pub mod bulk;
pub mod chaos;
pub mod contract;
pub mod covering;
mod database;
pub mod deadline;
pub mod drafts;
pub mod frozen;
pub mod generator;
pub mod histories;
pub mod history;
pub mod http;
pub mod hygiene;
pub mod metadata;
pub mod node;
pub mod nodes;
pub mod oidc;
pub mod opened;
pub mod passkey;
pub mod patience;
mod plan;
pub mod proxy;
pub mod race;
pub mod receiver;
pub mod rules;
mod sandbox;
pub mod services;
pub mod simulation;
pub mod smtp;
mod stage;

pub use database::Database;
pub use node::{Node, NodeSettings};
pub use nodes::Nodes;
pub use plan::Plan;
pub use sandbox::Sandbox;
pub use services::{Endpoints, Services};
pub use stage::{Profile, Stage};
