use chrono::{DateTime, Utc};
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::types::Example;
use poem_openapi::{Object, OpenApi};
use posthaste_application::execute::Command;
use posthaste_application::problem::{Code, Problem};
use posthaste_application::view::{self, ViewName};
use posthaste_domain::thread::Action;
use posthaste_domain::{InviteId, ThreadId, UserId};
use uuid::Uuid;

use super::Tag;
use super::answer::{Answer, Made, Recorded};
use super::auth::AccessToken;
use super::body::Body;
use super::call::Call;
use super::example;
use super::kinds::{Kind, Look};
use super::page::{Asked, Items};
use super::problem::{Failed, failures};
use super::profile::{self, Shown};

pub(super) struct Invites;

/// An invitation to make: of a person, or a link when nobody is named.
#[derive(Object)]
#[oai(deny_unknown_fields, example)]
struct NewInvite {
    /// Who is invited. Whoever has the link, when absent.
    user: Option<Uuid>,
    /// For how long, in seconds: 1 minute to 365 days; 7 days when absent.
    expires_in_seconds: Option<u32>,
    /// By how many a link can be used, 1 to 10,000; without a limit when absent. Only a link has it.
    max_uses: Option<u32>,
}

impl Example for NewInvite {
    fn example() -> Self {
        Self { user: None, expires_in_seconds: Some(86_400), max_uses: Some(10) }
    }
}

/// An open invitation into a thread.
#[derive(Object)]
#[oai(example)]
struct Invite {
    /// The invitation; what a link carries: whoever knows it can join.
    id: Uuid,
    /// Who is invited; null for a link.
    user: Option<Shown>,
    /// Who made it.
    by: Uuid,
    /// Until when it can be used.
    expires_at: DateTime<Utc>,
    /// By how many a link can be used; null when there is no limit, and for a person.
    max_uses: Option<u32>,
    /// How many have used it.
    uses: u32,
    /// The position of its making.
    created: u64,
    /// When that was.
    created_at: DateTime<Utc>,
}

impl Example for Invite {
    fn example() -> Self {
        Self {
            id: example::INVITE,
            user: None,
            by: example::ALICE,
            expires_at: example::noon() + chrono::TimeDelta::days(1),
            max_uses: Some(10),
            uses: 2,
            created: 33,
            created_at: example::noon(),
        }
    }
}

impl From<view::Invite> for Invite {
    fn from(view::Invite { invite, by, person, expires_at, max_uses, uses, created, created_at }: view::Invite) -> Self {
        let (user, by) = (person.map(Shown::from), by.uuid());
        Self { id: invite.uuid(), user, by, expires_at, max_uses, uses, created: created.0, created_at }
    }
}

/// An open invitation of oneself.
#[derive(Object)]
#[oai(example)]
struct Invitation {
    /// The invitation.
    id: Uuid,
    /// Into which thread.
    thread: Uuid,
    /// What kind of thread it is.
    kind: Kind,
    /// What it is called; null when it was erased.
    title: Option<String>,
    /// What it is about; null when nobody has said.
    description: Option<String>,
    /// Its picture, a file; null when it has none.
    avatar: Option<Uuid>,
    /// How many members it has.
    members: u64,
    /// Who invites.
    by: Shown,
    /// Until when it can be accepted.
    expires_at: DateTime<Utc>,
    /// The position of its making.
    created: u64,
    /// When that was.
    created_at: DateTime<Utc>,
}

impl Example for Invitation {
    fn example() -> Self {
        Self {
            id: example::INVITE,
            thread: example::GROUP,
            kind: Kind::Group,
            title: Some("Saturday's hike".to_owned()),
            description: Some("Bring water.".to_owned()),
            avatar: None,
            members: 3,
            by: profile::bob(),
            expires_at: example::noon() + chrono::TimeDelta::days(7),
            created: 33,
            created_at: example::noon(),
        }
    }
}

impl From<view::Invitation> for Invitation {
    fn from(invitation: view::Invitation) -> Self {
        let Look { title, description, avatar } = invitation.appearance.into();
        Self {
            id: invitation.invite.uuid(),
            thread: invitation.thread.uuid(),
            kind: invitation.kind.into(),
            title,
            description,
            avatar,
            members: u64::from(invitation.members),
            by: invitation.by.into(),
            expires_at: invitation.expires_at,
            created: invitation.created.0,
            created_at: invitation.created_at,
        }
    }
}

