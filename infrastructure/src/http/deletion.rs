//! Leaving for ever.

use chrono::{DateTime, SecondsFormat, Utc};
use poem_openapi::types::Example;
use poem_openapi::{Object, OpenApi};
use posthaste_application::problem::{Code, Problem};
use posthaste_domain::text::fold;
use posthaste_domain::{User, UserId};

use super::answer::Answer;
use super::auth::AccessToken;
use super::body::Body;
use super::call::Call;
use super::problem::{ApiError, Failed, failures};
use super::profile::Shown;
use super::{Tag, example};

pub(super) struct Deletion;

/// That it is meant.
#[derive(Object)]
#[oai(deny_unknown_fields, example)]
struct Farewell {
    /// One's own username, in any case.
    username: String,
}

impl Example for Farewell {
    fn example() -> Self {
        Self { username: "alice".to_owned() }
    }
}

/// An account that ends.
#[derive(Object)]
#[oai(example, rename = "Deletion")]
struct Ending {
    /// When everything is erased. Until then it can be cancelled.
    final_at: DateTime<Utc>,
}

impl Example for Ending {
    fn example() -> Self {
        Self { final_at: example::noon() }
    }
}

failures! {
    DeletionFailures = BEARER BODY [
        403: "`step_up_required`: prove once more who you are; `account_suspended`: the user of the token is suspended.",
        409: "`conflict`: an admin cannot: let another one withdraw that role first; nor can whoever owns groups or channels: pass them on or \
              delete them first. `detail` tells which.",
    ]
}

#[OpenApi(prefix_path = "/v1", tag = "Tag::Users")]
impl Deletion {
    /// Delete my account
    ///
    /// Ends every login, this one included: sockets are closed with 4202. Nobody finds the account any more, and nobody can begin anything with
    /// it. At the time that is told everything is erased, for ever. Until then, whoever logs in with `cancel_deletion` keeps the account; a mail
    /// says so. Takes a login that has lately proved who uses it, and an owner of nothing.
    #[oai(path = "/me/deletion", method = "post", operation_id = "delete_me")]
    async fn delete(&self, token: AccessToken, call: Call, body: Body<Farewell>) -> Result<Answer<Ending>, Failed<DeletionFailures>> {
        call.must_have_proved(&token).await?;
        let user = token.0.user;
        let shown = Shown::find(&call.app, user).await?.ok_or(Code::Unauthorized)?;
        if shown.username.is_none_or(|username| fold(&username) != fold(&body.0.username)) {
            return Err(Problem::with(Code::Validation, "username is another").into());
        }
        call.logins().leave(user).await?;
        let final_at = call.state::<User>(user).await?.leaving().ok_or(Code::Conflict)?;
        Ok(Ending { final_at }.into())
    }
}

impl Call {
    /// What logging in does to an account that is to be deleted, once all that it takes was proved: it cancels that, if that is wanted.
    pub(super) async fn come_back(&self, user: UserId, cancel_deletion: Option<bool>) -> Result<(), ApiError> {
        let Some(final_at) = self.state::<User>(user).await?.leaving() else { return Ok(()) };
        if cancel_deletion == Some(true) {
            return Ok(self.logins().stay(user).await?);
        }
        let date = final_at.to_rfc3339_opts(SecondsFormat::Secs, true);
        let detail = format!("this account is deleted at {date}: log in with cancel_deletion to keep it");
        Err(Problem::with(Code::DeletionPending, detail).into())
    }
}
