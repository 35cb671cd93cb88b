//! Where else somebody can have an account to log in with.

use std::sync::Arc;

use anyhow::Context as _;
use posthaste_application::oidc::Provider;
use posthaste_application::port::Clock;
use posthaste_infrastructure::openidconnect::OidcProvider;

use super::auth::text;
use crate::config::{OidcConfig, OidcProviderConfig};

/// The configured providers. None is asked anything yet: one that is gone keeps no server from starting.
pub(super) fn providers(config: &OidcConfig, clock: &Arc<dyn Clock>) -> anyhow::Result<Vec<Provider>> {
    let provider = |provider: &OidcProviderConfig| {
        let secret = text(&provider.client_secret)?;
        let way = OidcProvider::new(config.settings(provider, secret.trim().to_owned()), Arc::clone(clock))?;
        anyhow::Ok(Provider { id: provider.id().to_owned(), name: provider.name.clone(), way: Arc::new(way) })
    };
    let named = |given: &OidcProviderConfig| {
        provider(given).with_context(|| format!("the provider {} in oidc.providers cannot be used", given.id()))
    };
    config.providers.iter().map(named).collect()
}