failures! { ListFailures = BEARER VIEW ROLE }
failures! { MineFailures = BEARER VIEW }
failures! {
    InviteFailures = BODY BEARER COMMAND ROLE [
        403: "`forbidden`: your role does not allow this, or the user is banned, or it is a direct thread; `blocked`: one of you has blocked the \
              other; `not_member`: you may know of this thread, and are not in it.",
        404: "`not_found`: there is no such thread, or none that you may know of; or there is no such user.",
        409: "`conflict`: the user is in the thread already, or too many invitations are open.",
    ]
}
failures! {
    EndFailures = BEARER COMMAND ROLE [
        404: "`not_found`: there is no such thread, or none that you may know of; or it has no such invitation any more.",
    ]
}

#[OpenApi(prefix_path = "/v1", tag = "Tag::Members")]
impl Invites {
    /// List the invitations into a thread
    ///
    /// Those that are open, to persons and by link, the latest first. Takes the owner or an admin.
    #[oai(path = "/threads/:thread/invites", method = "get", operation_id = "list_invites")]
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
    ) -> Result<Answer<Items<Invite>>, Failed<ListFailures>> {
        let thread = ThreadId::new(thread.0);
        let asked = Asked::new(before.0, limit.0)?;
        call.permit(&token, thread, Action::ManageInvites).await?;
        call.reached(&[ViewName::Threads, ViewName::People], after.0).await?;
        let now = call.app.ports.clock.now();
        let invites = call.app.ports.views.invites(thread, now, asked.page()).await?;
        Ok(Items::of(asked, invites, |invite| invite.created, Invite::from).into())
    }

    /// Invite a person, or make a link
    ///
    /// With `user`, invites this person, who is told; an invitation of theirs that is open is replaced. Every member of a group can, and the owner
    /// and admins of a channel. Without, makes a link that whoever has it can join by, which takes the owner or an admin. The invitation's id is
    /// the `Idempotency-Key`, and what a link carries: keep it secret, and choose it at random.
    #[oai(path = "/threads/:thread/invites", method = "post", operation_id = "create_invite")]
    async fn create(
        &self,
        token: AccessToken,
        call: Call,
        /// The thread.
        thread: Path<Uuid>,
        /// The invitation's id: a UUID, the same on every retry. Generated when absent; then the request cannot be retried.
        #[oai(name = "Idempotency-Key")]
        key: Header<Option<Uuid>>,
        body: Body<NewInvite>,
    ) -> Result<Made, Failed<InviteFailures>> {
        let NewInvite { user, expires_in_seconds, max_uses } = body.0;
        let thread = ThreadId::new(thread.0);
        let command = match user.map(UserId::new) {
            Some(user) if max_uses.is_none() => Command::InviteUser { thread, user, expires_in_seconds },
            Some(_) => return Err(Problem::with(Code::Validation, "`max_uses` is for a link, which names no `user`").into()),
            None => Command::CreateLink { thread, expires_in_seconds, max_uses },
        };
        Ok(call.command(&token, key.0, command).await?.into())
    }

    /// Decline or revoke an invitation
    ///
    /// As the invited, says no. Otherwise takes it back, which takes the owner or an admin.
    #[oai(path = "/threads/:thread/invites/:invite", method = "delete", operation_id = "end_invite")]
    async fn end(
        &self,
        token: AccessToken,
        call: Call,
        /// The thread.
        thread: Path<Uuid>,
        /// The invitation.
        invite: Path<Uuid>,
        /// A UUID, the same on every retry. Generated when absent.
        #[oai(name = "Idempotency-Key")]
        key: Header<Option<Uuid>>,
    ) -> Result<Answer<Recorded>, Failed<EndFailures>> {
        let (thread, invite) = (ThreadId::new(thread.0), InviteId::new(invite.0));
        Ok(call.command(&token, key.0, Command::EndInvite { thread, invite }).await?.into())
    }

    /// List my invitations
    ///
    /// The open invitations of oneself, the latest first. Accept one by joining the thread.
    #[oai(path = "/invitations", method = "get", operation_id = "list_invitations")]
    async fn mine(
        &self,
        token: AccessToken,
        call: Call,
        /// The `next` of the page before this one; the first page when absent.
        before: Query<Option<String>>,
        /// At most this many entries; 50 when absent.
        #[oai(validator(minimum(value = "1"), maximum(value = "100")))]
        limit: Query<Option<u32>>,
        /// Wait until this position has been seen.
        after: Query<Option<u64>>,
    ) -> Result<Answer<Items<Invitation>>, Failed<MineFailures>> {
        let asked = Asked::new(before.0, limit.0)?;
        call.reached(&[ViewName::Threads, ViewName::People], after.0).await?;
        let now = call.app.ports.clock.now();
        let invitations = call.app.ports.views.invitations(token.0.user, now, asked.page()).await?;
        Ok(Items::of(asked, invitations, |invitation| invitation.created, Invitation::from).into())
    }
}
