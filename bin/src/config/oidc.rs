//! Where else somebody can have an account to log in with.

use std::collections::BTreeSet;
use std::num::NonZeroU64;
use std::time::Duration;

use posthaste_infrastructure::openidconnect::OidcSettings;
use serde::{Deserialize, Serialize};

use super::Secret;

/// Where else somebody can have an account to log in with.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OidcConfig {
    public_url: String,
    timeout_ms: NonZeroU64,
    #[serde(default)]
    pub(crate) providers: Vec<OidcProviderConfig>,
}

/// One provider.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OidcProviderConfig {
    id: Id,
    pub(crate) name: String,
    issuer: String,
    client_id: String,
    pub(crate) client_secret: Secret,
    #[serde(default = "OidcProviderConfig::scopes")]
    scopes: Vec<String>,
}

/// What a provider is called in addresses: lower-case letters, digits and hyphens.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
struct Id(String);

impl TryFrom<String> for Id {
    type Error = String;

    fn try_from(id: String) -> Result<Self, String> {
        let plain = |character| matches!(character, 'a'..='z' | '0'..='9' | '-');
        if (1..=40).contains(&id.len()) && id.chars().all(plain) {
            Ok(Self(id))
        } else {
            Err(format!("{id:?} is not 1 to 40 of a to z, 0 to 9 and -"))
        }
    }
}

impl From<Id> for String {
    fn from(id: Id) -> Self {
        id.0
    }
}

impl OidcProviderConfig {
    fn scopes() -> Vec<String> {
        ["openid", "email", "profile"].map(str::to_owned).into()
    }

    /// What it is called in addresses.
    pub(crate) fn id(&self) -> &str {
        &self.id.0
    }
}

impl OidcConfig {
    /// What a provider is asked with, and this secret.
    pub(crate) fn settings(&self, provider: &OidcProviderConfig, client_secret: String) -> OidcSettings {
        OidcSettings {
            issuer: provider.issuer.clone(),
            client_id: provider.client_id.clone(),
            client_secret,
            scopes: provider.scopes.clone(),
            redirect_url: format!("{}/v1/oidc/{}/callback", self.public_url.trim_end_matches('/'), provider.id()),
            patience: Duration::from_millis(self.timeout_ms.get()),
        }
    }

    /// What no single key can know of itself.
    pub(super) fn check(&self) -> Result<(), String> {
        let beginning = ["https://", "http://"].iter().find_map(|scheme| self.public_url.strip_prefix(scheme));
        if !beginning.is_some_and(|host| !host.is_empty() && !host.contains(['?', '#'])) {
            return Err("oidc.public_url is not like https://chat.example".to_owned());
        }
        let (mut ids, mut issuers) = (BTreeSet::new(), BTreeSet::new());
        for OidcProviderConfig { id, name, issuer, client_id, client_secret, .. } in &self.providers {
            if !ids.insert(id) {
                return Err(format!("two of oidc.providers are called {}", id.0));
            }
            // Which of them vouched for somebody could not be told.
            if !issuers.insert(issuer) {
                return Err(format!("two of oidc.providers have the issuer {issuer}"));
            }
            if name.is_empty() || client_id.is_empty() || client_secret.reveal().is_empty() {
                return Err(format!("the provider {} in oidc.providers needs a name, a client_id and a client_secret", id.0));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::config::Config;
    use crate::config::tests::load;

    const ONE: &str = "[[oidc.providers]]\nid = 'example'\nname = 'Example'\nissuer = 'https://login.example'\n\
                       client_id = 'posthaste'\nclient_secret = 'hush-hush'\n";

    fn refused(file: &str, word: &str) {
        let error = format!("{:#}", load(file, &[]).unwrap_err());
        assert!(error.contains(word), "{error}");
    }

    #[test]
    fn there_are_none_unless_given() {
        assert_eq!(load("", &[]).unwrap().oidc().providers.len(), 0);
    }

    #[test]
    fn a_provider_sends_browsers_back_to_its_own_address() {
        let config = load(&format!("[oidc]\npublic_url = 'https://chat.example/'\n{ONE}"), &[]).unwrap();
        let settings = config.oidc().settings(&config.oidc().providers[0], String::new());
        assert_eq!(settings.redirect_url, "https://chat.example/v1/oidc/example/callback");
        assert_eq!(settings.scopes, ["openid", "email", "profile"]);
    }

    #[test]
    fn what_cannot_work_is_refused_with_a_reason() {
        refused("[oidc]\npublic_url = 'chat.example'", "public_url");
        refused(&format!("{ONE}{ONE}"), "called example");
        refused(&format!("{ONE}{}", ONE.replace("'example'", "'other'")), "issuer");
        refused(&ONE.replace("'example'", "'An Example'"), "An Example");
        refused(&ONE.replace("hush-hush", ""), "client_secret");
        refused(&format!("{ONE}pkce = false"), "pkce");
    }

    #[test]
    fn the_secret_is_not_shown() {
        let config: Config = load(ONE, &[]).unwrap();
        let shown = format!("{config:?}{}", toml::to_string(&config).unwrap());
        assert!(shown.contains("login.example") && !shown.contains("hush-hush"), "{shown}");
    }
}
