use super::settings::{Appearance, History, Role, ThreadKind, Visibility};
use crate::id::PasscodeId;

/// What a thread shows to somebody who may look at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glance {
    /// What kind of thread it is.
    pub kind: ThreadKind,
    /// What the looker is in it; `None` when they are not a member.
    pub role: Option<Role>,
    /// What those see who join later.
    pub history: History,
    /// Who can find it.
    pub visibility: Visibility,
    /// Its settings' revision.
    pub revision: u32,
    /// How many members it has.
    pub members: usize,
    /// The passcode that joining takes.
    pub passcode: Option<PasscodeId>,
    /// How it looks; nothing for a direct thread or when it was erased.
    pub appearance: Option<Appearance>,
}
