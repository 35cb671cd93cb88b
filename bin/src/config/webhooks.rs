//! Whose servers are told what, and how patiently.

use std::collections::BTreeSet;
use std::time::Duration;

use posthaste_application::webhooks::{Endpoint, Patience};
use posthaste_domain::Event;
use serde::{Deserialize, Serialize};

use super::Secret;

/// Shorter secrets can be guessed.
const SHORTEST_SECRET: usize = 16;

/// One endpoint.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WebhookConfig {
    name: Name,
    pub(crate) url: Secret,
    pub(crate) secret: Secret,
    types: Types,
}

impl WebhookConfig {
    /// As the application takes it.
    pub(crate) fn endpoint(&self) -> Endpoint {
        Endpoint { name: self.name.0.clone(), types: self.types.0.clone() }
    }
}

/// What an endpoint is called: lower-case letters, digits and hyphens.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
struct Name(String);

impl TryFrom<String> for Name {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        let plain = |character| matches!(character, 'a'..='z' | '0'..='9' | '-');
        if (1..=40).contains(&name.len()) && name.chars().all(plain) {
            Ok(Self(name))
        } else {
            Err(format!("{name:?} is not 1 to 40 of a to z, 0 to 9 and -"))
        }
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.0
    }
}

/// Types of events. `message.*` is all of messages, `*` is everything there is.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
struct Types(BTreeSet<String>);

impl TryFrom<Vec<String>> for Types {
    type Error = String;

    fn try_from(patterns: Vec<String>) -> Result<Self, String> {
        let mut types = BTreeSet::new();
        for pattern in &patterns {
            let matches = |event_type: &str| match pattern.strip_suffix('*') {
                Some(beginning) => (beginning.is_empty() || beginning.ends_with('.')) && event_type.starts_with(beginning),
                None => event_type == pattern,
            };
            let before = types.len();
            types.extend(Event::TYPES.iter().filter(|event_type| matches(event_type)).map(ToString::to_string));
            if types.len() == before && !Event::TYPES.iter().any(|event_type| matches(event_type)) {
                return Err(format!("there is no type of event {pattern:?}"));
            }
        }
        if types.is_empty() { Err("it wants no type of event".to_owned()) } else { Ok(Self(types)) }
    }
}

impl From<Types> for Vec<String> {
    fn from(types: Types) -> Self {
        types.0.into_iter().collect()
    }
}

/// How patiently all of them are treated.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WebhookDeliveryConfig {
    pub(crate) timeout_ms: u64,
    pub(crate) first_retry_ms: u64,
    pub(crate) longest_retry_s: u64,
    pub(crate) tries: u32,
    pub(crate) refusals: u32,
    pub(crate) disable_after_s: u64,
    pub(crate) lease_s: u64,
}

impl WebhookDeliveryConfig {
    /// As dispatchers take it.
    pub(crate) fn patience(&self) -> Patience {
        Patience {
            first: Duration::from_millis(self.first_retry_ms),
            longest: Duration::from_secs(self.longest_retry_s),
            tries: self.tries,
            refusals: self.refusals,
            disable_after: Duration::from_secs(self.disable_after_s),
            lease: Duration::from_secs(self.lease_s),
        }
    }

    /// How long an endpoint may take to answer.
    pub(crate) const fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }
}

/// What no single endpoint can know of itself.
pub(crate) fn check(webhooks: &[WebhookConfig], delivery: &WebhookDeliveryConfig) -> Result<(), String> {
    let mut names = BTreeSet::new();
    for WebhookConfig { name, secret, .. } in webhooks {
        if !names.insert(&name.0) {
            return Err(format!("two webhooks are called {}", name.0));
        }
        if secret.reveal().len() < SHORTEST_SECRET {
            return Err(format!("the secret of the webhook {} has fewer than {SHORTEST_SECRET} bytes", name.0));
        }
    }
    if delivery.lease_s.saturating_mul(2_000) < delivery.timeout_ms.saturating_mul(3) || delivery.lease_s == 0 {
        return Err("webhook_delivery.lease_s must be at least one and a half times webhook_delivery.timeout_ms".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::config::Config;
    use crate::config::tests::load;

    const CRM: &str = "name = 'crm'\nurl = 'https://crm.example/hook?token=t0ken'\nsecret = 'a secret of the crm'\n";

    fn refused(file: &str, word: &str) {
        let error = format!("{:#}", load(file, &[]).unwrap_err());
        assert!(error.contains(word), "{error}");
    }

    #[test]
    fn there_are_none_unless_given() {
        assert_eq!(load("", &[]).unwrap().webhooks().0.len(), 0);
    }

    #[test]
    fn types_may_be_named_one_by_one_by_category_or_all_together() {
        let types = |types: &str| {
            let config = load(&format!("[[webhooks]]\n{CRM}types = {types}"), &[]).unwrap();
            config.webhooks().0[0].endpoint().types
        };
        assert_eq!(types("['message.posted', 'user.registered']").len(), 2);
        let messages = types("['message.*']");
        assert!(messages.len() > 3 && messages.iter().all(|event_type| event_type.starts_with("message.")), "{messages:?}");
        assert_eq!(types("['*']").len(), posthaste_domain::Event::TYPES.len());
    }

    #[test]
    fn what_cannot_work_is_refused_with_a_reason() {
        refused(&format!("[[webhooks]]\n{CRM}types = ['message.pasted']"), "message.pasted");
        refused(&format!("[[webhooks]]\n{CRM}types = ['message*']"), "message*");
        refused(&format!("[[webhooks]]\n{CRM}types = []"), "no type");
        refused("[[webhooks]]\nname = 'The CRM'\nurl = ''\nsecret = ''\ntypes = ['*']", "The CRM");
        refused("[[webhooks]]\nname = 'crm'\nurl = 'https://crm.example'\nsecret = 'short'\ntypes = ['*']", "secret");
        refused(&format!("[[webhooks]]\n{CRM}types = ['*']\n[[webhooks]]\n{CRM}types = ['*']"), "crm");
        refused("[webhook_delivery]\nlease_s = 14", "lease_s");
    }

    #[test]
    fn neither_secret_nor_address_is_shown() {
        let config: Config = load(&format!("[[webhooks]]\n{CRM}types = ['*']"), &[]).unwrap();
        let shown = format!("{config:?}{}", toml::to_string(&config).unwrap());
        assert!(!shown.contains("secret of the crm") && !shown.contains("t0ken"), "{shown}");
    }
}
