//! How each command is decided: what it rests on is loaded, and the aggregates say yes or no.

use chrono::{DateTime, TimeDelta, Utc};
use posthaste_domain::claim::ClaimCommand;
use posthaste_domain::friendship::{FriendshipCommand, FriendshipRefusal};
use posthaste_domain::id::SameUser;
use posthaste_domain::message::{MessageCommand, MessageRefusal};
use posthaste_domain::subscription::{SubscriptionChange, SubscriptionCommand};
use posthaste_domain::text::Email;
use posthaste_domain::thread::{ADD_LIMIT, Admission, Appearance, PostPermit, ReactPermit, SettingsChanges, ThreadCommand, ThreadRefusal};
use posthaste_domain::user::{Privacy, Profile, UserCommand};
use posthaste_domain::{
    Claim, ClaimId, Friendship, FriendshipId, InviteId, Message, MessageId, PasscodeId, Refusal, Subscription, SubscriptionId, Thread,
    ThreadId, User, UserId, UserPair,
};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::sight::{see, see_all};
use super::{Command, Decidable, Decision, Envelope, ExecuteError};
use crate::recorded::Hash;

impl Decidable for Command {
    fn fingerprint(&self, actor: Option<UserId>) -> Hash {
        let asked = serde_json::to_vec(&(actor, self)).expect("commands are plain structs with string keys");
        Sha256::digest(asked).into()
    }

    fn subject(&self, envelope: Envelope) -> Result<Uuid, Refusal> {
        match self {
            Self::RegisterUser { .. }
            | Self::CreateThread { .. }
            | Self::InviteUser { .. }
            | Self::CreateLink { .. }
            | Self::PostMessage { .. }
            | Self::ForwardMessage { .. } => Ok(envelope.command.uuid()),
            Self::RevokeSession { session } => Ok(session.uuid()),
            Self::VerifyEmail {} | Self::SetPrivacy { .. } => Ok(actor(envelope)?.uuid()),
            Self::RequestFriendship { user }
            | Self::AcceptFriendship { user }
            | Self::DeclineFriendship { user }
            | Self::CancelFriendship { user }
            | Self::EndFriendship { user }
            | Self::BlockUser { user }
            | Self::UnblockUser { user } => Ok(FriendshipId::between(pair(envelope, *user)?).uuid()),
            Self::OpenDirect { user } => Ok(ThreadId::direct(pair(envelope, *user)?).uuid()),
            Self::UpdateThread { thread, .. }
            | Self::DeleteThread { thread }
            | Self::AddMembers { thread, .. }
            | Self::JoinThread { thread, .. }
            | Self::LeaveThread { thread }
            | Self::RemoveMember { thread, .. }
            | Self::ChangeRole { thread, .. }
            | Self::TransferOwnership { thread, .. }
            | Self::BanUser { thread, .. }
            | Self::UnbanUser { thread, .. }
            | Self::DeleteMessages { thread, .. } => Ok(thread.uuid()),
            Self::EndInvite { invite, .. } => Ok(invite.uuid()),
            Self::PinMessage { message, .. }
            | Self::UnpinMessage { message, .. }
            | Self::EditMessage { message, .. }
            | Self::DeleteMessage { message }
            | Self::React { message, .. }
            | Self::Unreact { message, .. } => Ok(message.uuid()),
            Self::ReadUpTo { thread, .. }
            | Self::MuteThread { thread }
            | Self::UnmuteThread { thread }
            | Self::ArchiveThread { thread }
            | Self::UnarchiveThread { thread } => Ok(SubscriptionId::of(actor(envelope)?, *thread).uuid()),
        }
    }

    async fn decide(&self, decision: &mut Decision<'_>, envelope: Envelope) -> Result<Uuid, ExecuteError> {
        decide(decision, envelope, self).await
    }
}

