use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::settings::{Appearance, History, Role, SharedKind, Visibility};
use crate::audience::Audience;
use crate::event::Personal;
use crate::id::{InviteId, MessageId, OwnerId, PasscodeId, ThreadId, UserId, UserPair};

/// What can have happened to a thread.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(tag = "type"))]
pub enum ThreadEvent {
    /// A direct thread was opened; both are members from here on.
    #[serde(rename = "thread.opened")]
    Opened {
        /// Which thread.
        thread: ThreadId,
        /// Between whom.
        pair: UserPair,
        /// Who opened it.
        by: UserId,
    },
    /// A group or channel was created; its owner and first members are members from here on.
    #[serde(rename = "thread.created")]
    Created {
        /// Which thread.
        thread: ThreadId,
        /// Group or channel.
        kind: SharedKind,
        /// Who created it and owns it.
        by: UserId,
        /// The first members beside the owner.
        members: Vec<UserId>,
        /// Who can find it.
        visibility: Visibility,
        /// What those see who join later.
        history: History,
        /// How it looks.
        #[serde(default)]
        content: Personal<Appearance>,
    },
    /// Its settings were changed. Carries all of them as they are now.
    #[serde(rename = "thread.updated")]
    Updated {
        /// Which thread.
        thread: ThreadId,
        /// Who changed them.
        by: UserId,
        /// How many times they were set, creation included.
        revision: u32,
        /// Who can find it.
        visibility: Visibility,
        /// What those see who join later.
        history: History,
        /// The passcode that joining takes, if it takes one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        passcode: Option<PasscodeId>,
        /// How it looks.
        #[serde(default)]
        content: Personal<Appearance>,
    },
    /// It was deleted: nothing more happens in it.
    #[serde(rename = "thread.deleted")]
    Deleted {
        /// Which thread.
        thread: ThreadId,
        /// Who deleted it.
        by: UserId,
    },
    /// Members were added.
    #[serde(rename = "thread.members_added")]
    MembersAdded {
        /// To which thread.
        thread: ThreadId,
        /// Who added them.
        by: UserId,
        /// Who was added.
        members: Vec<UserId>,
    },
    /// Somebody joined of their own accord.
    #[serde(rename = "thread.joined")]
    Joined {
        /// Which thread.
        thread: ThreadId,
        /// Who.
        user: UserId,
        /// By which invitation; none when the thread is public.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        invite: Option<InviteId>,
    },
    /// Somebody left of their own accord.
    #[serde(rename = "thread.left")]
    Left {
        /// Which thread.
        thread: ThreadId,
        /// Who.
        user: UserId,
    },
    /// A member was removed.
    #[serde(rename = "thread.member_removed")]
    MemberRemoved {
        /// From which thread.
        thread: ThreadId,
        /// Who removed them.
        by: UserId,
        /// Who was removed.
        user: UserId,
    },
    /// A member's role was changed.
    #[serde(rename = "thread.role_changed")]
    RoleChanged {
        /// In which thread.
        thread: ThreadId,
        /// Who changed it.
        by: UserId,
        /// Whose.
        user: UserId,
        /// What they are now: admin or member.
        role: Role,
    },
    /// The thread has another owner; the former one is an admin now.
    #[serde(rename = "thread.ownership_transferred")]
    OwnershipTransferred {
        /// Which thread.
        thread: ThreadId,
        /// Whose it was.
        by: UserId,
        /// Whose it is.
        to: UserId,
    },
    /// Somebody was banned: removed if they were a member, and kept out.
    #[serde(rename = "thread.banned")]
    Banned {
        /// From which thread.
        thread: ThreadId,
        /// Who banned them.
        by: UserId,
        /// Who was banned.
        user: UserId,
        /// Whether they were a member until then.
        removed: bool,
    },
    /// A ban was lifted.
    #[serde(rename = "thread.unbanned")]
    Unbanned {
        /// In which thread.
        thread: ThreadId,
        /// Who lifted it.
        by: UserId,
        /// Whose.
        user: UserId,
    },
    /// A person was invited.
    #[serde(rename = "thread.invited")]
    Invited {
        /// Into which thread.
        thread: ThreadId,
        /// Who invited them.
        by: UserId,
        /// The invitation.
        invite: InviteId,
        /// Who was invited.
        user: UserId,
        /// Until when it can be accepted.
        expires_at: DateTime<Utc>,
    },
    /// A link was made that whoever has it can join by. Told to its maker alone.
    #[serde(rename = "thread.link_created")]
    LinkCreated {
        /// Into which thread.
        thread: ThreadId,
        /// Who made it.
        by: UserId,
        /// The invitation, which the link carries.
        invite: InviteId,
        /// Until when it can be used.
        expires_at: DateTime<Utc>,
        /// By how many; without a limit when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max_uses: Option<u32>,
    },
    /// The invited person said no.
    #[serde(rename = "thread.invite_declined")]
    InviteDeclined {
        /// Into which thread.
        thread: ThreadId,
        /// The invitation.
        invite: InviteId,
        /// Who said no.
        user: UserId,
    },
    /// An invitation was taken back.
    #[serde(rename = "thread.invite_revoked")]
    InviteRevoked {
        /// Into which thread.
        thread: ThreadId,
        /// Who took it back.
        by: UserId,
        /// The invitation.
        invite: InviteId,
        /// Who had been invited; none for a link.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        user: Option<UserId>,
    },
    /// A message was pinned.
    #[serde(rename = "thread.message_pinned")]
    MessagePinned {
        /// In which thread.
        thread: ThreadId,
        /// Who pinned it.
        by: UserId,
        /// Which message.
        message: MessageId,
    },
    /// A message is no longer pinned.
    #[serde(rename = "thread.message_unpinned")]
    MessageUnpinned {
        /// In which thread.
        thread: ThreadId,
        /// Who took it down, or deleted it.
        by: UserId,
        /// Which message.
        message: MessageId,
    },
    /// Several messages were deleted at once.
    #[serde(rename = "thread.messages_deleted")]
    MessagesDeleted {
        /// In which thread.
        thread: ThreadId,
        /// Who deleted them.
        by: UserId,
        /// Which messages.
        messages: Vec<MessageId>,
    },
}

