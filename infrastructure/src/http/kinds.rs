//! The kinds and settings of threads, as the document names them.

use poem_openapi::Enum;
use posthaste_domain::FileId;
use posthaste_domain::thread::{self, Appearance};
use uuid::Uuid;

/// What kind of thread it is.
#[derive(Clone, Copy, Enum)]
#[oai(remote = "thread::ThreadKind", rename = "ThreadKind", rename_all = "snake_case")]
pub(super) enum Kind {
    /// Between two users, for ever.
    Direct,
    /// Among equals: everybody posts.
    Group,
    /// From a few to many: the owner and admins post.
    Channel,
}

/// The kinds that have a title, roles and members who come and go.
#[derive(Clone, Copy, Enum)]
#[oai(remote = "thread::SharedKind", rename_all = "snake_case")]
pub(super) enum SharedKind {
    /// Among equals: everybody posts. Up to 256 members.
    Group,
    /// From a few to many: the owner and admins post. Up to 10,000 members.
    Channel,
}

/// What a member is in a thread.
#[derive(Clone, Copy, Enum)]
#[oai(remote = "thread::Role", rename_all = "snake_case")]
pub(super) enum Role {
    /// Anybody in it.
    Member,
    /// Helps the owner.
    Admin,
    /// Whose thread it is.
    Owner,
}

/// Who can find a thread.
#[derive(Clone, Copy, Enum)]
#[oai(remote = "thread::Visibility", rename_all = "snake_case")]
pub(super) enum Visibility {
    /// Its members, and whoever is invited.
    Private,
    /// Everybody; and everybody can join. Channels only.
    Public,
}

/// What those see who join later.
#[derive(Clone, Copy, Enum)]
#[oai(remote = "thread::History", rename_all = "snake_case")]
pub(super) enum History {
    /// What happened while they were members.
    Joined,
    /// Everything, from the beginning.
    All,
}

/// How a thread looks, part by part.
#[derive(Default)]
pub(super) struct Look {
    pub(super) title: Option<String>,
    pub(super) description: Option<String>,
    pub(super) avatar: Option<Uuid>,
}

impl From<Option<Appearance>> for Look {
    fn from(appearance: Option<Appearance>) -> Self {
        let Some(Appearance { title, description, avatar }) = appearance else { return Self::default() };
        Self { title: Some(title.into()), description: description.map(String::from), avatar: avatar.map(FileId::uuid) }
    }
}
