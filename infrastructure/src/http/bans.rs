use chrono::{DateTime, Utc};
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::types::Example;
use poem_openapi::{Object, OpenApi};
use posthaste_application::execute::Command;
use posthaste_application::view::{self, ViewName};
use posthaste_domain::thread::Action;
use posthaste_domain::{ThreadId, UserId};
use uuid::Uuid;

use super::Tag;
use super::answer::{Answer, Recorded};
use super::auth::AccessToken;
use super::call::Call;
use super::example;
use super::page::{Asked, Items};
use super::problem::{Failed, failures};
use super::profile::{self, Shown};

pub(super) struct Bans;

/// Somebody who is kept out of a thread.
#[derive(Object)]
#[oai(example)]
struct Ban {
    /// Who.
    user: Shown,
    /// Who banned them.
    by: Uuid,
    /// The position of the ban.
    since: u64,
    /// When that was.
    since_at: DateTime<Utc>,
}

impl Example for Ban {
    fn example() -> Self {
        Self { user: profile::bob(), by: example::ALICE, since: 45, since_at: example::noon() }
    }
}

impl From<view::Ban> for Ban {
    fn from(view::Ban { person, by, since, since_at }: view::Ban) -> Self {
        Self { user: person.into(), by: by.uuid(), since: since.0, since_at }
    }
}

failures! { ListFailures = BEARER VIEW ROLE }
failures! {
    BanFailures = BEARER COMMAND ROLE [
        403: "`forbidden`: your role does not allow this, or not towards this member, or it is a direct thread; `not_member`: you may know of \
              this thread, and are not in it.",
    ]
}
failures! { UnbanFailures = BEARER COMMAND ROLE }

#[OpenApi(prefix_path = "/v1", tag = "Tag::Members")]
impl Bans {
    /// List who is banned
    ///
    /// The latest ban first. Takes the owner or an admin.
    #[oai(path = "/threads/:thread/bans", method = "get", operation_id = "list_bans")]
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
    ) -> Result<Answer<Items<Ban>>, Failed<ListFailures>> {
        let thread = ThreadId::new(thread.0);
        let asked = Asked::new(before.0, limit.0)?;
        call.permit(&token, thread, Action::Ban).await?;
        call.reached(&[ViewName::Threads, ViewName::People], after.0).await?;
        let bans = call.app.ports.views.bans(thread, asked.page()).await?;
        Ok(Items::of(asked, bans, |ban| ban.since, Ban::from).into())
    }

    /// Ban somebody
    ///
    /// Keeps them out, whether they are in the thread now or not; who is in it is removed. Takes the owner or an admin, and nobody of an equal
    /// or higher rank can be banned. Saying it again changes nothing.
    #[oai(path = "/threads/:thread/bans/:user", method = "put", operation_id = "ban_user")]
    async fn ban(
        &self,
        token: AccessToken,
        call: Call,
        /// The thread.
        thread: Path<Uuid>,
        /// Whom.
        user: Path<Uuid>,
        /// A UUID, the same on every retry. Generated when absent.
        #[oai(name = "Idempotency-Key")]
        key: Header<Option<Uuid>>,
    ) -> Result<Answer<Recorded>, Failed<BanFailures>> {
        let (thread, user) = (ThreadId::new(thread.0), UserId::new(user.0));
        Ok(call.command(&token, key.0, Command::BanUser { thread, user }).await?.into())
    }

    /// Lift a ban
    ///
    /// They can join, be added and be invited again. Takes the owner or an admin. Saying it again changes nothing.
    #[oai(path = "/threads/:thread/bans/:user", method = "delete", operation_id = "unban_user")]
    async fn unban(
        &self,
        token: AccessToken,
        call: Call,
        /// The thread.
        thread: Path<Uuid>,
        /// Whose.
        user: Path<Uuid>,
        /// A UUID, the same on every retry. Generated when absent.
        #[oai(name = "Idempotency-Key")]
        key: Header<Option<Uuid>>,
    ) -> Result<Answer<Recorded>, Failed<UnbanFailures>> {
        let (thread, user) = (ThreadId::new(thread.0), UserId::new(user.0));
        Ok(call.command(&token, key.0, Command::UnbanUser { thread, user }).await?.into())
    }
}
