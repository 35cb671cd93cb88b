use chrono::{DateTime, Utc};
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::types::Example;
use poem_openapi::{Enum, Object, OpenApi};
use posthaste_application::execute::Command;
use posthaste_application::view::{self, MemberPage, ViewName};
use posthaste_domain::{InviteId, ThreadId, UserId, thread};
use uuid::Uuid;

use super::Tag;
use super::answer::{Answer, Recorded};
use super::auth::AccessToken;
use super::body::Body;
use super::call::Call;
use super::example;
use super::kinds::Role;
use super::page::{Asked, Items};
use super::problem::{Failed, failures};
use super::profile::{self, Shown};
use super::threads::parse_passcode;

pub(super) struct Members;

/// Somebody in a thread.
#[derive(Object)]
#[oai(example)]
struct Member {
    /// Who.
    user: Shown,
    /// What they are in it.
    role: Role,
    /// The position they joined at.
    joined: u64,
    /// When that was.
    joined_at: DateTime<Utc>,
}

impl Example for Member {
    fn example() -> Self {
        Self { user: profile::bob(), role: Role::Member, joined: 18, joined_at: example::noon() }
    }
}

impl From<view::Member> for Member {
    fn from(view::Member { person, role, joined, joined_at }: view::Member) -> Self {
        Self { user: person.into(), role: role.into(), joined: joined.0, joined_at }
    }
}

/// How somebody joins.
#[derive(Object)]
#[oai(deny_unknown_fields, example)]
struct Joining {
    /// By which invitation: what a link carries. One's own is found without it.
    invite: Option<Uuid>,
    /// What the thread asks of those whom no invitation lets in.
    passcode: Option<String>,
}

impl Example for Joining {
    fn example() -> Self {
        Self { invite: Some(example::INVITE), passcode: None }
    }
}

/// A role that can be given.
#[derive(Clone, Copy, Enum)]
#[oai(rename_all = "snake_case")]
enum GivenRole {
    /// Anybody in it.
    Member,
    /// Helps the owner.
    Admin,
}

impl From<GivenRole> for thread::Role {
    fn from(role: GivenRole) -> Self {
        match role {
            GivenRole::Member => Self::Member,
            GivenRole::Admin => Self::Admin,
        }
    }
}

/// What a member is to be.
#[derive(Object)]
#[oai(deny_unknown_fields, example)]
struct RoleChange {
    /// Admin or member. Who owns a thread is changed with `PUT /v1/threads/{thread}/owner`.
    role: GivenRole,
}

impl Example for RoleChange {
    fn example() -> Self {
        Self { role: GivenRole::Admin }
    }
}

/// Who is to own a thread.
#[derive(Object)]
#[oai(deny_unknown_fields, example)]
struct NewOwner {
    /// A member.
    user: Uuid,
}

impl Example for NewOwner {
    fn example() -> Self {
        Self { user: example::BOB }
    }
}

failures! { ListFailures = BEARER VIEW MEMBER }
failures! {
    JoinFailures = BODY BEARER COMMAND [
        403: "`forbidden`: the passcode is missing or wrong, or you are banned.",
        404: "`not_found`: there is no such thread, or none that you may know of, or the invitation is used up or has expired; which of them is \
              not told.",
        409: "`conflict`: the thread is full.",
        429: "`rate_limited`: too many wrong passcodes; try again later.",
    ]
}
failures! {
    LeaveFailures = BEARER COMMAND MEMBER [
        403: "`not_member`: you may know of this thread, and are not in it; `forbidden`: nobody leaves a direct thread.",
        409: "`conflict`: you own it; give it to another member first.",
    ]
}
failures! {
    MemberFailures = BODY BEARER COMMAND ROLE [
        404: "`not_found`: there is no such thread, or none that you may know of; or this user is not in it.",
    ]
}
failures! {
    RemoveFailures = BEARER COMMAND ROLE [
        403: "`forbidden`: your role does not allow this, or not towards this member, or it is a direct thread; `not_member`: you may know of \
              this thread, and are not in it.",
        404: "`not_found`: there is no such thread, or none that you may know of; or this user is not in it.",
    ]
}

#[OpenApi(prefix_path = "/v1", tag = "Tag::Members")]
impl Members {
    /// List the members of a thread
    ///
    /// Everybody who is in it, in the order of joining; those who were added together in the order of their ids. Only members may ask.
    #[oai(path = "/threads/:thread/members", method = "get", operation_id = "list_members")]
    #[allow(clippy::too_many_arguments, reason = "each is a parameter of the request")]
    async fn list(
        &self,
        token: AccessToken,
        call: Call,
        /// The thread.
        thread: Path<Uuid>,
        /// The `next` of the page before this one; the first page when absent.
        before: Query<Option<String>>,
        /// At most this many entries; 50 when absent.
        #[oai(validator(minimum(value = "1"), maximum(value = "100")))]
        limit: Query<Option<u32>>,
        /// Wait until this position has been seen.
        after: Query<Option<u64>>,
    ) -> Result<Answer<Items<Member>>, Failed<ListFailures>> {
        let thread = ThreadId::new(thread.0);
        let asked = Asked::new(before.0, limit.0)?;
        call.admit(&token, thread).await?;
        call.reached(&[ViewName::Threads, ViewName::People], after.0).await?;
        let page = MemberPage { after: asked.before(), limit: asked.limit() };
        let members = call.app.ports.views.members(thread, page).await?;
        Ok(Items::of(asked, members, |member| (member.joined, member.person.user), Member::from).into())
    }