/// Decides a command, and gives the id of what it is about.
async fn decide(on: &mut Decision<'_>, envelope: Envelope, command: &Command) -> Result<Uuid, ExecuteError> {
    if let Command::RegisterUser { profile, email } = command {
        register(on, UserId::new(envelope.command.uuid()), profile, email).await?;
        return Ok(command.subject(envelope)?);
    }
    let by = actor(envelope)?;
    // So whatever is recorded of them was asked for by somebody who was not suspended at that position.
    on.load::<User>(by).await?.active()?;
    let at = envelope.at;
    let until = at + on.rules().decline_cool_down;
    match command {
        Command::RegisterUser { .. } => {}
        Command::RevokeSession { session } => {
            on.load::<User>(by).await?;
            on.decide::<User>(by, UserCommand::RevokeSession { user: by, session: *session })?;
        }
        Command::VerifyEmail {} => {
            on.load::<User>(by).await?;
            on.decide::<User>(by, UserCommand::VerifyEmail { user: by })?;
        }
        Command::SetPrivacy { presence, last_seen, read_receipts } => {
            let privacy = Privacy { presence: *presence, last_seen: *last_seen, read_receipts: *read_receipts };
            on.load::<User>(by).await?;
            on.decide::<User>(by, UserCommand::SetPrivacy { user: by, privacy })?;
        }
        Command::RequestFriendship { user } => {
            on.peek::<User>(*user).await?.staying()?;
            friendship(on, envelope, *user, |pair| FriendshipCommand::Request { pair, by, at }).await?;
        }
        Command::AcceptFriendship { user } => friendship(on, envelope, *user, |_| FriendshipCommand::Accept { by }).await?,
        Command::DeclineFriendship { user } => friendship(on, envelope, *user, |_| FriendshipCommand::Decline { by, until }).await?,
        Command::CancelFriendship { user } => friendship(on, envelope, *user, |_| FriendshipCommand::Cancel { by }).await?,
        Command::EndFriendship { user } => friendship(on, envelope, *user, |_| FriendshipCommand::End { by }).await?,
        Command::BlockUser { user } => {
            on.peek::<User>(*user).await?.registered()?;
            friendship(on, envelope, *user, |pair| FriendshipCommand::Block { pair, by, until }).await?;
        }
        Command::UnblockUser { user } => friendship(on, envelope, *user, |_| FriendshipCommand::Unblock { by }).await?,
        Command::OpenDirect { user } => {
            let pair = pair(envelope, *user)?;
            on.peek::<User>(*user).await?.staying()?;
            let permit = on.load::<Friendship>(FriendshipId::between(pair)).await?.direct(pair, on.rules().direct)?;
            thread(on, ThreadId::direct(pair), ThreadCommand::OpenDirect { permit, by }).await?;
        }
        Command::CreateThread { kind, title, description, avatar, visibility, history, members } => {
            let id = ThreadId::new(envelope.command.uuid());
            let members = reachable(on, by, members).await?;
            let (title, description) = (title.clone(), description.clone());
            let appearance = Appearance { title, description, avatar: *avatar };
            let (kind, visibility, history) = (*kind, *visibility, *history);
            let create = ThreadCommand::Create { thread: id, by, kind, members, visibility, history, appearance };
            on.assume_new::<Thread>(id).await?;
            on.decide::<Thread>(id, create)?;
        }
        Command::UpdateThread { thread: id, revision, title, description, avatar, visibility, history, passcode } => {
            let new_passcode = PasscodeId::new(envelope.command.uuid());
            let changes = SettingsChanges {
                visibility: *visibility,
                history: *history,
                passcode: passcode.as_ref().map(|passcode| passcode.as_ref().map(|_| new_passcode)),
                title: title.clone(),
                description: description.clone(),
                avatar: *avatar,
            };
            thread(on, *id, ThreadCommand::Update { by, revision: *revision, changes }).await?;
            // Only once it is allowed; and before the event, so that a passcode that is named can always be checked.
            if let Some(Some(passcode)) = passcode {
                on.doorkeeper().keep(new_passcode, passcode).await?;
            }
        }
        Command::DeleteThread { thread: id } => thread(on, *id, ThreadCommand::Delete { by }).await?,
        Command::AddMembers { thread: id, users } => {
            on.load::<Thread>(*id).await?.member(by)?;
            let users = reachable(on, by, users).await?;
            thread(on, *id, ThreadCommand::AddMembers { by, users }).await?;
        }
        Command::JoinThread { thread: id, invite, passcode } => {
            let asked = on.load::<Thread>(*id).await?.glance(by, *invite, at).and_then(|glance| glance.passcode);
            let passcode = match (asked, passcode) {
                (Some(asked), Some(passcode)) => on.doorkeeper().check(asked, passcode, *id, envelope).await?,
                (Some(_) | None, _) => None,
            };
            thread(on, *id, ThreadCommand::Join { user: by, invite: *invite, passcode, at }).await?;
        }
        Command::LeaveThread { thread: id } => thread(on, *id, ThreadCommand::Leave { user: by }).await?,
        Command::RemoveMember { thread: id, user } => thread(on, *id, ThreadCommand::Remove { by, user: *user }).await?,
        Command::ChangeRole { thread: id, user, role } => {
            thread(on, *id, ThreadCommand::ChangeRole { by, user: *user, role: *role }).await?;
        }
        Command::TransferOwnership { thread: id, user } => {
            thread(on, *id, ThreadCommand::TransferOwnership { by, to: *user }).await?;
            // Where it is recorded: whoever is leaving has passed on what they owned, and is not to be given more.
            on.load::<User>(*user).await?.staying()?;
        }
        Command::BanUser { thread: id, user } => thread(on, *id, ThreadCommand::Ban { by, user: *user }).await?,
        Command::UnbanUser { thread: id, user } => thread(on, *id, ThreadCommand::Unban { by, user: *user }).await?,
        Command::InviteUser { thread: id, user, expires_in_seconds } => {
            on.load::<Thread>(*id).await?.member(by)?;
            on.peek::<User>(*user).await?.staying()?;
            if let Ok(pair) = pair(envelope, *user)
                && on.load::<Friendship>(FriendshipId::between(pair)).await?.is_blocked()
            {
                return Err(FriendshipRefusal::Blocked.into());
            }
            let expires_at = expiry(envelope, *expires_in_seconds);
            let invite = InviteId::new(envelope.command.uuid());
            thread(on, *id, ThreadCommand::Invite { by, invite, user: *user, at, expires_at }).await?;
        }
        Command::CreateLink { thread: id, expires_in_seconds, max_uses } => {
            let expires_at = expiry(envelope, *expires_in_seconds);
            let invite = InviteId::new(envelope.command.uuid());
            thread(on, *id, ThreadCommand::CreateLink { by, invite, at, expires_at, max_uses: *max_uses }).await?;
        }
        Command::EndInvite { thread: id, invite } => thread(on, *id, ThreadCommand::EndInvite { by, invite: *invite }).await?,
        Command::PinMessage { thread: id, message } => {
            let seen = see(on, by, *message).await?.within(*id)?;
            seen.standing()?;
            thread(on, *id, ThreadCommand::Pin { by, message: *message }).await?;
        }
        Command::UnpinMessage { thread: id, message } => {
            see(on, by, *message).await?.within(*id)?;
            thread(on, *id, ThreadCommand::Unpin { by, message: *message }).await?;
        }
        Command::DeleteMessages { thread: id, messages } => {
            on.load::<Thread>(*id).await?.member(by)?;
            let messages = see_all(on, by, *id, messages).await?;
            thread(on, *id, ThreadCommand::DeleteMessages { by, messages }).await?;
        }
        Command::PostMessage { thread: id, content, reply_to, mentions } => {
            let permit = permit(on, *id, by).await?;
            if let Some(answered) = reply_to {
                see(on, by, *answered).await?.within(*id)?.standing()?;
            }
            let (reply_to, mentions, content) = (*reply_to, mentions.clone(), content.clone());
            post(on, envelope, |message| MessageCommand::Post { message, permit, reply_to, mentions, forwarded: None, content }).await?;
        }
        Command::ForwardMessage { thread: id, message: source } => {
            let permit = permit(on, *id, by).await?;
            let seen = see(on, by, *source).await?;
            let standing = seen.standing()?;
            let origin = standing.origin();
            // The words stay those of whoever wrote them, so it must hold where they are recorded that their author was not erased.
            on.load::<User>(origin.author).await?.unerased().map_err(|_| MessageRefusal::NotFound)?;
            let content = standing.content.known().cloned().ok_or(MessageRefusal::NotFound)?;
            let forwarded = Some(origin);
            let mentions = Vec::new();
            post(on, envelope, |message| MessageCommand::Post { message, permit, reply_to: None, mentions, forwarded, content }).await?;
        }
        Command::EditMessage { message: id, content, mentions, revision } => {
            let seen = see(on, by, *id).await?;
            seen.standing()?;
            let permit = permit(on, seen.thread_id, by).await?;
            let (revision, mentions, content) = (*revision, mentions.clone(), content.clone());
            on.decide::<Message>(*id, MessageCommand::Edit { permit, revision, mentions, content })?;
        }
        Command::DeleteMessage { message: id } => delete(on, by, *id).await?,
        Command::React { message, emoji } => {
            let emoji = emoji.clone();
            reaction(on, by, *message, |permit| MessageCommand::React { permit, emoji }).await?;
        }
        Command::Unreact { message, emoji } => {
            let emoji = emoji.clone();
            reaction(on, by, *message, |permit| MessageCommand::Unreact { permit, emoji }).await?;
        }
        Command::ReadUpTo { thread, upto, device } => {
            subscription(on, by, *thread, SubscriptionChange::Read { upto: upto.0, device: *device }).await?
        }
        Command::MuteThread { thread } => subscription(on, by, *thread, SubscriptionChange::Mute(true)).await?,
        Command::UnmuteThread { thread } => subscription(on, by, *thread, SubscriptionChange::Mute(false)).await?,
        Command::ArchiveThread { thread } => subscription(on, by, *thread, SubscriptionChange::Archive(true)).await?,
        Command::UnarchiveThread { thread } => subscription(on, by, *thread, SubscriptionChange::Archive(false)).await?,
    }
    Ok(command.subject(envelope)?)
}

