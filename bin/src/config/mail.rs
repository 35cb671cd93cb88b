//! How mail is sent, and on what terms.

use std::num::{NonZeroU32, NonZeroU64};
use std::path::PathBuf;
use std::time::Duration;

use posthaste_application::mail::MailTerms;
use posthaste_application::retry::Pauses;
use posthaste_infrastructure::lettre::{Smtp, SmtpTls};
use serde::{Deserialize, Serialize};

use super::Secret;

/// How mail is sent, and on what terms.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MailConfig {
    pub(crate) transport: Option<Transport>,
    pub(crate) outbox: Option<PathBuf>,
    pub(crate) from: String,
    pub(crate) link_base: String,
    reset_s: NonZeroU64,
    verification_s: NonZeroU64,
    resend_s: u64,
    first_retry_ms: u64,
    longest_retry_s: u64,
    tries: NonZeroU32,
    smtp: SmtpConfig,
}

/// Where mail goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Transport {
    /// Nowhere.
    None,
    /// Into a folder.
    Outbox,
    /// To a server.
    Smtp,
}

/// The server that takes mail over.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct SmtpConfig {
    host: String,
    port: Option<u16>,
    tls: TlsConfig,
    user: Option<String>,
    password: Option<Secret>,
    timeout_ms: NonZeroU64,
}

/// How the way there is kept to oneself.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
enum TlsConfig {
    None,
    StartTls,
    Tls,
}

impl MailConfig {
    /// On what terms.
    pub(crate) fn terms(&self) -> MailTerms {
        MailTerms {
            link_base: self.link_base.clone(),
            reset: Duration::from_secs(self.reset_s.get()),
            verification: Duration::from_secs(self.verification_s.get()),
            resend: Duration::from_secs(self.resend_s),
            pauses: Pauses { first: Duration::from_millis(self.first_retry_ms), longest: Duration::from_secs(self.longest_retry_s) },
            tries: self.tries.get(),
            // Beside the server, the stores are asked as well.
            hold: self.smtp.timeout() * 2,
        }
    }

    /// The server that takes mail over.
    pub(crate) fn smtp(&self) -> Smtp {
        let SmtpConfig { host, port, tls, user, password, .. } = self.smtp.clone();
        let tls = match tls {
            TlsConfig::None => SmtpTls::None,
            TlsConfig::StartTls => SmtpTls::StartTls,
            TlsConfig::Tls => SmtpTls::Tls,
        };
        let login = user.zip(password).map(|(user, password)| (user, password.reveal().to_owned()));
        Smtp { host, port, tls, login, timeout: self.smtp.timeout() }
    }

    /// What no single key can know of itself.
    pub(super) fn check(&self) -> Result<(), String> {
        let link = self.link_base.strip_prefix("https://").or_else(|| self.link_base.strip_prefix("http://"));
        if !link.is_some_and(|host| !host.is_empty() && !host.contains(['#', '?', ' '])) {
            return Err("mail.link_base is not like https://chat.example".to_owned());
        }
        if self.smtp.user.is_some() != self.smtp.password.is_some() {
            return Err("mail.smtp.user and mail.smtp.password go together".to_owned());
        }
        if self.smtp.password.is_some() && matches!(self.smtp.tls, TlsConfig::None) {
            return Err("mail.smtp.password is not sent without TLS: set mail.smtp.tls".to_owned());
        }
        Ok(())
    }
}

impl SmtpConfig {
    const fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms.get())
    }
}

#[cfg(test)]
mod tests {
    use crate::config::tests::load;

    fn refused(file: &str, word: &str) {
        let error = format!("{:#}", load(file, &[]).unwrap_err());
        assert!(error.contains(word), "{error}");
    }

    #[test]
    fn what_cannot_work_is_refused_with_a_reason() {
        for link in ["chat.example", "ftp://chat.example", "https://", "https://chat.example/#", "https://chat.example/?a"] {
            refused(&format!("[mail]\nlink_base = '{link}'"), "link_base");
        }
        refused("[mail.smtp]\nuser = 'posthaste'", "go together");
        refused("[mail.smtp]\nuser = 'posthaste'\npassword = 'hush'\ntls = 'none'", "without TLS");
        refused("[mail]\ntransport = 'pigeon'", "pigeon");
    }

    #[test]
    fn the_password_is_not_shown() {
        let config = load("[mail.smtp]\nuser = 'posthaste'\npassword = 'hush-hush'\ntls = 'tls'", &[]).unwrap();
        let shown = format!("{config:?}{}{:?}", toml::to_string(&config).unwrap(), config.mail().smtp());
        assert!(!shown.contains("hush-hush"), "{shown}");
        assert_eq!(config.mail().smtp().login, Some(("posthaste".to_owned(), "hush-hush".to_owned())));
    }
}
