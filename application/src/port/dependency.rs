//! What the service stands on beside its log: asked now and then whether it can be used.

use async_trait::async_trait;

/// Something that can be gone or be other than it must be, while the process runs.
#[async_trait]
pub trait Dependency: Send + Sync {
    /// What it is: `schema`, `redis`.
    fn name(&self) -> &'static str;

    /// Whether requests are better sent elsewhere while it cannot be used.
    fn is_required(&self) -> bool;

    /// Looks at it now; gives why it cannot be used. The reason is shown to whoever asks, so it names no addresses.
    async fn check(&self) -> Result<(), String>;
}
