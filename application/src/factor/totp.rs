//! Codes that an authenticator and the server make of the same secret and the time: six digits, SHA-1, a new one every 30 seconds, because
//! that is what every authenticator can do.

use std::fmt;

use chrono::{DateTime, Utc};
use qrcode::render::svg;
use qrcode::{EcLevel, QrCode};
use totp_rs::{Algorithm, Builder, Secret};

/// Bytes of a secret: as many as the hash has.
pub const SECRET: usize = 20;
/// Digits of a code.
const DIGITS: u8 = 6;
/// Seconds for which a code stands.
const STEP: u64 = 30;
/// How many steps a clock may be wrong, before and after.
const SKEW: u16 = 1;
/// Who the account is with, in the authenticator.
const ISSUER: &str = "Posthaste";

/// What an authenticator is set up with. Never shown but to its owner, once.
#[derive(Clone, PartialEq, Eq)]
pub struct Enrolment {
    /// The secret in Base32, to be typed.
    pub secret: String,
    /// The same as `otpauth://totp/…`, to be opened.
    pub uri: String,
    /// The same as an SVG picture, to be scanned.
    pub qr: String,
}

impl fmt::Debug for Enrolment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Enrolment(hidden)")
    }
}

/// The codes of one secret.
pub(super) struct Totp([u8; SECRET]);

impl Totp {
    pub(super) const fn new(secret: &[u8; SECRET]) -> Self {
        Self(*secret)
    }

    /// The time step that a code stands for, if that is now, the one before or the one after. Spaces are let be: authenticators show them.
    pub(super) fn step_of(&self, code: &str, now: DateTime<Utc>) -> Option<u64> {
        let code: String = code.chars().filter(|c| !c.is_whitespace()).collect();
        let looks_right = code.len() == usize::from(DIGITS) && code.bytes().all(|digit| digit.is_ascii_digit());
        let now = u64::try_from(now.timestamp()).ok()?;
        looks_right.then(|| self.with("").check(&code, now)).flatten()
    }

    /// What an authenticator needs to know, under the name of an account.
    pub(super) fn enrolment(&self, account: &str) -> Enrolment {
        let totp = self.with(account);
        let uri = totp.to_url().expect("a name without a colon");
        let qr = QrCode::with_error_correction_level(&uri, EcLevel::M).expect("a short text fits into a code");
        let qr = qr.render::<svg::Color<'_>>().min_dimensions(240, 240).build();
        Enrolment { secret: totp.secret().to_base32(), uri, qr }
    }

    fn with(&self, account: &str) -> totp_rs::Totp {
        let builder = Builder::new().with_algorithm(Algorithm::SHA1).with_digits(DIGITS).with_skew(SKEW).with_step_duration(STEP);
        let builder = builder.with_secret(Secret::new(Box::new(self.0))).with_issuer(Some(ISSUER)).with_account_name(account);
        builder.build().expect("these make sense together")
    }
}
