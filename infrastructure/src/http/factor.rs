//! The second factor of one's own logins.

use chrono::{DateTime, Utc};
use poem_openapi::types::Example;
use poem_openapi::{Object, OpenApi};
use posthaste_application::factor::{Confirmed, Enrolment, Proved, RecoveryCode, SecondFactors};
use posthaste_application::problem::{Code, Problem};
use posthaste_domain::{FactorId, UserId};
use uuid::Uuid;

use super::answer::Answer;
use super::auth::AccessToken;
use super::body::Body;
use super::call::Call;
use super::passkey::Assertion;
use super::problem::{ApiError, Failed, failures};
use super::profile::Shown;
use super::{Tag, example};
use crate::system::random;

pub(super) struct SecondFactor;

/// Whether logging in takes a code beside the password.
#[derive(Object)]
#[oai(example)]
struct TwoFactor {
    /// Whether it does.
    enabled: bool,
    /// Since when; null when it does not.
    enabled_at: Option<DateTime<Utc>>,
    /// How many recovery codes are left.
    recovery_codes: usize,
}

impl Example for TwoFactor {
    fn example() -> Self {
        Self { enabled: true, enabled_at: Some(example::noon()), recovery_codes: 10 }
    }
}

/// What an authenticator is set up with: three forms of the same secret, shown once.
#[derive(Object)]
#[oai(example)]
struct Offer {
    /// The secret in Base32, to be typed in.
    secret: String,
    /// `otpauth://totp/…`, to be opened.
    uri: String,
    /// The URI as a QR code, to be scanned: an SVG document.
    qr_svg: String,
}

impl Example for Offer {
    fn example() -> Self {
        Self {
            secret: "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP".to_owned(),
            uri: "otpauth://totp/Posthaste:alice?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Posthaste".to_owned(),
            qr_svg: "<svg …".to_owned(),
        }
    }
}

/// A code of an authenticator.
#[derive(Object)]
#[oai(deny_unknown_fields, example)]
struct Confirmation {
    /// Six digits.
    code: String,
}

impl Example for Confirmation {
    fn example() -> Self {
        Self { code: "287082".to_owned() }
    }
}

/// Codes for when the authenticator is lost, shown once. Each is good once.
#[derive(Object)]
#[oai(example)]
struct RecoveryCodes {
    /// All that are good now.
    recovery_codes: Vec<String>,
}

impl From<Vec<RecoveryCode>> for RecoveryCodes {
    fn from(codes: Vec<RecoveryCode>) -> Self {
        Self { recovery_codes: codes.iter().map(RecoveryCode::write).collect() }
    }
}

impl Example for RecoveryCodes {
    fn example() -> Self {
        Self { recovery_codes: vec!["mfrg-gzdf-mztw-q2lk".to_owned()] }
    }
}

failures! { GetFailures = BEARER }

failures! {
    EnrolFailures = BEARER [
        403: "`step_up_required`: prove once more who you are; `account_suspended`: the user of the token is suspended.",
        409: "`conflict`: there is a second factor already.",
    ]
}

failures! {
    ConfirmFailures = BEARER BODY [
        403: "`wrong_code`: it is no code of the authenticator; `account_suspended`: the user of the token is suspended.",
        404: "`not_found`: nothing was offered.",
        409: "`conflict`: there is a second factor already.",
    ]
}

failures! {
    ChangeFailures = BEARER [
        403: "`step_up_required`: prove once more who you are; `account_suspended`: the user of the token is suspended.",
        404: "`not_found`: there is no second factor.",
    ]
}

#[OpenApi(prefix_path = "/v1", tag = "Tag::Sessions")]
impl SecondFactor {
    /// Get my second factor
    ///
    /// Whether logging in takes a code beside the password, and how many recovery codes are left.
    #[oai(path = "/me/totp", method = "get", operation_id = "get_totp")]
    async fn get(&self, token: AccessToken, call: Call) -> Result<Answer<TwoFactor>, Failed<GetFailures>> {
        let factor = call.factors().of(token.0.user).await?;
        let recovery_codes = factor.as_ref().map_or(0, |factor| factor.recovery.len());
        let enabled_at = factor.and_then(|factor| factor.enabled_at);
        Ok(TwoFactor { enabled: enabled_at.is_some(), enabled_at, recovery_codes }.into())
    }

    /// Set up a second factor
    ///
    /// Offers a secret for an authenticator (TOTP: six digits, 30 seconds, SHA-1). It counts once a code of it is confirmed; until then asking
    /// again offers another one in its place. Takes a login that has lately proved who uses it: by logging in, or by a step-up.
    #[oai(path = "/me/totp", method = "post", operation_id = "enrol_totp")]
    async fn enrol(&self, token: AccessToken, call: Call) -> Result<Answer<Offer>, Failed<EnrolFailures>> {
        call.must_have_proved(&token).await?;
        let user = token.0.user;
        let shown = Shown::find(&call.app, user).await?.ok_or(Code::Unauthorized)?;
        let account = shown.username.unwrap_or_else(|| user.to_string());
        let offered = call.factors().enrol(user, &account, &random()?).await?;
        let Enrolment { secret, uri, qr } = offered.ok_or_else(already_on)?;
        Ok(Offer { secret, uri, qr_svg: qr }.into())
    }

