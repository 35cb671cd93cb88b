use poem_openapi::types::Example;
use poem_openapi::{Object, OpenApi};
use posthaste_application::mail::{self, reset_password};
use posthaste_application::port::one_time::Purpose;
use posthaste_application::problem::{Code, Problem};
use posthaste_domain::text::Email;
use uuid::Uuid;

use super::answer::{Accepted, Answer, Done};
use super::auth::AccessToken;
use super::body::Body;
use super::call::Call;
use super::problem::{ApiError, Failed, failures};
use super::users::check_length;
use super::{Tag, example};

pub(super) struct Password;

/// A password in the place of another.
#[derive(Object)]
#[oai(deny_unknown_fields, example)]
struct NewPassword {
    /// The one that is good now.
    current: String,
    /// The one that is to be: 8 to 128 characters.
    new: String,
}

impl Example for NewPassword {
    fn example() -> Self {
        Self { current: "correct horse battery staple".to_owned(), new: "a better one than that".to_owned() }
    }
}

/// What else came of a new password.
#[derive(Object)]
#[oai(example, rename = "PasswordChanged")]
struct Changed {
    /// The logins that were ended: all but the one that asked.
    ended: Vec<Uuid>,
}

impl Example for Changed {
    fn example() -> Self {
        Self { ended: vec![example::SESSION] }
    }
}

/// Somebody who does not know their password any more.
#[derive(Object)]
#[oai(deny_unknown_fields, example)]
struct Forgotten {
    /// The address that they have registered with, in any case.
    email: String,
}

impl Example for Forgotten {
    fn example() -> Self {
        Self { email: "alice@example.com".to_owned() }
    }
}

/// A password, and what was sent to somebody who may set it.
#[derive(Object)]
#[oai(deny_unknown_fields, example)]
struct Reset {
    /// The token from the link in the mail.
    token: String,
    /// The password that is to be: 8 to 128 characters.
    new_password: String,
}

impl Example for Reset {
    fn example() -> Self {
        Self { token: "pho_Y3J5cHRpYw…".to_owned(), new_password: "a better one than that".to_owned() }
    }
}

failures! { AskFailures = BODY [403: "`forbidden`: this service sends no mail."] }

failures! {
    ResetFailures = BODY [
        403: "`forbidden`: the token is unknown, was used, or has run out. Which of them is not told; `account_suspended`: it is good, and the \
              user is suspended; `deletion_pending`: it is good, and the account is to be deleted.",
    ]
}

failures! {
    ChangeFailures = BEARER BODY [
        403: "`forbidden`: the current password is another; `step_up_required`: with a second factor, prove once more who you are; `account_suspended`: the user of the token is suspended.",
        409: "`conflict`: it was changed to something else at the same time.",
    ]
}

#[OpenApi(prefix_path = "/v1", tag = "Tag::Users")]
impl Password {
    /// Change my password
    ///
    /// Every other login is ended, because whoever knew the old password may have one. A retry changes nothing more. If there is a second factor
    /// it takes a login that has lately proved who uses it.
    #[oai(path = "/me/password", method = "put", operation_id = "change_password")]
    async fn change(&self, token: AccessToken, call: Call, body: Body<NewPassword>) -> Result<Answer<Changed>, Failed<ChangeFailures>> {
        let NewPassword { current, new } = body.0;
        check_length(&new)?;
        let wrong = || Problem::with(Code::Forbidden, "the current password is another");
        if check_length(&current).is_err() {
            return Err(wrong().into());
        }
        let (ports, user) = (&call.app.ports, token.0.user);
        if call.factors().of(user).await?.is_some() {
            call.must_have_proved(&token).await?;
        }
        let limiter = &call.app.limiter;
        let tried = limiter.try_proof(token.0.session.uuid()).await?;
        let kept = ports.accounts.find(user).await?.ok_or(Code::Unauthorized)?.password_hash;
        let right = ports.passwords.verify(current, kept.clone()).await?;
        // If the new one is the one that is kept, this is a retry.
        if !right && !ports.passwords.verify(new.clone(), kept.clone()).await? {
            return Err(wrong().into());
        }
        limiter.forgive(tried).await;
        if right {
            let hash = ports.passwords.hash(new).await?;
            if !ports.accounts.replace_hash(user, kept.as_deref(), &hash).await? {
                return Err(Problem::with(Code::Conflict, "the password was changed at the same time").into());
            }
        }
        // What was sent to set the old one anew is worth nothing any more.
        ports.one_time.remove(user, Purpose::PasswordReset).await?;
        let (ended, _) = call.logins().end_all(user, Some(token.0.session)).await?;
        Ok(Changed { ended: ended.into_iter().map(posthaste_domain::SessionId::uuid).collect() }.into())
    }

    /// Ask for a new password
    ///
    /// Whoever has registered with this address is sent a mail with a link: at most one a minute, and no more than five whose links are
    /// good. If nobody has, nothing is sent; the answer is the same.
    #[oai(path = "/password/reset", method = "post", operation_id = "ask_password_reset")]
    async fn ask(&self, call: Call, body: Body<Forgotten>) -> Result<Accepted, Failed<AskFailures>> {
        // Whether there is such a user is looked up when the mail is sent, and nowhere here.
        let (ports, to) = (&call.app.ports, Email::parse(&body.0.email)?);
        if mail::owe(ports, ports.ids.next(), Purpose::PasswordReset, to).await? { Ok(Accepted::Accepted) } else { Err(no_mail().into()) }
    }

    /// Set a new password
    ///
    /// With the token from the link in the mail. It is good once; with it every other one goes, and every login of the user is ended: sockets
    /// are closed with 4202. If the answer is lost, the same request can be sent again: it is refused if all of it was done.
    #[oai(path = "/password/reset/confirm", method = "post", operation_id = "reset_password")]
    async fn reset(&self, call: Call, body: Body<Reset>) -> Result<Done, Failed<ResetFailures>> {
        let Reset { token, new_password } = body.0;
        check_length(&new_password)?;
        if reset_password(&call.logins(), &token, new_password).await? { Ok(Done::Done) } else { Err(worthless().into()) }
    }
}

/// Nobody is to wait for a mail that does not come.
pub(super) fn no_mail() -> ApiError {
    Problem::with(Code::Forbidden, "this service sends no mail").into()
}

/// One failure for every token that is not good, so that nobody learns which there are.
pub(super) fn worthless() -> ApiError {
    Problem::with(Code::Forbidden, "the token is unknown, was used, or has run out").into()
}
