use chrono::{DateTime, Utc};
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::types::Example;
use poem_openapi::{Object, OpenApi};
use posthaste_application::content::erase::{Eraser, Erasure};
use posthaste_application::execute::AdminCommand;
use posthaste_application::problem::Code;
use posthaste_application::recorded::StreamId;
use posthaste_application::view::{self, AccountFilter, ViewName};
use posthaste_domain::user::UserEvent;
use posthaste_domain::{Category, Event, User, UserId};
use uuid::Uuid;

use super::{ServiceRole, SuspensionReason};
use crate::http::answer::{Answer, Recorded};
use crate::http::auth::{AccessToken, AdminToken, StaffToken};
use crate::http::body::Body;
use crate::http::call::Call;
use crate::http::page::{Asked, Items, looked_for};
use crate::http::problem::{ApiError, Failed, failures};
use crate::http::profile::Shown;
use crate::http::{Tag, example};

/// Events of a user that are read at once.
const EVENTS: usize = 512;

pub(in crate::http) struct Accounts;

/// Somebody's account.
#[derive(Object)]
#[oai(example)]
struct Account {
    /// Who they are to others.
    user: Shown,
    /// The position of their registration.
    registered: u64,
    /// Whether they are suspended.
    suspended: bool,
    /// What they are to the service.
    roles: Vec<ServiceRole>,
}

impl Example for Account {
    fn example() -> Self {
        Self { user: Shown::example(), registered: 3, suspended: false, roles: vec![ServiceRole::Auditor] }
    }
}

impl From<view::Account> for Account {
    fn from(view::Account { person, suspended, roles }: view::Account) -> Self {
        let registered = person.registered.0;
        Self { user: person.into(), registered, suspended, roles: roles.into_iter().map(Into::into).collect() }
    }
}

/// What was done to an account, and by whom.
#[derive(Object)]
#[oai(example)]
struct Act {
    /// Where it was recorded.
    position: u64,
    /// When.
    at: DateTime<Utc>,
    /// By which admin; null when it was at the server's console, or when somebody was erased because they had asked for it.
    by: Option<Uuid>,
    /// `user.suspended`, `user.reinstated`, `user.role_granted`, `user.role_withdrawn` or `user.erased`.
    what: String,
    /// Why, of a suspension, if it was said.
    reason: Option<SuspensionReason>,
    /// Which role.
    role: Option<ServiceRole>,
}

impl Example for Act {
    fn example() -> Self {
        let (what, role) = ("user.role_granted".to_owned(), Some(ServiceRole::Auditor));
        Self { position: 77, at: example::noon(), by: Some(example::BOB), what, reason: None, role }
    }
}

/// Somebody's account, and what was done to it.
#[derive(Object)]
#[oai(example)]
struct AccountInFull {
    /// The account as the log has it.
    account: Account,
    /// What admins did to it, the latest first.
    acts: Vec<Act>,
}

impl Example for AccountInFull {
    fn example() -> Self {
        Self { account: Account::example(), acts: vec![Act::example()] }
    }
}

/// Why somebody is to be suspended.
#[derive(Object)]
#[oai(deny_unknown_fields, example)]
struct Suspension {
    /// For the log. Null says nothing.
    reason: Option<SuspensionReason>,
}

impl Example for Suspension {
    fn example() -> Self {
        Self { reason: Some(SuspensionReason::Spam) }
    }
}

failures! { ListFailures = BEARER STAFF VIEW }
failures! { GetFailures = BEARER STAFF }
failures! { SuspendFailures = BEARER ADMIN BODY COMMAND [409: "`conflict`: it is oneself."] }
failures! { ReinstateFailures = BEARER ADMIN COMMAND }
failures! {
    EraseFailures = BEARER ADMIN COMMAND [
        403: "`forbidden`: an auditor changes nothing; `step_up_required`: prove once more who you are; `account_suspended`: the user of the \
              token is suspended.",
        409: "`conflict`: it is oneself.",
    ]
}

#[OpenApi(prefix_path = "/v1/admin", tag = "Tag::Administration")]
impl Accounts {
    /// List accounts
    ///
    /// Of everybody, the newest first.
    #[oai(path = "/users", method = "get", operation_id = "list_accounts")]
    #[allow(clippy::too_many_arguments, reason = "each is a parameter of the request")]
    async fn list(
        &self,
        _staff: StaffToken,
        call: Call,
        /// A part of the username or the display name: 1 to 64 characters.
        q: Query<Option<String>>,
        /// Only those who are suspended, or only those who are not.
        suspended: Query<Option<bool>>,
        /// Only those who have this role.
        role: Query<Option<ServiceRole>>,
        /// The `next` of the page before this one; the first page when absent.
        before: Query<Option<String>>,
        /// At most this many entries; 50 when absent.
        #[oai(validator(minimum(value = "1"), maximum(value = "100")))]
        limit: Query<Option<u32>>,
        /// Wait until this position has been seen.
        after: Query<Option<u64>>,
    ) -> Result<Answer<Items<Account>>, Failed<ListFailures>> {
        let asked = Asked::new(before.0, limit.0)?;
        let matching = q.0.map(|q| looked_for("q", &q, 1)).transpose()?;
        let filter = AccountFilter { matching, suspended: suspended.0, role: role.0.map(Into::into) };
        call.reached(&[ViewName::People], after.0).await?;
        let accounts = call.app.ports.views.accounts(&filter, asked.page()).await?;
        Ok(Items::of(asked, accounts, |account| account.person.registered, Account::from).into())
    }

