/// Why a claim says no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClaimRefusal {
    /// Somebody else holds the name.
    #[error("this name is taken")]
    Taken,
}