    /// Confirm my second factor
    ///
    /// Shows by a code that the authenticator has the secret that was offered. From now on logging in takes a code, and what logins proved
    /// before is no step-up any more; they go on. The recovery codes are shown this once: if the answer is lost, have others made.
    #[oai(path = "/me/totp/confirm", method = "post", operation_id = "confirm_totp")]
    async fn confirm(
        &self,
        token: AccessToken,
        call: Call,
        body: Body<Confirmation>,
    ) -> Result<Answer<RecoveryCodes>, Failed<ConfirmFailures>> {
        let limiter = &call.app.limiter;
        let tried = limiter.try_proof(token.0.session.uuid()).await?;
        let confirmed = call.factors().confirm(token.0.user, &body.0.code, &random()?).await?;
        if confirmed != Confirmed::Wrong {
            limiter.forgive(tried).await;
        }
        match confirmed {
            Confirmed::On(codes) => Ok(RecoveryCodes::from(codes).into()),
            Confirmed::Wrong => Err(Code::WrongCode.into()),
            Confirmed::NotOffered => Err(Code::NotFound.into()),
            Confirmed::AlreadyOn => Err(already_on().into()),
        }
    }

    /// Give my second factor up
    ///
    /// From now on logging in takes the password alone. What was only offered is taken back. Takes a login that has lately proved who uses it.
    #[oai(path = "/me/totp", method = "delete", operation_id = "disable_totp")]
    async fn disable(&self, token: AccessToken, call: Call) -> Result<Answer<TwoFactor>, Failed<ChangeFailures>> {
        call.must_have_proved(&token).await?;
        if !call.factors().disable(token.0.user).await? {
            return Err(Code::NotFound.into());
        }
        Ok(TwoFactor { enabled: false, enabled_at: None, recovery_codes: 0 }.into())
    }

    /// Make new recovery codes
    ///
    /// Those that there were are no good any more. Takes a login that has lately proved who uses it.
    #[oai(path = "/me/recovery-codes", method = "post", operation_id = "renew_recovery_codes")]
    async fn renew(&self, token: AccessToken, call: Call) -> Result<Answer<RecoveryCodes>, Failed<ChangeFailures>> {
        call.must_have_proved(&token).await?;
        let codes = call.factors().renew_recovery(token.0.user, &random()?).await?.ok_or(Code::NotFound)?;
        Ok(RecoveryCodes::from(codes).into())
    }
}

/// What somebody shows beside a password.
#[derive(Clone, Copy)]
pub(super) struct Second<'a> {
    /// A code of the authenticator, or a recovery code.
    pub(super) code: Option<&'a str>,
    /// A passkey.
    pub(super) passkey: Option<&'a Assertion>,
}

fn already_on() -> Problem {
    Problem::with(Code::Conflict, "there is a second factor already: give it up before you set up another")
}

impl Call {
    /// The second factors, on behalf of this request.
    pub(super) fn factors(&self) -> SecondFactors<'_> {
        SecondFactors { ports: &self.app.ports, executor: &self.app.executor, correlation: self.correlation() }
    }

    /// The second factor of a user, if it is on.
    pub(super) async fn factor_of(&self, user: UserId) -> Result<Option<FactorId>, ApiError> {
        Ok(self.factors().of(user).await?.map(|factor| factor.id))
    }

    /// Refuses a login that has not lately proved who uses it, by all that there is to prove.
    pub(super) async fn must_have_proved(&self, token: &AccessToken) -> Result<(), ApiError> {
        let factor = self.factor_of(token.0.user).await?;
        if self.logins().has_proved(token.0, factor).await? { Ok(()) } else { Err(Code::StepUpRequired.into()) }
    }

    /// Uses a code of a user's second factor, or a passkey of theirs instead, and gives which factor that is; nothing if they have none. A
    /// wrong code is held against `whose`: the user, or the session that asks. Whoever gives none is told that it is `missing`.
    pub(super) async fn prove(
        &self,
        user: UserId,
        whose: Uuid,
        Second { code, passkey }: Second<'_>,
        missing: impl Into<ApiError>,
    ) -> Result<Option<FactorId>, ApiError> {
        let Some(factor) = self.factor_of(user).await? else { return Ok(None) };
        if let Some(assertion) = passkey {
            return if self.shows_passkey(user, assertion).await? { Ok(Some(factor)) } else { Err(Code::WrongCode.into()) };
        }
        let code = code.ok_or_else(|| missing.into())?;
        let limiter = &self.app.limiter;
        let tried = limiter.try_proof(whose).await?;
        let factor = match self.factors().prove(user, code).await? {
            Proved::By(factor) => Some(factor),
            Proved::Off => None,
            Proved::Wrong => return Err(Code::WrongCode.into()),
        };
        limiter.forgive(tried).await;
        Ok(factor)
    }
}
