//! How a thread is set up.

use serde::{Deserialize, Serialize};

use super::command::SettingsChanges;
use super::refusal::ThreadRefusal;
use crate::event::Personal;
use crate::id::{FileId, PasscodeId};
use crate::text::{Description, Title};

/// What kind of thread it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ThreadKind {
    /// Between two users, for ever.
    Direct,
    /// Among equals: everybody posts.
    Group,
    /// From a few to many: owner and admins post.
    Channel,
}

/// The kinds that have a title, roles and members who come and go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum SharedKind {
    /// See [`ThreadKind::Group`].
    Group,
    /// See [`ThreadKind::Channel`].
    Channel,
}

impl SharedKind {
    /// The most members it can have.
    #[must_use]
    pub const fn member_limit(self) -> usize {
        match self {
            Self::Group => 256,
            Self::Channel => 10_000,
        }
    }
}

impl From<SharedKind> for ThreadKind {
    fn from(kind: SharedKind) -> Self {
        match kind {
            SharedKind::Group => Self::Group,
            SharedKind::Channel => Self::Channel,
        }
    }
}

/// What a member is in a thread; the greater has the higher rank.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Anybody in it.
    Member,
    /// Helps the owner.
    Admin,
    /// Whose thread it is.
    Owner,
}

/// Who can find a thread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    /// Its members, and whoever is invited.
    #[default]
    Private,
    /// Everybody; and everybody can join. Channels only.
    Public,
}

/// What those see who join later.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum History {
    /// What happened while they were members.
    #[default]
    Joined,
    /// Everything, from the beginning.
    All,
}

/// How a thread looks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Appearance {
    /// What it is called.
    pub title: Title,
    /// What it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Description>,
    /// Its picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub avatar: Option<FileId>,
}

impl From<Appearance> for Personal<Appearance> {
    fn from(appearance: Appearance) -> Self {
        Self::Known(appearance)
    }
}

/// How a group or channel is set up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Settings {
    pub(super) visibility: Visibility,
    pub(super) history: History,
    pub(super) passcode: Option<PasscodeId>,
    pub(super) appearance: Personal<Appearance>,
}

impl Settings {
    /// The settings with these changes. Of an appearance that was erased only a title makes a new one.
    pub(super) fn with(&self, changes: SettingsChanges) -> Self {
        let SettingsChanges { visibility, history, passcode, title, description, avatar } = changes;
        let known = self.appearance.known();
        let title = title.or_else(|| known.map(|appearance| appearance.title.clone()));
        let appearance = title.map(|title| Appearance {
            title,
            description: description.unwrap_or_else(|| known.and_then(|appearance| appearance.description.clone())),
            avatar: avatar.unwrap_or_else(|| known.and_then(|appearance| appearance.avatar)),
        });
        Self {
            visibility: visibility.unwrap_or(self.visibility),
            history: history.unwrap_or(self.history),
            passcode: passcode.unwrap_or(self.passcode),
            appearance: appearance.into(),
        }
    }

    /// Refuses what a thread of this kind cannot be.
    pub(super) fn suit(&self, kind: SharedKind) -> Result<(), ThreadRefusal> {
        match (kind, self.visibility) {
            (SharedKind::Group, Visibility::Public) => Err(ThreadRefusal::OnlyChannelsArePublic),
            (SharedKind::Group, Visibility::Private) | (SharedKind::Channel, Visibility::Public | Visibility::Private) => Ok(()),
        }
    }
}
