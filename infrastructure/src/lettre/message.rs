//! A mail as it goes over the wire (RFC 5322).

use std::time::SystemTime;

use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::{Address, Message};
use posthaste_application::port::mailer::{Mail, Unsent};

/// Not what mail can come from.
#[derive(Debug, thiserror::Error)]
#[error("it is not like Posthaste <posthaste@chat.example>")]
pub struct UnusableSender;

/// Whom mails come from.
#[derive(Clone, Debug)]
pub struct Sender(Mailbox);

impl Sender {
    /// Such as `Posthaste <posthaste@chat.example>`, or an address alone.
    ///
    /// # Errors
    /// It is not.
    pub fn parse(from: &str) -> Result<Self, UnusableSender> {
        from.parse().map(Self).map_err(|_| UnusableSender)
    }

    /// The domain of the address.
    pub(super) fn domain(&self) -> &str {
        self.0.email.domain()
    }

    /// Writes a mail. Whatever somebody is called is encoded, so that it can neither end a line nor be taken for an address.
    pub(super) fn write(&self, mail: &Mail) -> Result<Message, Unsent> {
        let to: Address = mail.to.as_str().parse().map_err(|_| Unsent::Permanent("there can be no mailbox of this address".to_owned()))?;
        let name = mail.name.as_deref().map(one_line).filter(|name| !name.is_empty());
        Message::builder()
            .from(self.0.clone())
            .to(Mailbox::new(name, to))
            .subject(one_line(&mail.subject))
            .date(SystemTime::from(mail.at))
            .message_id(Some(format!("<{}@{}>", mail.id, self.domain())))
            // No out-of-office message comes back (RFC 3834).
            .raw_header(HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned()))
            .multipart(MultiPart::alternative_plain_html(mail.text.clone(), mail.html.clone()))
            .map_err(|_| Unsent::Permanent("the mail cannot be written".to_owned()))
    }
}

/// Without what ends a line, or could be taken for that.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') { ' ' } else { c }).collect::<String>().trim().to_owned()
}
