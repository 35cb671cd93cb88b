//! OpenID providers, by the crate of that name: what it asks them goes through a client of ours, which follows nobody anywhere, waits for
//! nobody long, and reads nobody's endless answers.

mod http;

use std::sync::Arc;
use std::time::Duration;

use ::openidconnect::core::{
    CoreAuthenticationFlow, CoreClient, CoreClientAuthMethod, CoreIdTokenClaims, CoreJwsSigningAlgorithm, CoreProviderMetadata,
    CoreTokenResponse, CoreUserInfoClaims,
};
use ::openidconnect::{
    AuthType, AuthorizationCode, ClaimsVerificationError, ClientId, ClientSecret, CsrfToken, DiscoveryError, EndpointMaybeSet,
    EndpointNotSet, EndpointSet, IssuerUrl, Nonce, OAuth2TokenResponse as _, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl,
    RequestTokenError, Scope, SignatureVerificationError, TokenResponse as _, UserInfoError,
};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use posthaste_application::port::identity_provider::{Expected, Vouched};
use posthaste_application::port::{Clock, IdentityProvider, PortError};
use tokio::sync::Mutex;

use self::http::{Failed, Http};

const SERVICE: &str = "identity provider";
/// How long what a provider says of itself, its keys included, is not asked for again.
const FRESH: Duration = Duration::from_secs(3_600);
/// How long it is used while the provider cannot be asked.
const STALE: Duration = Duration::from_secs(86_400);
/// How long a provider that could not be asked is left alone: who comes in that time does not wait for it as well.
const PAUSE: Duration = Duration::from_secs(2);
/// Most bytes of a subject, as the standard has it.
const SUBJECT: usize = 255;
/// Most characters that are taken of how somebody is called.
const NAME: usize = 200;
/// What tokens are signed with: a key pair of the provider's. Never with the client's secret, and never not at all.
const ALGORITHMS: [CoreJwsSigningAlgorithm; 10] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EcdsaP521Sha512,
    CoreJwsSigningAlgorithm::EdDsa,
];

type Client = CoreClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointMaybeSet, EndpointMaybeSet>;

/// What a provider knows this service by, and this service a provider.
#[derive(Clone)]
pub struct OidcSettings {
    /// Its URL, to the letter as it calls itself.
    pub issuer: String,
    /// What it calls this service.
    pub client_id: String,
    /// What this service shows that it is that.
    pub client_secret: String,
    /// What it is asked for besides `openid`.
    pub scopes: Vec<String>,
    /// Where it sends browsers back to.
    pub redirect_url: String,
    /// How long one answer may take.
    pub patience: Duration,
}