async fn register(on: &mut Decision<'_>, user: UserId, profile: &Profile, email: &Email) -> Result<(), ExecuteError> {
    on.load::<User>(user).await?;
    for claim in [ClaimId::username(&profile.username), ClaimId::email(email)] {
        on.load::<Claim>(claim).await?;
        on.decide::<Claim>(claim, ClaimCommand::Take { claim, by: user })?;
    }
    on.decide::<User>(user, UserCommand::Register { user, profile: profile.clone() })
}

async fn friendship(
    on: &mut Decision<'_>,
    envelope: Envelope,
    other: UserId,
    command: impl FnOnce(UserPair) -> FriendshipCommand,
) -> Result<(), ExecuteError> {
    let pair = pair(envelope, other)?;
    let friendship = FriendshipId::between(pair);
    on.load::<Friendship>(friendship).await?;
    on.decide::<Friendship>(friendship, command(pair))
}

async fn thread(on: &mut Decision<'_>, thread: ThreadId, command: ThreadCommand) -> Result<(), ExecuteError> {
    on.load::<Thread>(thread).await?;
    on.decide::<Thread>(thread, command)
}

async fn subscription(on: &mut Decision<'_>, user: UserId, thread: ThreadId, change: SubscriptionChange) -> Result<(), ExecuteError> {
    on.load::<Thread>(thread).await?.member(user)?;
    let subscription = SubscriptionId::of(user, thread);
    on.load::<Subscription>(subscription).await?;
    on.decide::<Subscription>(subscription, SubscriptionCommand { thread, user, change })
}

