use poem_openapi::types::Example;
use poem_openapi::{Object, OpenApi};
use posthaste_application::mail::{self, verify_email};
use posthaste_application::port::one_time::Purpose;
use posthaste_application::problem::{Code, Problem};
use posthaste_domain::User;

use super::Tag;
use super::answer::{Accepted, Answer, Recorded};
use super::auth::AccessToken;
use super::body::Body;
use super::call::Call;
use super::password::{no_mail, worthless};
use super::problem::{Failed, failures};

pub(super) struct Email;

/// What was sent to an address.
#[derive(Object)]
#[oai(deny_unknown_fields, example)]
struct Verification {
    /// The token from the link in the mail.
    token: String,
}

impl Example for Verification {
    fn example() -> Self {
        Self { token: "pho_Y3J5cHRpYw…".to_owned() }
    }
}

failures! {
    AskFailures = BEARER [
        403: "`forbidden`: this service sends no mail; `account_suspended`: the user of the token is suspended.",
        409: "`conflict`: the address is verified.",
    ]
}

failures! {
    VerifyFailures = BODY [
        403: "`forbidden`: the token is unknown, was used, or has run out. Which of them is not told; `account_suspended`: it is good, and the \
              user is suspended; `deletion_pending`: it is good, and the account is to be deleted.",
    ]
}

#[OpenApi(prefix_path = "/v1", tag = "Tag::Users")]
impl Email {
    /// Have my email address verified
    ///
    /// Sends another mail with a link, as at the registration: at most one a minute, and no more than five whose links are good.
    #[oai(path = "/me/email/verify", method = "post", operation_id = "ask_email_verification")]
    async fn ask(&self, token: AccessToken, call: Call) -> Result<Accepted, Failed<AskFailures>> {
        let (ports, user) = (&call.app.ports, token.0.user);
        if call.state::<User>(user).await?.has_verified_email() {
            return Err(Problem::with(Code::Conflict, "the address is verified").into());
        }
        let to = ports.accounts.find(user).await?.ok_or(Code::Unauthorized)?.email;
        if !mail::owe(ports, ports.ids.next(), Purpose::EmailVerification, to).await? {
            return Err(no_mail().into());
        }
        Ok(Accepted::Accepted)
    }

    /// Verify an email address
    ///
    /// With the token from the link in the mail. It is good once; whoever has it needs no login.
    #[oai(path = "/email/verify", method = "post", operation_id = "verify_email")]
    async fn verify(&self, call: Call, body: Body<Verification>) -> Result<Answer<Recorded>, Failed<VerifyFailures>> {
        Ok(verify_email(&call.logins(), &body.0.token).await?.ok_or_else(worthless)?.into())
    }
}
