//! What passwords are hashed with, tokens signed, and secrets sealed.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use posthaste_application::port::Clock;
use posthaste_infrastructure::aes_gcm::AesCipher;
use posthaste_infrastructure::argon2::ArgonPasswords;
use posthaste_infrastructure::embedded::{factor_key, token_key};
use posthaste_infrastructure::jwt::{JwtTokens, TokenKey, TrustedKey};

use crate::config::{AuthConfig, Secret};

/// Who issues access tokens.
const ISSUER: &str = "posthaste";
/// What a key begins with that is in a file.
const IN_A_FILE: &str = "file:";

pub(super) fn passwords<S>(auth: &AuthConfig<S>) -> anyhow::Result<Arc<ArgonPasswords>> {
    Ok(Arc::new(ArgonPasswords::new(auth.password_cost()).context("auth.password_* make no sense together")?))
}

/// The configured signing key.
pub(super) fn signing_key(key: &Secret) -> anyhow::Result<TokenKey> {
    text(key).and_then(|text| Ok(TokenKey::parse(&text)?)).context("auth.signing_key cannot be used")
}

/// The signing key in the data folder, made if there is none.
pub(super) fn kept_signing_key(folder: &Path) -> anyhow::Result<TokenKey> {
    let key = token_key(folder, || TokenKey::random().to_pem());
    let key = key.context("the signing key in the data folder cannot be read or made")?;
    TokenKey::parse(&key).context("the signing key in the data folder cannot be used: remove token.key to have a new one made")
}

/// What seals the secrets of second factors, with the configured key.
pub(super) fn cipher(key: &Secret) -> anyhow::Result<AesCipher> {
    text(key).and_then(|text| Ok(AesCipher::parse(&text)?)).context("auth.factor_key cannot be used")
}

/// The same with the key in the data folder, made if there is none.
pub(super) fn kept_cipher(folder: &Path) -> anyhow::Result<AesCipher> {
    let key = factor_key(folder, AesCipher::random_key).context("factor.key in the data folder cannot be read or made")?;
    AesCipher::parse(&key).context("factor.key in the data folder cannot be used: put it back from a backup")
}

/// The further keys whose tokens are taken.
pub(super) fn accepted_keys<S>(auth: &AuthConfig<S>) -> anyhow::Result<Vec<TrustedKey>> {
    let key = |key| text(key).and_then(|text| Ok(TrustedKey::parse(&text)?));
    auth.accepted_keys.iter().map(key).collect::<anyhow::Result<_>>().context("auth.accepted_keys cannot be used")
}

pub(super) fn tokens<S>(auth: &AuthConfig<S>, key: &TokenKey, clock: &Arc<dyn Clock>) -> anyhow::Result<Arc<JwtTokens>> {
    let tokens = JwtTokens::new(key, ISSUER, Arc::clone(clock));
    Ok(Arc::new(accepted_keys(auth)?.into_iter().fold(tokens, JwtTokens::accepting)))
}

pub(super) fn text(key: &Secret) -> anyhow::Result<String> {
    match key.reveal().strip_prefix(IN_A_FILE) {
        Some(file) => std::fs::read_to_string(file).with_context(|| format!("{file} cannot be read")),
        None => Ok(key.reveal().to_owned()),
    }
}
