use poem_openapi::types::Example;
use poem_openapi::{Object, OpenApi};
use posthaste_application::problem::{Code, Problem};
use uuid::Uuid;

use super::answer::Answer;
use super::auth::AccessToken;
use super::body::Body;
use super::call::Call;
use super::problem::{Failed, failures};
use super::users::check_length;
use super::{Tag, example, limits};

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
        let tried = limiter.try_proof(token.0.session.uuid()).await.map_err(|exceeded| limits::too_many(&exceeded))?;
        let kept = ports.accounts.find(user).await?.ok_or(Code::Unauthorized)?.password_hash;
        let right = ports.passwords.verify(current, Some(kept.clone())).await?;
        // If the new one is the one that is kept, this is a retry.
        if !right && !ports.passwords.verify(new.clone(), Some(kept.clone())).await? {
            return Err(wrong().into());
        }
        limiter.forgive(tried).await;
        if right {
            let hash = ports.passwords.hash(new).await?;
            if !ports.accounts.replace_hash(user, &kept, &hash).await? {
                return Err(Problem::with(Code::Conflict, "the password was changed at the same time").into());
            }
        }
        let others = call.logins().lasting(user).await?.into_iter().map(|session| session.id);
        let ended: Vec<_> = others.filter(|session| *session != token.0.session).collect();
        call.logins().end(user, &ended).await?;
        Ok(Changed { ended: ended.into_iter().map(posthaste_domain::SessionId::uuid).collect() }.into())
    }
}
