//! Mail with a link in it, by which somebody proves that they read what is sent to an address: to set a password anew, or to have the
//! address verified. And mail without one, which tells somebody that their account is to be deleted.
//!
//! What is asked for is kept first ([`MailQueue`]): an address and what for, the same whether or not somebody has it, so that whoever asks
//! learns nothing. [`Courier`] looks up whose it is, makes a token, keeps its hash ([`OneTimeTokens`](crate::port::OneTimeTokens)) and
//! sends it. Killed anywhere, it is done again: with another token, in a mail of the same `Message-ID`. See docs/adr/0032.

mod courier;
mod letter;
mod redeem;
mod token;

use std::sync::Arc;
use std::time::Duration;

use posthaste_domain::text::Email;
use uuid::Uuid;

pub use self::courier::Courier;
pub use self::redeem::{reset_password, verify_email};
pub use self::token::OneTimeToken;
use crate::port::mail_queue::OwedMail;
use crate::port::one_time::Purpose;
use crate::port::{MailQueue, Mailer, PortError, Ports, Randomness};
use crate::retry::Pauses;

/// Most mails to a user for one purpose whose links are good at the same time: nobody is sent more because somebody asks for it.
pub const MOST_GOOD: usize = 5;

/// On what terms mail is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailTerms {
    /// What links begin with: `https://chat.example`. Never what a request says that this server is called.
    pub link_base: String,
    /// How long a token is good for that sets a password.
    pub reset: Duration,
    /// How long a token is good for that verifies an address.
    pub verification: Duration,
    /// Between two mails to one user for one purpose.
    pub resend: Duration,
    /// How long is waited after failures.
    pub pauses: Pauses,
    /// So often a mail is tried before it is given up.
    pub tries: u32,
    /// Longer than one try takes: after that another node may try.
    pub hold: Duration,
}

impl Default for MailTerms {
    fn default() -> Self {
        Self {
            link_base: "http://localhost:8080".to_owned(),
            reset: Duration::from_hours(1),
            verification: Duration::from_hours(24),
            resend: Duration::from_mins(1),
            pauses: Pauses { first: Duration::from_secs(10), longest: Duration::from_hours(1) },
            // About four hours on average.
            tries: 16,
            hold: Duration::from_mins(2),
        }
    }
}

impl MailTerms {
    /// How long a token is good for.
    const fn lifetime(&self, purpose: Purpose) -> Duration {
        match purpose {
            Purpose::PasswordReset => self.reset,
            Purpose::EmailVerification => self.verification,
            // It brings none.
            Purpose::AccountDeletion => Duration::ZERO,
        }
    }
}

/// What sending mail asks of the world.
#[derive(Clone)]
pub struct MailPorts {
    /// What is owed.
    pub queue: Arc<dyn MailQueue>,
    /// The way to those who read it.
    pub mailer: Arc<dyn Mailer>,
    /// Chance, and what nobody can guess.
    pub randomness: Arc<dyn Randomness>,
    /// On what terms.
    pub terms: MailTerms,
}

/// Keeps that a mail is owed to an address, whoever has it; gives whether this service sends any.
///
/// # Errors
/// It could not be kept.
pub async fn owe(ports: &Ports, id: Uuid, purpose: Purpose, to: Email) -> Result<bool, PortError> {
    let Some(mail) = &ports.mail else { return Ok(false) };
    let queued_at = ports.now();
    mail.queue.put(&OwedMail { id, purpose, to, queued_at }).await?;
    Ok(true)
}
