//! Mail, by lettre: over SMTP, or into a folder.

mod message;
mod outbox;
mod smtp;

pub use self::message::{Sender, UnusableSender};
pub use self::outbox::OutboxMailer;
pub use self::smtp::{Smtp, SmtpMailer, SmtpTls, UnusableServer};
