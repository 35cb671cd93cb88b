//! Every command there is: what clients can ask, over REST and as the `op`s of the socket. The names and fields are the contract on the wire.

use posthaste_domain::message::MessageContent;
use posthaste_domain::text::{Description, Email, Emoji, Title};
use posthaste_domain::thread::{History, Role, SharedKind, Visibility};
use posthaste_domain::user::{Circle, Profile};
use posthaste_domain::{DeviceId, FileId, InviteId, MessageId, SessionId, ThreadId, UserId};
use serde::{Deserialize, Deserializer, Serialize};

use super::passcode::Passcode;
use crate::recorded::Position;

/// What can be asked of the service. The actor comes with the [`Envelope`](super::Envelope). In JSON a command is its `op` and its body.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(tag = "op", content = "body"))]
#[serde(deny_unknown_fields)]
pub enum Command {
    /// Become a user. The user's id is the command's id.
    #[serde(rename = "user.register", skip_deserializing)]
    RegisterUser {
        /// How others see them.
        profile: Profile,
        /// Where to write to them.
        email: Email,
    },
    /// End one of one's logins, on every device that uses it. Over a socket of that very login the answer may not come any more.
    #[serde(rename = "user.revoke_session")]
    RevokeSession {
        /// Which.
        session: SessionId,
    },
    /// Take note that what is sent to one's email address reaches one, which somebody has shown with a token that was sent there.
    #[serde(rename = "user.verify_email", skip_deserializing)]
    VerifyEmail {},
    /// Say what others may know of one's comings and goings.
    #[serde(rename = "user.set_privacy")]
    SetPrivacy {
        /// Who may see whether one is online.
        presence: Circle,
        /// Who of those may see when one was online last.
        last_seen: Circle,
        /// Whether others are told what one has read.
        read_receipts: bool,
    },
    /// Ask somebody to be friends, or say yes if they asked.
    #[serde(rename = "friendship.request")]
    RequestFriendship {
        /// Whom.
        user: UserId,
    },
    /// Say yes to somebody's request.
    #[serde(rename = "friendship.accept")]
    AcceptFriendship {
        /// Whose.
        user: UserId,
    },
    /// Say no to somebody's request; they cannot ask again for a while.
    #[serde(rename = "friendship.decline")]
    DeclineFriendship {
        /// Whose.
        user: UserId,
    },
    /// Take one's own request back.
    #[serde(rename = "friendship.cancel")]
    CancelFriendship {
        /// To whom it was.
        user: UserId,
    },
    /// End a friendship.
    #[serde(rename = "friendship.end")]
    EndFriendship {
        /// With whom.
        user: UserId,
    },
    /// Hear nothing from somebody. Ends what is between the two; they are not told that they are blocked.
    #[serde(rename = "friendship.block")]
    BlockUser {
        /// From whom.
        user: UserId,
    },
    /// Be ready to hear from somebody again.
    #[serde(rename = "friendship.unblock")]
    UnblockUser {
        /// From whom.
        user: UserId,
    },
    /// Open the direct thread with somebody; finds it if it is open.
    #[serde(rename = "thread.open_direct")]
    OpenDirect {
        /// With whom.
        user: UserId,
    },
    /// Create a group or channel and own it. The thread's id is the command's id.
    #[serde(rename = "thread.create")]
    CreateThread {
        /// Group or channel.
        kind: SharedKind,
        /// What it is called.
        title: Title,
        /// What it is about.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        description: Option<Description>,
        /// Its picture.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        avatar: Option<FileId>,
        /// Who can find it; only a channel can be public.
        #[serde(default)]
        visibility: Visibility,
        /// What those see who join later.
        #[serde(default)]
        history: History,
        /// The first members beside the owner, up to 1,000; who cannot be added is left out.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        members: Vec<UserId>,
    },
    /// Change a thread's settings; what is absent stays.
    #[serde(rename = "thread.update")]
    UpdateThread {
        /// Which thread.
        thread: ThreadId,
        /// The revision it must have; any when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        revision: Option<u32>,
        /// What it is called.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        title: Option<Title>,
        /// What it is about; null takes it away.
        #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
        description: Option<Option<Description>>,
        /// Its picture; null takes it away.
        #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
        avatar: Option<Option<FileId>>,
        /// Who can find it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        visibility: Option<Visibility>,
        /// What those see who join later.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        history: Option<History>,
        /// What joining takes; null takes it away. A secret: it enters neither the log nor the command's fingerprint.
        #[serde(default, deserialize_with = "present", skip_serializing)]
        passcode: Option<Option<Passcode>>,
    },
    /// Delete a thread. Its members are told; nothing more happens in it.
    #[serde(rename = "thread.delete")]
    DeleteThread {
        /// Which thread.
        thread: ThreadId,
    },
    /// Add members, up to 1,000 at once; who cannot be added is left out.
    #[serde(rename = "thread.add_members")]
    AddMembers {
        /// To which thread.
        thread: ThreadId,
        /// Whom.
        users: Vec<UserId>,
    },
    /// Join: a public thread, or by an invitation.
    #[serde(rename = "thread.join")]
    JoinThread {
        /// Which thread.
        thread: ThreadId,
        /// By which invitation.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        invite: Option<InviteId>,
        /// What the thread asks of those who join without an invitation. A secret, see [`Command::UpdateThread`].
        #[serde(default, skip_serializing)]
        passcode: Option<Passcode>,
    },
    /// Leave a thread.
    #[serde(rename = "thread.leave")]
    LeaveThread {
        /// Which thread.
        thread: ThreadId,
    },
    /// Remove a member.
    #[serde(rename = "thread.remove_member")]
    RemoveMember {
        /// From which thread.
        thread: ThreadId,
        /// Whom.
        user: UserId,
    },
    /// Make a member an admin, or an admin a member.
    #[serde(rename = "thread.change_role")]
    ChangeRole {
        /// In which thread.
        thread: ThreadId,
        /// Whose.
        user: UserId,
        /// Admin or member.
        role: Role,
    },
    /// Give one's thread to another member, and be an admin.
    #[serde(rename = "thread.transfer_ownership")]
    TransferOwnership {
        /// Which thread.
        thread: ThreadId,
        /// To whom.
        user: UserId,
    },
    /// Keep somebody out of a thread, and remove them if they are in it.
    #[serde(rename = "thread.ban")]
    BanUser {
        /// Which thread.
        thread: ThreadId,
        /// Whom.
        user: UserId,
    },
    /// Lift a ban.
    #[serde(rename = "thread.unban")]
    UnbanUser {
        /// Which thread.
        thread: ThreadId,
        /// Whose.
        user: UserId,
    },
    /// Invite a person. The invitation's id is the command's id.
    #[serde(rename = "thread.invite")]
    InviteUser {
        /// Into which thread.
        thread: ThreadId,
        /// Whom.
        user: UserId,
        /// For how long, in seconds: 1 minute to 365 days; 7 days when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expires_in_seconds: Option<u32>,
    },
    /// Make a link to join by. The invitation's id is the command's id, and what the link carries.
    #[serde(rename = "thread.create_link")]
    CreateLink {
        /// Into which thread.
        thread: ThreadId,
        /// For how long, in seconds: 1 minute to 365 days; 7 days when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expires_in_seconds: Option<u32>,
        /// By how many it can be used, 1 to 10,000; without a limit when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max_uses: Option<u32>,
    },
    /// Say no to an invitation, as the invited; take it back, as who may invite.
    #[serde(rename = "thread.end_invite")]
    EndInvite {
        /// Into which thread.
        thread: ThreadId,
        /// Which.
        invite: InviteId,
    },
    /// Pin a message.
    #[serde(rename = "thread.pin")]
    PinMessage {
        /// In which thread.
        thread: ThreadId,
        /// Which.
        message: MessageId,
    },
    /// Take a pinned message down.
    #[serde(rename = "thread.unpin")]
    UnpinMessage {
        /// In which thread.
        thread: ThreadId,
        /// Which.
        message: MessageId,
    },
    /// Delete 1 to 100 messages at once: all of them, or none.
    #[serde(rename = "thread.delete_messages")]
    DeleteMessages {
        /// In which thread.
        thread: ThreadId,
        /// Which.
        messages: Vec<MessageId>,
    },
    /// Post a message. The message's id is the command's id.
    #[serde(rename = "message.post")]
    PostMessage {
        /// Into which thread.
        thread: ThreadId,
        /// What it says.
        content: MessageContent,
        /// The message of the same thread that it answers.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reply_to: Option<MessageId>,
        /// Who is mentioned, up to 50.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        mentions: Vec<UserId>,
    },
    /// Post what another message says. The new message's id is the command's id.
    #[serde(rename = "message.forward")]
    ForwardMessage {
        /// Into which thread.
        thread: ThreadId,
        /// Which message, of a thread one is in.
        message: MessageId,
    },
    /// Change what one's message says.
    #[serde(rename = "message.edit")]
    EditMessage {
        /// Which.
        message: MessageId,
        /// What it says now.
        content: MessageContent,
        /// Who is mentioned now, up to 50.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        mentions: Vec<UserId>,
        /// The revision it must have; any when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        revision: Option<u32>,
    },
    /// Delete a message: one's own, or as a moderator of the thread.
    #[serde(rename = "message.delete")]
    DeleteMessage {
        /// Which.
        message: MessageId,
    },
    /// React to a message.
    #[serde(rename = "message.react")]
    React {
        /// Which.
        message: MessageId,
        /// With what.
        emoji: Emoji,
    },
    /// Take a reaction back.
    #[serde(rename = "message.unreact")]
    Unreact {
        /// Which message.
        message: MessageId,
        /// Which reaction.
        emoji: Emoji,
    },
    /// Everything in a thread up to a position is read. Asked through [`crate::read`], which gathers what comes in a burst.
    #[serde(rename = "subscription.read", skip_deserializing)]
    ReadUpTo {
        /// Which thread.
        thread: ThreadId,
        /// Inclusive.
        upto: Position,
        /// On which of the actor's devices, when it is said by one.
        device: Option<DeviceId>,
    },
    /// Want no noise from a thread.
    #[serde(rename = "subscription.mute")]
    MuteThread {
        /// Which.
        thread: ThreadId,
    },
    /// Want to hear of a thread again.
    #[serde(rename = "subscription.unmute")]
    UnmuteThread {
        /// Which.
        thread: ThreadId,
    },
    /// Put a thread out of sight.
    #[serde(rename = "subscription.archive")]
    ArchiveThread {
        /// Which.
        thread: ThreadId,
    },
    /// Take a thread back into sight.
    #[serde(rename = "subscription.unarchive")]
    UnarchiveThread {
        /// Which.
        thread: ThreadId,
    },
}

/// Tells a field that is null from one that is absent.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(field: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(field).map(Some)
}