    /// Get an account
    ///
    /// As the log has it now, with everything that admins did to it.
    #[oai(path = "/users/:user", method = "get", operation_id = "get_account")]
    async fn get(
        &self,
        _staff: StaffToken,
        call: Call,
        /// The user.
        user: Path<Uuid>,
    ) -> Result<Answer<AccountInFull>, Failed<GetFailures>> {
        let user = UserId::new(user.0);
        let shown = Shown::find(&call.app, user).await?.ok_or(Code::NotFound)?;
        let state = call.state::<User>(user).await?;
        let account = state.account().ok_or(Code::NotFound)?;
        let roles = account.roles.iter().map(|role| (*role).into()).collect();
        let account = Account { user: shown, registered: state.first.0, suspended: account.suspended, roles };
        Ok(AccountInFull { account, acts: acts(&call, user).await? }.into())
    }

    /// Suspend a user
    ///
    /// Nothing of theirs is taken any more, over REST or a socket, until they are reinstated; their sockets are closed with 4203 within five
    /// seconds. What they wrote stays, and so do their logins. Suspending whoever is suspended changes nothing.
    #[oai(path = "/users/:user/suspend", method = "post", operation_id = "suspend_user")]
    async fn suspend(
        &self,
        admin: AdminToken,
        call: Call,
        /// The user.
        user: Path<Uuid>,
        /// A UUID, the same on every retry. Generated when absent.
        #[oai(name = "Idempotency-Key")]
        key: Header<Option<Uuid>>,
        body: Body<Suspension>,
    ) -> Result<Answer<Recorded>, Failed<SuspendFailures>> {
        let (user, reason) = (UserId::new(user.0), body.0.reason.map(Into::into));
        Ok(call.administer(&admin, key.0, AdminCommand::Suspend { user, reason }).await?.into())
    }

    /// Reinstate a user
    ///
    /// Ends a suspension. Everything is as it was before: logins that were not ended go on.
    #[oai(path = "/users/:user/reinstate", method = "post", operation_id = "reinstate_user")]
    async fn reinstate(
        &self,
        admin: AdminToken,
        call: Call,
        /// The user.
        user: Path<Uuid>,
        /// A UUID, the same on every retry. Generated when absent.
        #[oai(name = "Idempotency-Key")]
        key: Header<Option<Uuid>>,
    ) -> Result<Answer<Recorded>, Failed<ReinstateFailures>> {
        Ok(call.administer(&admin, key.0, AdminCommand::Reinstate { user: UserId::new(user.0) }).await?.into())
    }

    /// Erase a user
    ///
    /// For ever, and whether they have asked for it or not: what they said and how they were called can be read no more, their sockets are closed
    /// with 4203, and what they log in with is forgotten. Facts, order and counts stay. What they own is not passed on. If it breaks off, the rest
    /// is done by asking again. Takes a login that has lately proved who uses it.
    #[oai(path = "/users/:user/erase", method = "post", operation_id = "erase_user")]
    async fn erase(
        &self,
        admin: AdminToken,
        call: Call,
        /// The user.
        user: Path<Uuid>,
        /// A UUID, the same on every retry. Generated when absent.
        #[oai(name = "Idempotency-Key")]
        key: Header<Option<Uuid>>,
    ) -> Result<Answer<Recorded>, Failed<EraseFailures>> {
        call.must_have_proved(&AccessToken(admin.0)).await?;
        let eraser = Eraser::of(&call.app.ports, call.app.executor.clone());
        let envelope = call.envelope(Some(admin.0.user), key.0);
        Ok(eraser.erase(envelope, Erasure::Asked, UserId::new(user.0)).await?.into())
    }
}

/// What admins did to an account, the latest first.
async fn acts(call: &Call, user: UserId) -> Result<Vec<Act>, ApiError> {
    let stream = StreamId { category: Category::User, id: user.uuid() };
    let (mut acts, mut version) = (Vec::new(), 0);
    loop {
        let events = call.app.ports.log.read_stream(stream, version, EVENTS).await?;
        for recorded in &events {
            let Event::User(event) = recorded.event()?.clone() else { continue };
            let (reason, role) = match event {
                UserEvent::Suspended { reason, .. } => (reason, None),
                UserEvent::Reinstated { .. } | UserEvent::Erased { .. } => (None, None),
                UserEvent::RoleGranted { role, .. } | UserEvent::RoleWithdrawn { role, .. } => (None, Some(role)),
                UserEvent::Registered { .. }
                | UserEvent::PrivacySet { .. }
                | UserEvent::SessionRevoked { .. }
                | UserEvent::EmailVerified { .. }
                | UserEvent::TwoFactorEnabled { .. }
                | UserEvent::TwoFactorDisabled { .. }
                | UserEvent::DeletionRequested { .. }
                | UserEvent::DeletionCancelled { .. } => continue,
            };
            acts.push(Act {
                position: recorded.position.0,
                at: recorded.at,
                by: recorded.actor.map(UserId::uuid),
                what: recorded.event_type.clone(),
                reason: reason.map(Into::into),
                role: role.map(Into::into),
            });
        }
        match events.last() {
            Some(last) if events.len() == EVENTS => version = last.version,
            Some(_) | None => break,
        }
    }
    acts.reverse();
    Ok(acts)
}
