//! What an operation answers when there is no more to say about it than its body.

use poem_openapi::ApiResponse;
use poem_openapi::payload::Json;
use poem_openapi::types::{ParseFromJSON, ToJSON};

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
