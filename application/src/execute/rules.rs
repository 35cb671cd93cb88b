use chrono::TimeDelta;
use posthaste_domain::friendship::DirectPolicy;

/// The rules that are for whoever runs the service to set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Who may start and go on with a direct thread.
    pub direct: DirectPolicy,
    /// How long somebody whose friend request was declined must wait before they ask again.
    pub decline_cool_down: TimeDelta,
    /// How long somebody who deletes their account may think better of it.
    pub deletion_grace: TimeDelta,
}

impl Default for Rules {
    fn default() -> Self {
        Self { direct: DirectPolicy::Friends, decline_cool_down: TimeDelta::days(7), deletion_grace: TimeDelta::days(14) }
    }
}