/// Proof that the author may write in the thread. In a direct thread it rests on what is between the two.
async fn permit(on: &mut Decision<'_>, thread: ThreadId, author: UserId) -> Result<PostPermit, ExecuteError> {
    match on.load::<Thread>(thread).await?.admit(author)? {
        Admission::Granted(permit) => Ok(permit),
        Admission::BetweenTwo(two) => {
            let direct = on.load::<Friendship>(two.friendship()).await?.direct(two.pair(), on.rules().direct)?;
            Ok(two.settle(direct)?)
        }
    }
}

async fn post(on: &mut Decision<'_>, envelope: Envelope, command: impl FnOnce(MessageId) -> MessageCommand) -> Result<(), ExecuteError> {
    let message = MessageId::new(envelope.command.uuid());
    // Nearly always new, so it is not looked up: the log's check tells if it is not.
    on.assume_new::<Message>(message).await?;
    on.decide::<Message>(message, command(message))
}

async fn reaction(
    on: &mut Decision<'_>,
    by: UserId,
    message: MessageId,
    command: impl FnOnce(ReactPermit) -> MessageCommand,
) -> Result<(), ExecuteError> {
    let seen = see(on, by, message).await?;
    seen.standing()?;
    let permit = seen.thread.react(seen.thread_id, by)?;
    on.decide::<Message>(message, command(permit))
}

