//! Access tokens as JSON Web Tokens, signed with Ed25519 (RFC 9068 in form, RFC 8037 in signature).

mod key;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode};
use posthaste_application::port::secrets::{Access, TokenRefused};
use posthaste_application::port::{Clock, PortError, Tokens};
use posthaste_domain::{SessionId, UserId};
use serde::{Deserialize, Serialize};

pub use key::{NoTokenKey, TokenKey, TrustedKey};

/// How long an access token is good for, unless configured otherwise.
pub const ACCESS_LIFETIME: Duration = Duration::from_secs(15 * 60);

const ALGORITHM: Algorithm = Algorithm::EdDSA;
const TYPE: &str = "at+jwt";
const AUDIENCE: &str = "posthaste";

#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    iss: String,
    sub: UserId,
    aud: String,
    sid: SessionId,
    iat: i64,
    exp: i64,
}

/// Issues and verifies access tokens.
pub struct JwtTokens {
    issuer: String,
    kid: String,
    key: EncodingKey,
    accepted: Vec<(String, DecodingKey)>,
    validation: Validation,
    clock: Arc<dyn Clock>,
}

impl JwtTokens {
    /// Tokens signed with this key and issued under this name.
    #[must_use]
    pub fn new(key: &TokenKey, issuer: impl Into<String>, clock: Arc<dyn Clock>) -> Self {
        let issuer = issuer.into();
        let mut validation = Validation::new(ALGORITHM);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.set_issuer(&[&issuer]);
        validation.set_audience(&[AUDIENCE]);
        // The library would ask the machine for the time; `verify` is told it.
        validation.validate_exp = false;
        validation.leeway = 0;
        let tokens = Self { issuer, kid: key.trusted().id(), key: key.encoding(), accepted: Vec::new(), validation, clock };
        tokens.accepting(key.trusted())
    }

    /// Accepts tokens signed with another key as well, until the last of them has expired: to rotate, the new key signs, the old one is
    /// accepted.
    #[must_use]
    pub fn accepting(mut self, key: TrustedKey) -> Self {
        self.accepted.push((key.id(), key.decoding()));
        self
    }
}

impl Tokens for JwtTokens {
    /// `expires_at` is taken in whole seconds.
    fn issue(&self, access: &Access) -> Result<String, PortError> {
        let header = Header { typ: Some(TYPE.to_owned()), kid: Some(self.kid.clone()), ..Header::new(ALGORITHM) };
        let claims = Claims {
            iss: self.issuer.clone(),
            sub: access.user,
            aud: AUDIENCE.to_owned(),
            sid: access.session,
            iat: self.clock.now().timestamp(),
            exp: access.expires_at.timestamp(),
        };
        encode(&header, &claims, &self.key).map_err(|error| PortError::rejected("jwt", error))
    }

    fn verify(&self, token: &str, now: DateTime<Utc>) -> Result<Access, TokenRefused> {
        let invalid = |_| TokenRefused::Invalid;
        let kid = decode_header(token).map_err(invalid)?.kid;
        let (_, key) = self.accepted.iter().find(|(accepted, _)| Some(accepted) == kid.as_ref()).ok_or(TokenRefused::Invalid)?;
        let token = decode::<Claims>(token, key, &self.validation).map_err(invalid)?;
        // We set no critical extensions, so we understand none.
        if token.header.typ.as_deref() != Some(TYPE) || token.header.crit.is_some() {
            return Err(TokenRefused::Invalid);
        }
        let Claims { sub, sid, exp, .. } = token.claims;
        let expires_at = DateTime::from_timestamp(exp, 0).ok_or(TokenRefused::Invalid)?;
        if expires_at <= now { Err(TokenRefused::Expired) } else { Ok(Access { user: sub, session: sid, expires_at }) }
    }
}
