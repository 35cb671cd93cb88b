//! What operations answer that have no more to say than others: a body, and what became of a command.

use poem_openapi::payload::Json;
use poem_openapi::types::{Example, ParseFromJSON, ToJSON};
use poem_openapi::{ApiResponse, Object};
use posthaste_application::execute::Executed;
use uuid::Uuid;

use super::{example, revision};

/// What became of a command.
#[derive(Object)]
#[oai(example)]
pub(super) struct Recorded {
    /// What it was about: the user, login, friendship, thread, invitation or message, or what one keeps about a thread.
    id: Uuid,
    /// Where it was recorded, or by what it held already. A query takes it as `after`.
    position: u64,
}

impl Example for Recorded {
    fn example() -> Self {
        Self { id: example::THREAD, position: 42 }
    }
}

impl From<Executed> for Recorded {
    fn from(Executed { id, position, .. }: Executed) -> Self {
        Self { id, position: position.0 }
    }
}

impl From<Executed> for Answer<Recorded> {
    fn from(executed: Executed) -> Self {
        Self::Answer(Json(executed.into()))
    }
}

/// What became of a change to something that has revisions.
#[derive(Object)]
#[oai(example)]
pub(super) struct Changed {
    /// What was changed: the thread, or the message.
    id: Uuid,
    /// How many times it was written, or its settings were set, this change included; what the `ETag` says.
    revision: u32,
    /// Where it was recorded, or by what it held already. A query takes it as `after`.
    position: u64,
}

impl Example for Changed {
    fn example() -> Self {
        Self { id: example::GROUP, revision: 3, position: 44 }
    }
}

impl Tagged<Changed> {
    pub(super) fn changed(Executed { id, position, .. }: Executed, revision: u32) -> Self {
        Self::new(Changed { id, revision, position: position.0 }, revision)
    }
}

/// The answer to a command that makes something.
#[derive(ApiResponse)]
pub(super) enum Made {
    /// It is recorded. A retry with the same key gets the same answer.
    #[oai(status = 201)]
    Created(Json<Recorded>),
}

impl From<Executed> for Made {
    fn from(executed: Executed) -> Self {
        Self::Created(Json(executed.into()))
    }
}

/// The answer to what is done later.
#[derive(ApiResponse)]
pub(super) enum Accepted {
    /// It is kept, and will be done.
    #[oai(status = 202)]
    Accepted,
}

/// The answer of what has nothing to say.
#[derive(ApiResponse)]
pub(super) enum Done {
    /// It is done.
    #[oai(status = 204)]
    Done,
}

/// A plain answer.
#[derive(ApiResponse)]
pub(super) enum Answer<T: ParseFromJSON + ToJSON + Send + Sync> {
    /// As asked.
    #[oai(status = 200)]
    Answer(Json<T>),
}

impl<T: ParseFromJSON + ToJSON + Send + Sync> From<T> for Answer<T> {
    fn from(body: T) -> Self {
        Self::Answer(Json(body))
    }
}

/// An answer about what can be changed.
#[derive(ApiResponse)]
pub(super) enum Tagged<T: ParseFromJSON + ToJSON + Send + Sync> {
    /// As asked.
    #[oai(status = 200)]
    Answer(
        Json<T>,
        /// The revision; send it as `If-Match` with a change that is meant for just this.
        #[oai(header = "ETag")]
        String,
    ),
}

impl<T: ParseFromJSON + ToJSON + Send + Sync> Tagged<T> {
    pub(super) fn new(body: T, revision: u32) -> Self {
        Self::Answer(Json(body), revision::tag(revision))
    }
}
