//! Every command, what it is about, and how it is decided.

use posthaste_domain::claim::ClaimCommand;
use posthaste_domain::friendship::FriendshipCommand;
use posthaste_domain::id::SameUser;
use posthaste_domain::message::{MessageCommand, MessageContent};
use posthaste_domain::text::Email;
use posthaste_domain::thread::{Admission, ThreadCommand, ThreadRefusal};
use posthaste_domain::user::{Profile, UserCommand};
use posthaste_domain::{Claim, ClaimId, Friendship, FriendshipId, Message, MessageId, Refusal, Thread, ThreadId, User, UserId, UserPair};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::{Decision, Envelope, ExecuteError};
use crate::recorded::Hash;

/// What can be asked of the service. The actor comes with the [`Envelope`].
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Command {
    /// Become a user. The user's id is the command's id.
    RegisterUser {
        /// How others see them.
        profile: Profile,
        /// Where to write to them.
        email: Email,
    },
    /// Ask somebody to be friends, or say yes if they asked.
    RequestFriendship {
        /// Whom.
        to: UserId,
    },
    /// Say yes to somebody's request.
    AcceptFriendship {
        /// Whose.
        from: UserId,
    },
    /// Open the direct thread with a friend.
    OpenDirect {
        /// With whom.
        with: UserId,
    },
    /// Post a message. The message's id is the command's id.
    PostMessage {
        /// Into which thread.
        thread: ThreadId,
        /// What it says.
        content: MessageContent,
    },
}

impl Command {
    /// A digest of what is asked and by whom: tells a retry from another command under the same id.
    pub(super) fn fingerprint(&self, actor: Option<UserId>) -> Hash {
        let asked = serde_json::to_vec(&(actor, self)).expect("commands are plain structs with string keys");
        Sha256::digest(asked).into()
    }

    /// What the command is about.
    pub(super) fn subject(&self, envelope: Envelope) -> Result<Uuid, Refusal> {
        match self {
            Self::RegisterUser { .. } | Self::PostMessage { .. } => Ok(envelope.command.uuid()),
            Self::RequestFriendship { to: other } | Self::AcceptFriendship { from: other } => {
                Ok(FriendshipId::between(pair(envelope, *other)?).uuid())
            }
            Self::OpenDirect { with } => Ok(ThreadId::direct(pair(envelope, *with)?).uuid()),
        }
    }
}

/// The actor and another user. Nobody is nobody's pair, which the edge rules out by asking for a token.
fn pair(envelope: Envelope, other: UserId) -> Result<UserPair, SameUser> {
    UserPair::new(envelope.actor.ok_or(SameUser)?, other)
}

fn actor(envelope: Envelope) -> Result<UserId, Refusal> {
    envelope.actor.ok_or(Refusal::Thread(ThreadRefusal::NotAMember))
}

/// Decides a command, and gives the id of what it is about.
pub(super) async fn decide(decision: &mut Decision<'_>, envelope: Envelope, command: &Command) -> Result<Uuid, ExecuteError> {
    match command {
        Command::RegisterUser { profile, email } => {
            let user = UserId::new(envelope.command.uuid());
            decision.load::<User>(user).await?;
            for claim in [ClaimId::username(&profile.username), ClaimId::email(email)] {
                decision.load::<Claim>(claim).await?;
                decision.decide::<Claim>(claim, ClaimCommand::Take { claim, by: user })?;
            }
            decision.decide::<User>(user, UserCommand::Register { user, profile: profile.clone() })?;
        }
        Command::RequestFriendship { to } => {
            let pair = pair(envelope, *to).map_err(Refusal::from)?;
            decision.load::<User>(*to).await?.registered().map_err(Refusal::from)?;
            let friendship = FriendshipId::between(pair);
            decision.load::<Friendship>(friendship).await?;
            decision.decide::<Friendship>(friendship, FriendshipCommand::Request { pair, by: actor(envelope)? })?;
        }
        Command::AcceptFriendship { from } => {
            let friendship = FriendshipId::between(pair(envelope, *from).map_err(Refusal::from)?);
            decision.load::<Friendship>(friendship).await?;
            decision.decide::<Friendship>(friendship, FriendshipCommand::Accept { by: actor(envelope)? })?;
        }
        Command::OpenDirect { with } => {
            let pair = pair(envelope, *with).map_err(Refusal::from)?;
            let friends = decision.load::<Friendship>(FriendshipId::between(pair)).await?.permit().map_err(Refusal::from)?;
            let thread = ThreadId::direct(pair);
            decision.load::<Thread>(thread).await?;
            decision.decide::<Thread>(thread, ThreadCommand::OpenDirect { friends, by: actor(envelope)? })?;
        }
        Command::PostMessage { thread, content } => {
            let admission = decision.load::<Thread>(*thread).await?.admit(actor(envelope)?).map_err(Refusal::from)?;
            let permit = match admission {
                Admission::AmongFriends(friends) => {
                    let proof = decision.load::<Friendship>(friends.friendship()).await?.permit().map_err(Refusal::from)?;
                    friends.settle(proof).map_err(Refusal::from)?
                }
            };
            let message = MessageId::new(envelope.command.uuid());
            // Nearly always new, so it is not looked up: the log's check tells if it is not.
            decision.assume_new::<Message>(message).await?;
            decision.decide::<Message>(message, MessageCommand::Post { message, permit, content: content.clone() })?;
        }
    }
    Ok(command.subject(envelope)?)
}