impl ThreadEvent {
    pub(crate) const fn event_type(&self) -> &'static str {
        match self {
            Self::Opened { .. } => "thread.opened",
            Self::Created { .. } => "thread.created",
            Self::Updated { .. } => "thread.updated",
            Self::Deleted { .. } => "thread.deleted",
            Self::MembersAdded { .. } => "thread.members_added",
            Self::Joined { .. } => "thread.joined",
            Self::Left { .. } => "thread.left",
            Self::MemberRemoved { .. } => "thread.member_removed",
            Self::RoleChanged { .. } => "thread.role_changed",
            Self::OwnershipTransferred { .. } => "thread.ownership_transferred",
            Self::Banned { .. } => "thread.banned",
            Self::Unbanned { .. } => "thread.unbanned",
            Self::Invited { .. } => "thread.invited",
            Self::LinkCreated { .. } => "thread.link_created",
            Self::InviteDeclined { .. } => "thread.invite_declined",
            Self::InviteRevoked { .. } => "thread.invite_revoked",
            Self::MessagePinned { .. } => "thread.message_pinned",
            Self::MessageUnpinned { .. } => "thread.message_unpinned",
            Self::MessagesDeleted { .. } => "thread.messages_deleted",
        }
    }

    /// Every version is the first so far.
    pub(crate) const fn schema(&self) -> u16 {
        1
    }

    /// The thread it happened to.
    #[must_use]
    pub const fn thread(&self) -> ThreadId {
        match self {
            Self::Opened { thread, .. }
            | Self::Created { thread, .. }
            | Self::Updated { thread, .. }
            | Self::Deleted { thread, .. }
            | Self::MembersAdded { thread, .. }
            | Self::Joined { thread, .. }
            | Self::Left { thread, .. }
            | Self::MemberRemoved { thread, .. }
            | Self::RoleChanged { thread, .. }
            | Self::OwnershipTransferred { thread, .. }
            | Self::Banned { thread, .. }
            | Self::Unbanned { thread, .. }
            | Self::Invited { thread, .. }
            | Self::LinkCreated { thread, .. }
            | Self::InviteDeclined { thread, .. }
            | Self::InviteRevoked { thread, .. }
            | Self::MessagePinned { thread, .. }
            | Self::MessageUnpinned { thread, .. }
            | Self::MessagesDeleted { thread, .. } => *thread,
        }
    }

    pub(crate) fn audience(&self) -> Audience {
        let members = Audience::members(self.thread());
        match self {
            Self::Opened { pair, .. } => members.joined_by(pair.users()),
            Self::Created { by, members: first, .. } => members.joined_by([*by]).joined_by(first.iter().copied()),
            Self::MembersAdded { members: added, .. } => members.joined_by(added.iter().copied()),
            Self::Joined { user, .. } => members.joined_by([*user]),
            Self::Left { user, .. } | Self::MemberRemoved { user, .. } | Self::Banned { user, removed: true, .. } => members.left_by(*user),
            Self::Invited { user, .. } | Self::InviteDeclined { user, .. } | Self::InviteRevoked { user: Some(user), .. } => {
                members.and(*user)
            }
            // Whoever knows a link can join by it.
            Self::LinkCreated { by, .. } | Self::InviteRevoked { by, user: None, .. } => Audience::users([*by]),
            Self::Updated { .. }
            | Self::Deleted { .. }
            | Self::RoleChanged { .. }
            | Self::OwnershipTransferred { .. }
            | Self::Banned { removed: false, .. }
            | Self::Unbanned { .. }
            | Self::MessagePinned { .. }
            | Self::MessageUnpinned { .. }
            | Self::MessagesDeleted { .. } => members,
        }
    }

    /// How a thread looks belongs to all who are in it: each change carries what others have set before.
    pub(crate) fn owner(&self) -> Option<OwnerId> {
        match self {
            Self::Created { thread, .. } | Self::Updated { thread, .. } => Some((*thread).into()),
            Self::Opened { .. }
            | Self::Deleted { .. }
            | Self::MembersAdded { .. }
            | Self::Joined { .. }
            | Self::Left { .. }
            | Self::MemberRemoved { .. }
            | Self::RoleChanged { .. }
            | Self::OwnershipTransferred { .. }
            | Self::Banned { .. }
            | Self::Unbanned { .. }
            | Self::Invited { .. }
            | Self::LinkCreated { .. }
            | Self::InviteDeclined { .. }
            | Self::InviteRevoked { .. }
            | Self::MessagePinned { .. }
            | Self::MessageUnpinned { .. }
            | Self::MessagesDeleted { .. } => None,
        }
    }
}
