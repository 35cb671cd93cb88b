//! Who may do what: the one table of permissions.

use super::settings::{Role, ThreadKind};

/// What takes a permission in a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Post and edit.
    Post,
    /// React.
    React,
    /// Leave.
    Leave,
    /// Pin messages and take them down.
    Pin,
    /// Delete what others wrote.
    DeleteOthers,
    /// Change the settings.
    Update,
    /// Add members.
    AddMembers,
    /// Invite a person.
    InvitePerson,
    /// Make links; see and revoke the invitations of all.
    ManageInvites,
    /// Remove members of a lower rank.
    Remove,
    /// Ban whoever has no equal or higher rank; see who is banned.
    Ban,
    /// Lift a ban.
    Unban,
    /// Make admins of members, and members of admins.
    ChangeRole,
    /// Give the thread away.
    TransferOwnership,
    /// Delete the thread.
    Delete,
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 15] = [
        Self::Post,
        Self::React,
        Self::Leave,
        Self::Pin,
        Self::DeleteOthers,
        Self::Update,
        Self::AddMembers,
        Self::InvitePerson,
        Self::ManageInvites,
        Self::Remove,
        Self::Ban,
        Self::Unban,
        Self::ChangeRole,
        Self::TransferOwnership,
        Self::Delete,
    ];
}

/// Whether this role allows this action in a thread of this kind. In a direct thread both are members.
#[must_use]
pub const fn allows(kind: ThreadKind, role: Role, action: Action) -> bool {
    match (kind, action) {
        (ThreadKind::Direct, Action::Post | Action::React | Action::Pin) => true,
        (
            ThreadKind::Direct,
            Action::Leave
            | Action::DeleteOthers
            | Action::Update
            | Action::AddMembers
            | Action::InvitePerson
            | Action::ManageInvites
            | Action::Remove
            | Action::Ban
            | Action::Unban
            | Action::ChangeRole
            | Action::TransferOwnership
            | Action::Delete,
        ) => false,
        (ThreadKind::Group | ThreadKind::Channel, Action::React | Action::Leave)
        | (ThreadKind::Group, Action::Post | Action::InvitePerson) => true,
        (ThreadKind::Channel, Action::Post | Action::InvitePerson)
        | (
            ThreadKind::Group | ThreadKind::Channel,
            Action::Pin
            | Action::DeleteOthers
            | Action::Update
            | Action::AddMembers
            | Action::ManageInvites
            | Action::Remove
            | Action::Ban
            | Action::Unban,
        ) => matches!(role, Role::Owner | Role::Admin),
        (ThreadKind::Group | ThreadKind::Channel, Action::ChangeRole | Action::TransferOwnership | Action::Delete) => {
            matches!(role, Role::Owner)
        }
    }
}
