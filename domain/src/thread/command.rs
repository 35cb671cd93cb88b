use chrono::{DateTime, Utc};

use super::settings::{Appearance, History, Role, SharedKind, Visibility};
use crate::friendship::DirectPermit;
use crate::id::{FileId, InviteId, MessageId, PasscodeId, ThreadId, UserId};
use crate::text::{Description, Title};

/// What can be asked of a thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ThreadCommand {
    /// Open the direct thread of two users.
    OpenDirect {
        /// Proof that they may write to each other.
        permit: DirectPermit,
        /// Which of them opens it.
        by: UserId,
    },
    /// Create a group or channel.
    Create {
        /// The id it gets.
        thread: ThreadId,
        /// Who creates it, and owns it.
        by: UserId,
        /// Group or channel.
        kind: SharedKind,
        /// The first members beside the owner; who is named twice is one.
        members: Vec<UserId>,
        /// Who can find it.
        visibility: Visibility,
        /// What those see who join later.
        history: History,
        /// How it looks.
        appearance: Appearance,
    },
    /// Change its settings.
    Update {
        /// Who does.
        by: UserId,
        /// The revision it must have; any when absent.
        revision: Option<u32>,
        /// What is to change.
        changes: SettingsChanges,
    },
    /// Delete it.
    Delete {
        /// Who does.
        by: UserId,
    },
    /// Add members. Who is in it already, or cannot be, is left out; it is refused when nobody is left.
    AddMembers {
        /// Who adds them.
        by: UserId,
        /// Whom: known users who have not blocked the actor nor are blocked by them.
        users: Vec<UserId>,
    },
    /// Join of one's own accord: a public thread, or by an invitation.
    Join {
        /// Who.
        user: UserId,
        /// By which invitation, if by one.
        invite: Option<InviteId>,
        /// The passcode the actor has proved to know, if any.
        passcode: Option<PasscodeId>,
        /// When.
        at: DateTime<Utc>,
    },
    /// Leave.
    Leave {
        /// Who.
        user: UserId,
    },
    /// Remove a member.
    Remove {
        /// Who does.
        by: UserId,
        /// Whom.
        user: UserId,
    },
    /// Make a member an admin, or an admin a member.
    ChangeRole {
        /// Who does.
        by: UserId,
        /// Whose.
        user: UserId,
        /// Admin or member.
        role: Role,
    },
    /// Give the thread to another member.
    TransferOwnership {
        /// Whose it is.
        by: UserId,
        /// Whose it will be.
        to: UserId,
    },
    /// Keep somebody out, and remove them if they are in.
    Ban {
        /// Who does.
        by: UserId,
        /// Whom.
        user: UserId,
    },
    /// Lift a ban.
    Unban {
        /// Who does.
        by: UserId,
        /// Whose.
        user: UserId,
    },
    /// Invite a person. An invitation that stands is renewed.
    Invite {
        /// Who does.
        by: UserId,
        /// The id it gets.
        invite: InviteId,
        /// Whom.
        user: UserId,
        /// When.
        at: DateTime<Utc>,
        /// Until when it can be accepted.
        expires_at: DateTime<Utc>,
    },
    /// Make a link to join by.
    CreateLink {
        /// Who does.
        by: UserId,
        /// The id it gets.
        invite: InviteId,
        /// When.
        at: DateTime<Utc>,
        /// Until when it can be used.
        expires_at: DateTime<Utc>,
        /// By how many.
        max_uses: Option<u32>,
    },
    /// Say no to an invitation, if one is the invited; else take it back.
    EndInvite {
        /// Who does.
        by: UserId,
        /// Which.
        invite: InviteId,
    },
    /// Pin a message.
    Pin {
        /// Who does.
        by: UserId,
        /// Which: a message of this thread that was not deleted.
        message: MessageId,
    },
    /// Take a pinned message down.
    Unpin {
        /// Who does.
        by: UserId,
        /// Which.
        message: MessageId,
    },
    /// Take a message down because it is deleted; whoever may delete it may do this.
    UnpinDeleted {
        /// Who deletes it.
        by: UserId,
        /// Which.
        message: MessageId,
    },
    /// Delete several messages at once.
    DeleteMessages {
        /// Who does.
        by: UserId,
        /// 1 to [`super::BULK_LIMIT`] messages of this thread that were not deleted, each with its author.
        messages: Vec<(MessageId, UserId)>,
    },
}

impl ThreadCommand {
    /// Who asks.
    #[must_use]
    pub const fn actor(&self) -> UserId {
        match self {
            Self::OpenDirect { by, .. }
            | Self::Create { by, .. }
            | Self::Update { by, .. }
            | Self::Delete { by }
            | Self::AddMembers { by, .. }
            | Self::Join { user: by, .. }
            | Self::Leave { user: by }
            | Self::Remove { by, .. }
            | Self::ChangeRole { by, .. }
            | Self::TransferOwnership { by, .. }
            | Self::Ban { by, .. }
            | Self::Unban { by, .. }
            | Self::Invite { by, .. }
            | Self::CreateLink { by, .. }
            | Self::EndInvite { by, .. }
            | Self::Pin { by, .. }
            | Self::Unpin { by, .. }
            | Self::UnpinDeleted { by, .. }
            | Self::DeleteMessages { by, .. } => *by,
        }
    }
}

/// What is to change of a thread's settings; the rest stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SettingsChanges {
    /// Who can find it.
    pub visibility: Option<Visibility>,
    /// What those see who join later.
    pub history: Option<History>,
    /// The passcode that joining takes; `Some(None)` takes it away.
    pub passcode: Option<Option<PasscodeId>>,
    /// What it is called.
    pub title: Option<Title>,
    /// What it is about; `Some(None)` takes it away.
    pub description: Option<Option<Description>>,
    /// Its picture; `Some(None)` takes it away.
    pub avatar: Option<Option<FileId>>,
}
