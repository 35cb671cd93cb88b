//! Access tokens as JSON Web Tokens, signed with HMAC-SHA256 (RFC 9068 in form).

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode};
use posthaste_application::port::secrets::{Access, TokenRefused};
use posthaste_application::port::{Clock, PortError, Tokens};
use posthaste_domain::{SessionId, UserId};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// How long an access token is good for, unless configured otherwise.
pub const ACCESS_LIFETIME: Duration = Duration::from_secs(15 * 60);

const ALGORITHM: Algorithm = Algorithm::HS256;
const TYPE: &str = "at+jwt";
const AUDIENCE: &str = "posthaste";

/// A secret that guesses cannot find.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("a secret needs at least {} bytes and this one has {length}: make one with `openssl rand -hex 32`", Secret::MIN_BYTES)]
pub struct SecretTooShort {
    length: usize,
}

/// What tokens are signed with. It is never shown.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Secret(Vec<u8>);

impl Secret {
    /// As many bytes as the hash has; fewer would be its weakest part.
    pub const MIN_BYTES: usize = 32;

    /// These bytes as a secret.
    ///
    /// # Errors
    /// [`SecretTooShort`].
    pub fn new(bytes: impl Into<Vec<u8>>) -> Result<Self, SecretTooShort> {
        let bytes = bytes.into();
        if bytes.len() < Self::MIN_BYTES { Err(SecretTooShort { length: bytes.len() }) } else { Ok(Self(bytes)) }
    }
}

impl TryFrom<String> for Secret {
    type Error = SecretTooShort;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::new(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(redacted)")
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    iss: String,
    sub: UserId,
    aud: String,
    sid: SessionId,
    iat: i64,
    exp: i64,
}

struct Accepted {
    kid: String,
    key: DecodingKey,
}

impl Accepted {
    fn new(secret: &Secret) -> Self {
        Self { kid: key_id(secret), key: DecodingKey::from_secret(&secret.0) }
    }
}

/// Issues and verifies access tokens.
pub struct JwtTokens {
    issuer: String,
    kid: String,
    key: EncodingKey,
    accepted: Vec<Accepted>,
    validation: Validation,
    clock: Arc<dyn Clock>,
}

impl JwtTokens {
    /// Tokens signed with this secret and issued under this name.
    #[must_use]
    pub fn new(secret: &Secret, issuer: impl Into<String>, clock: Arc<dyn Clock>) -> Self {
        let issuer = issuer.into();
        let mut validation = Validation::new(ALGORITHM);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.set_issuer(&[&issuer]);
        validation.set_audience(&[AUDIENCE]);
        // The library would ask the machine for the time; `verify` is told it.
        validation.validate_exp = false;
        validation.leeway = 0;
        let key = EncodingKey::from_secret(&secret.0);
        Self { issuer, kid: key_id(secret), key, accepted: vec![Accepted::new(secret)], validation, clock }
    }

    /// Accepts tokens signed with another secret as well, until the last of them has expired: to rotate, the new secret signs, the
    /// old one is accepted.
    #[must_use]
    pub fn accepting(mut self, secret: &Secret) -> Self {
        self.accepted.push(Accepted::new(secret));
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
        let accepted = self.accepted.iter().find(|accepted| Some(&accepted.kid) == kid.as_ref()).ok_or(TokenRefused::Invalid)?;
        let token = decode::<Claims>(token, &accepted.key, &self.validation).map_err(invalid)?;
        // We set no critical extensions, so we understand none.
        if token.header.typ.as_deref() != Some(TYPE) || token.header.crit.is_some() {
            return Err(TokenRefused::Invalid);
        }
        let Claims { sub, sid, exp, .. } = token.claims;
        let expires_at = DateTime::from_timestamp(exp, 0).ok_or(TokenRefused::Invalid)?;
        if expires_at <= now { Err(TokenRefused::Expired) } else { Ok(Access { user: sub, session: sid, expires_at }) }
    }
}

/// Names a secret without telling anything of it.
fn key_id(secret: &Secret) -> String {
    let hash = Sha256::new().chain_update(b"posthaste access token key id").chain_update(&secret.0).finalize();
    hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}