/// Why a provider cannot be one.
#[derive(Debug, thiserror::Error)]
pub enum UnusableProvider {
    /// Its address, or that of this service.
    #[error("{0} is not like https://host/path; without TLS only a provider on this machine can be trusted")]
    Url(&'static str),
    /// The client.
    #[error("there is no HTTP client")]
    Client(#[source] reqwest::Error),
}

/// What a provider says of itself.
struct Known {
    metadata: CoreProviderMetadata,
    at: DateTime<Utc>,
}

#[derive(Default)]
struct Learnt {
    known: Option<Arc<Known>>,
    failed_at: Option<DateTime<Utc>>,
}

/// One provider.
pub struct OidcProvider {
    settings: OidcSettings,
    issuer: IssuerUrl,
    redirect: RedirectUrl,
    http: Http,
    clock: Arc<dyn Clock>,
    // Held while it is asked: those who come meanwhile want the same answer.
    learnt: Mutex<Learnt>,
}

/// It was asked in vain a moment ago.
#[derive(Debug, thiserror::Error)]
#[error("{0} could not be asked a moment ago")]
struct Paused(String);

/// What it says of itself cannot be had, or not be used.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Undiscovered(String);

/// What does not hold of what it says.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Untrue(&'static str);

impl OidcProvider {
    /// A provider, which is not asked anything yet.
    ///
    /// # Errors
    /// It cannot be one.
    pub fn new(settings: OidcSettings, clock: Arc<dyn Clock>) -> Result<Self, UnusableProvider> {
        let issuer = IssuerUrl::new(settings.issuer.clone()).map_err(|_| UnusableProvider::Url("the issuer"))?;
        let redirect = RedirectUrl::new(settings.redirect_url.clone()).map_err(|_| UnusableProvider::Url("the public URL"))?;
        let http = Http::new(issuer.url(), settings.patience)?;
        Ok(Self { settings, issuer, redirect, http, clock, learnt: Mutex::default() })
    }

    /// What it says of itself, asked for not too long ago, and later than `than`.
    async fn known(&self, than: Option<DateTime<Utc>>) -> Result<Arc<Known>, PortError> {
        let mut learnt = self.learnt.lock().await;
        let now = self.clock.now();
        let within = |at: DateTime<Utc>, time: Duration| (now - at).to_std().is_ok_and(|passed| passed < time);
        let newer = learnt.known.clone().filter(|known| than.is_none_or(|than| known.at > than));
        if let Some(known) = newer.clone().filter(|known| within(known.at, FRESH)) {
            return Ok(known);
        }
        let stale = newer.filter(|known| within(known.at, STALE));
        if learnt.failed_at.is_some_and(|at| within(at, PAUSE)) {
            return stale.ok_or_else(|| PortError::unavailable(SERVICE, Paused(self.settings.issuer.clone())));
        }
        match CoreProviderMetadata::discover_async(self.issuer.clone(), &self.http).await {
            Ok(metadata) => {
                let known = Arc::new(Known { metadata, at: now });
                *learnt = Learnt { known: Some(Arc::clone(&known)), failed_at: None };
                Ok(known)
            }
            Err(error) => {
                learnt.failed_at = Some(self.clock.now());
                stale.ok_or_else(|| PortError::unavailable(SERVICE, Undiscovered(reason(error))))
            }
        }
    }

    fn client(&self, known: &Known) -> Client {
        let id = ClientId::new(self.settings.client_id.clone());
        let secret = ClientSecret::new(self.settings.client_secret.clone());
        let methods = known.metadata.token_endpoint_auth_methods_supported();
        let basic = methods.is_none_or(|methods| methods.contains(&CoreClientAuthMethod::ClientSecretBasic));
        let client = CoreClient::from_provider_metadata(known.metadata.clone(), id, Some(secret));
        client.set_redirect_uri(self.redirect.clone()).set_auth_type(if basic { AuthType::BasicAuth } else { AuthType::RequestBody })
    }

    /// Whom a token is about, if all of it holds.
    fn claims(
        &self,
        client: &Client,
        answer: &CoreTokenResponse,
        expected: &Expected,
    ) -> Result<CoreIdTokenClaims, ClaimsVerificationError> {
        let clock = Arc::clone(&self.clock);
        let verifier = client.id_token_verifier().set_allowed_algs(ALGORITHMS).set_time_fn(move || clock.now());
        let token = answer.id_token().ok_or_else(|| ClaimsVerificationError::Other("there is no ID token".to_owned()))?;
        let claims = token.claims(&verifier, &Nonce::new(expected.nonce.clone()))?;
        // The crate leaves this to its users.
        if claims.authorized_party().is_some_and(|party| party.as_str() != self.settings.client_id) {
            return Err(ClaimsVerificationError::InvalidAudience("it was made for another client".to_owned()));
        }
        Ok(claims.clone())
    }
}

#[async_trait]
impl IdentityProvider for OidcProvider {
    fn issuer(&self) -> &str {
        &self.settings.issuer
    }

    async fn authorization_url(&self, state: &str, expected: &Expected) -> Result<String, PortError> {
        let known = self.known(None).await?;
        let (state, nonce) = (CsrfToken::new(state.to_owned()), Nonce::new(expected.nonce.clone()));
        let challenge = PkceCodeChallenge::from_code_verifier_sha256(&PkceCodeVerifier::new(expected.verifier.clone()));
        let client = self.client(&known);
        let asked = client.authorize_url(CoreAuthenticationFlow::AuthorizationCode, move || state, move || nonce);
        let scopes = self.settings.scopes.iter().filter(|scope| *scope != "openid").cloned().map(Scope::new);
        let (url, ..) = asked.add_scopes(scopes).set_pkce_challenge(challenge).url();
        Ok(url.into())
    }

    async fn redeem(&self, code: &str, expected: &Expected) -> Result<Vouched, PortError> {
        let known = self.known(None).await?;
        let mut client = self.client(&known);
        let exchange =
            client.exchange_code(AuthorizationCode::new(code.to_owned())).map_err(|error| PortError::unavailable(SERVICE, error))?;
        let exchange = exchange.set_pkce_verifier(PkceCodeVerifier::new(expected.verifier.clone()));
        let answer = exchange.request_async(&self.http).await.map_err(|error| match error {
            RequestTokenError::Request(error) => PortError::unavailable(SERVICE, error),
            RequestTokenError::ServerResponse(_) => PortError::rejected(SERVICE, Untrue("it does not take the code")),
            RequestTokenError::Parse(..) | RequestTokenError::Other(_) => PortError::rejected(SERVICE, Untrue("its answer cannot be read")),
        })?;
        let mut claims = self.claims(&client, &answer, expected);
        if claims.as_ref().is_err_and(may_be_a_new_key) {
            client = self.client(&*self.known(Some(known.at)).await?);
            claims = self.claims(&client, &answer, expected);
        }
        let claims = claims.map_err(|error| PortError::rejected(SERVICE, error))?;
        let subject = claims.subject();
        if subject.is_empty() || subject.len() > SUBJECT {
            return Err(PortError::rejected(SERVICE, Untrue("the subject has another length than subjects have")));
        }
        let named = |name: Option<&str>| name.map(|name| name.chars().take(NAME).collect::<String>());
        let vouched = Vouched {
            subject: subject.to_string(),
            email: claims.email().map(|email| email.as_str().to_owned()),
            email_verified: claims.email_verified().unwrap_or(false),
            username: named(claims.preferred_username().map(|name| name.as_str())),
            name: named(claims.name().and_then(|name| name.get(None)).map(|name| name.as_str())),
        };
        if vouched.email.is_some() || client.user_info_url().is_none() {
            return Ok(vouched);
        }
        // Most say no more of somebody in the token than who it is.
        let asked = client
            .user_info(answer.access_token().clone(), Some(subject.clone()))
            .map_err(|error| PortError::unavailable(SERVICE, error))?;
        let told: CoreUserInfoClaims = asked.request_async(&self.http).await.map_err(|error| match error {
            UserInfoError::Request(error) => PortError::unavailable(SERVICE, error),
            UserInfoError::ClaimsVerification(error) => PortError::rejected(SERVICE, error),
            UserInfoError::Parse(_) | UserInfoError::Response(..) | UserInfoError::Other(_) | _ => {
                PortError::rejected(SERVICE, Untrue("what it says of somebody cannot be read"))
            }
        })?;
        Ok(Vouched {
            email: told.email().map(|email| email.as_str().to_owned()),
            email_verified: told.email_verified().unwrap_or(false),
            username: vouched.username.or_else(|| named(told.preferred_username().map(|name| name.as_str()))),
            name: vouched.name.or_else(|| named(told.name().and_then(|name| name.get(None)).map(|name| name.as_str()))),
            ..vouched
        })
    }
}

/// Whether it may be that the provider signs with a key that it did not have when it was asked.
fn may_be_a_new_key(error: &ClaimsVerificationError) -> bool {
    matches!(
        error,
        ClaimsVerificationError::SignatureVerification(
            SignatureVerificationError::NoMatchingKey | SignatureVerificationError::CryptoError(_)
        )
    )
}

/// What went wrong with asking a provider about itself, without what it answered.
fn reason(error: DiscoveryError<Failed>) -> String {
    match error {
        DiscoveryError::Request(failed) => failed.to_string(),
        DiscoveryError::Response(status, ..) => format!("it answers with status {} or another type than JSON", status.as_u16()),
        DiscoveryError::Parse(_) => "what it says of itself cannot be read".to_owned(),
        DiscoveryError::UrlParse(_) | DiscoveryError::Validation(_) => "it calls itself something else than its issuer".to_owned(),
        DiscoveryError::Other(_) | _ => "it cannot be asked about itself".to_owned(),
    }
}