async fn delete(on: &mut Decision<'_>, by: UserId, message: MessageId) -> Result<(), ExecuteError> {
    let seen = see(on, by, message).await?;
    if seen.thread.has_deleted(message) {
        on.holds_since(seen.thread.position);
        return Ok(());
    }
    let permit = seen.thread.moderate(seen.thread_id, by)?;
    on.decide::<Message>(message, MessageCommand::Delete { permit })?;
    if seen.thread.pins().contains(&message) {
        on.decide::<Thread>(seen.thread_id, ThreadCommand::UnpinDeleted { by, message })?;
    }
    Ok(())
}

/// Those of these users who are registered, are not leaving, and whom the actor can reach: nobody has blocked the other. The actor is left out; who
/// is named twice is one to the thread.
async fn reachable(on: &mut Decision<'_>, actor: UserId, users: &[UserId]) -> Result<Vec<UserId>, ExecuteError> {
    // The thread says so as well, and only once everybody was looked up.
    if users.len() > ADD_LIMIT {
        return Err(ThreadRefusal::BadCount.into());
    }
    let pairs: Vec<_> = users.iter().filter_map(|user| Some((*user, UserPair::new(actor, *user).ok()?))).collect();
    let registered = on.peek_all::<User>(pairs.iter().map(|(user, _)| *user)).await?;
    let friendships = on.load_all::<Friendship>(pairs.iter().map(|(_, pair)| FriendshipId::between(*pair))).await?;
    let known = pairs.into_iter().zip(registered).zip(friendships);
    let reachable = known.filter(|((_, registered), friendship)| registered.staying().is_ok() && !friendship.is_blocked());
    Ok(reachable.map(|(((user, _), _), _)| user).collect())
}

/// When an invitation ends that is made now.
fn expiry(envelope: Envelope, seconds: Option<u32>) -> DateTime<Utc> {
    const WEEK: u32 = 7 * 24 * 60 * 60;
    envelope.at + TimeDelta::seconds(i64::from(seconds.unwrap_or(WEEK)))
}

/// The actor and another user. Nobody is nobody's pair, which the edge rules out by asking for a token.
fn pair(envelope: Envelope, other: UserId) -> Result<UserPair, SameUser> {
    UserPair::new(envelope.actor.ok_or(SameUser)?, other)
}

pub(super) fn actor(envelope: Envelope) -> Result<UserId, Refusal> {
    envelope.actor.ok_or(Refusal::Thread(ThreadRefusal::NotFound))
}