    /// Join a thread
    ///
    /// A public one, with its passcode if it has one; or any, by an invitation of one's own or by a link. Whoever is in it already stays.
    #[oai(path = "/threads/:thread/members/me", method = "put", operation_id = "join_thread")]
    async fn join(
        &self,
        token: AccessToken,
        call: Call,
        /// The thread.
        thread: Path<Uuid>,
        /// A UUID, the same on every retry. Generated when absent.
        #[oai(name = "Idempotency-Key")]
        key: Header<Option<Uuid>>,
        body: Body<Joining>,
    ) -> Result<Answer<Recorded>, Failed<JoinFailures>> {
        let Joining { invite, passcode } = body.0;
        let (thread, invite) = (ThreadId::new(thread.0), invite.map(InviteId::new));
        let passcode = passcode.map(parse_passcode).transpose()?;
        Ok(call.command(&token, key.0, Command::JoinThread { thread, invite, passcode }).await?.into())
    }

    /// Leave a thread
    ///
    /// Receives nothing of it any more. The owner cannot, and nobody leaves a direct thread.
    #[oai(path = "/threads/:thread/members/me", method = "delete", operation_id = "leave_thread")]
    async fn leave(
        &self,
        token: AccessToken,
        call: Call,
        /// The thread.
        thread: Path<Uuid>,
        /// A UUID, the same on every retry. Generated when absent.
        #[oai(name = "Idempotency-Key")]
        key: Header<Option<Uuid>>,
    ) -> Result<Answer<Recorded>, Failed<LeaveFailures>> {
        Ok(call.command(&token, key.0, Command::LeaveThread { thread: ThreadId::new(thread.0) }).await?.into())
    }

    /// Change a member's role
    ///
    /// Makes a member an admin, or an admin a member. Takes the owner. Saying it again changes nothing.
    #[oai(path = "/threads/:thread/members/:user", method = "patch", operation_id = "change_role")]
    #[allow(clippy::too_many_arguments, reason = "each is a parameter of the request")]
    async fn change_role(
        &self,
        token: AccessToken,
        call: Call,
        /// The thread.
        thread: Path<Uuid>,
        /// The member.
        user: Path<Uuid>,
        /// A UUID, the same on every retry. Generated when absent.
        #[oai(name = "Idempotency-Key")]
        key: Header<Option<Uuid>>,
        body: Body<RoleChange>,
    ) -> Result<Answer<Recorded>, Failed<MemberFailures>> {
        let RoleChange { role } = body.0;
        let (thread, user) = (ThreadId::new(thread.0), UserId::new(user.0));
        Ok(call.command(&token, key.0, Command::ChangeRole { thread, user, role: role.into() }).await?.into())
    }

    /// Remove a member
    ///
    /// Takes the owner or an admin, and somebody of a lower rank. They are told, and receive nothing after that.
    #[oai(path = "/threads/:thread/members/:user", method = "delete", operation_id = "remove_member")]
    async fn remove(
        &self,
        token: AccessToken,
        call: Call,
        /// The thread.
        thread: Path<Uuid>,
        /// The member.
        user: Path<Uuid>,
        /// A UUID, the same on every retry. Generated when absent.
        #[oai(name = "Idempotency-Key")]
        key: Header<Option<Uuid>>,
    ) -> Result<Answer<Recorded>, Failed<RemoveFailures>> {
        let (thread, user) = (ThreadId::new(thread.0), UserId::new(user.0));
        Ok(call.command(&token, key.0, Command::RemoveMember { thread, user }).await?.into())
    }

    /// Give a thread to another member
    ///
    /// Takes the owner, who is an admin afterwards.
    #[oai(path = "/threads/:thread/owner", method = "put", operation_id = "transfer_ownership")]
    async fn transfer(
        &self,
        token: AccessToken,
        call: Call,
        /// The thread.
        thread: Path<Uuid>,
        /// A UUID, the same on every retry. Generated when absent.
        #[oai(name = "Idempotency-Key")]
        key: Header<Option<Uuid>>,
        body: Body<NewOwner>,
    ) -> Result<Answer<Recorded>, Failed<MemberFailures>> {
        let NewOwner { user } = body.0;
        let (thread, user) = (ThreadId::new(thread.0), UserId::new(user));
        Ok(call.command(&token, key.0, Command::TransferOwnership { thread, user }).await?.into())
    }
}
