//! What somebody has on their phone to log in with beside a password.

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use serde_json::Value;
use totp_rs::{Algorithm, Builder, Secret, Totp};

use crate::hygiene;

/// Seconds for which a code stands.
const STEP: u64 = 30;

/// An authenticator. A test takes the code of now first and that of the next step after it: both are good even if a step ends in between.
pub struct Authenticator(Totp);

impl Authenticator {
    /// From what the server offered.
    ///
    /// # Errors
    /// There is no secret in it.
    pub fn new(offered: &Value) -> anyhow::Result<Self> {
        let field = |name: &str| offered[name].as_str().with_context(|| format!("no {name} in {offered}"));
        let (secret, uri) = (field("secret")?, field("uri")?);
        hygiene::remember(secret);
        hygiene::remember(uri);
        let secret = Secret::try_from_base32(secret).context("the secret is Base32")?;
        let builder = Builder::new().with_algorithm(Algorithm::SHA1).with_digits(6).with_step_duration(STEP).with_secret(secret);
        Ok(Self(builder.build().context("an authenticator takes it")?))
    }

    /// The secret itself.
    #[must_use]
    pub fn secret(&self) -> &[u8] {
        self.0.secret().as_bytes()
    }

    /// The secret as it is typed.
    #[must_use]
    pub fn typed_secret(&self) -> String {
        self.0.secret().to_base32()
    }

    /// The code of so many steps after a time.
    #[must_use]
    pub fn code(&self, now: DateTime<Utc>, steps: u64) -> String {
        let now = u64::try_from(now.timestamp()).expect("after 1970");
        self.0.generate(now + steps * STEP).to_string()
    }

    /// Six digits that are no code, whatever step of the next minutes it is.
    #[must_use]
    pub fn wrong(&self, now: DateTime<Utc>) -> String {
        let now = u64::try_from(now.timestamp()).expect("after 1970");
        let good: Vec<_> = (0..60).map(|step| self.0.generate(now + (step * STEP) - STEP).to_string()).collect();
        (0..).map(|n| format!("{n:06}")).find(|code| !good.contains(code)).expect("most are none")
    }
}
