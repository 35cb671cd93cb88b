//! How mail is sent.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use posthaste_application::mail::MailPorts;
use posthaste_application::port::{MailQueue, Mailer};
use posthaste_infrastructure::lettre::{OutboxMailer, Sender, SmtpMailer};
use posthaste_infrastructure::system::SystemRandomness;

use crate::config::{MailConfig, Transport};

/// Where an outbox is in the data folder of the embedded profile.
const OUTBOX: &str = "outbox";

/// What mail takes; nothing if none is sent. Without a word about it, mail goes into the data folder, if there is one.
pub(super) fn ports(config: &MailConfig, data: Option<&Path>, queue: Arc<dyn MailQueue>) -> anyhow::Result<Option<MailPorts>> {
    let mailer = mailer(config, data)?;
    Ok(mailer.map(|mailer| MailPorts { queue, mailer, randomness: Arc::new(SystemRandomness), terms: config.terms() }))
}

/// What sends it.
pub(super) fn mailer(config: &MailConfig, data: Option<&Path>) -> anyhow::Result<Option<Arc<dyn Mailer>>> {
    let from = || Sender::parse(&config.from).context("mail.from cannot be used");
    let usual = if data.is_some() { Transport::Outbox } else { Transport::None };
    Ok(match config.transport.unwrap_or(usual) {
        Transport::None => None,
        Transport::Outbox => {
            let folder = config.outbox.clone().or_else(|| data.map(|data| data.join(OUTBOX)));
            let folder = folder.context("mail.outbox is missing: it names the folder that mail is written to")?;
            Some(Arc::new(OutboxMailer::new(&folder, from()?)))
        }
        Transport::Smtp => Some(Arc::new(SmtpMailer::new(&config.smtp(), from()?).context("the server of mail.smtp cannot be used")?)),
    })
}
