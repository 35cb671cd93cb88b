//! The side of the server in WebAuthn.

use posthaste_application::origin::Origins;
use posthaste_application::passkey::CEREMONY;
use posthaste_application::port::passkeys::{Challenge, Passkey, Registered, Verdict};
use posthaste_application::port::{PortError, RelyingParty};
use posthaste_domain::UserId;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use webauthn_rs::prelude::{
    CredentialID, DiscoverableAuthentication, PasskeyRegistration, PublicKeyCredential, RegisterPublicKeyCredential, Url, WebauthnError,
};
use webauthn_rs::{Webauthn, WebauthnBuilder};

/// Where passkeys are of no use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no domain that passkeys can be made for, such as chat.example, or localhost")]
pub struct NoRelyingParty(pub String);

/// A server that passkeys are made for.
pub struct WebauthnParty(Webauthn);

impl WebauthnParty {
    /// The server of a domain, by this name, for pages of `https://` the domain itself, and of those origins that are of it or below it. At
    /// `localhost`, pages of any port.
    ///
    /// # Errors
    /// It is no domain.
    pub fn new(domain: &str, name: &str, origins: &Origins) -> Result<Self, NoRelyingParty> {
        let none = || NoRelyingParty(domain.to_owned());
        let local = domain == "localhost";
        let own = Url::parse(&format!("{}://{domain}", if local { "http" } else { "https" })).map_err(|_| none())?;
        // Nothing but the domain: no port, no user, no address.
        if own.domain() != Some(domain) || own.port().is_some() || own.path() != "/" {
            return Err(none());
        }
        let mut builder = WebauthnBuilder::new(domain, &own).map_err(|_| none())?.rp_name(name).allow_any_port(local).timeout(CEREMONY);
        for origin in origins.iter().filter_map(|origin| Url::parse(origin).ok()) {
            let within = origin.domain().is_some_and(|host| host == domain || host.ends_with(&format!(".{domain}")));
            // A browser makes no passkeys where anybody may listen.
            if within && (origin.scheme() == "https" || local) {
                builder = builder.append_allowed_origin(&origin);
            }
        }
        builder.build().map(Self).map_err(|_| none())
    }
}

impl RelyingParty for WebauthnParty {
    fn offer(&self, user: UserId, username: &str, display_name: &str, known: &[Passkey]) -> Result<Challenge, PortError> {
        let known = known.iter().map(|passkey| CredentialID::from(passkey.credential.clone())).collect();
        let (mut options, state) =
            self.0.start_passkey_registration(user.uuid(), username, display_name, Some(known)).map_err(impossible)?;
        if let Some(selection) = &mut options.public_key.authenticator_selection {
            // The authenticator is to know whose it is, so that nobody need say who they are.
            selection.require_resident_key = true;
        }
        let mut options = written(&options)?;
        options["publicKey"]["authenticatorSelection"]["residentKey"] = json!("required");
        Ok(Challenge { options, state: kept(&state)? })
    }

    fn register(&self, state: &[u8], answer: &Value) -> Option<Registered> {
        let state: PasskeyRegistration = serde_json::from_slice(state).ok()?;
        let passkey = self.0.finish_passkey_registration(&read::<RegisterPublicKeyCredential>(answer)?, &state).ok()?;
        let credential = passkey.cred_id().to_vec();
        Some(Registered { credential, key: serde_json::to_string(&passkey).ok()? })
    }

    fn challenge(&self) -> Result<Challenge, PortError> {
        let (mut options, state) = self.0.start_discoverable_authentication().map_err(impossible)?;
        // The page decides whether to ask at once.
        options.mediation = None;
        Ok(Challenge { options: written(&options)?, state: kept(&state)? })
    }

    fn claimed(&self, answer: &Value) -> Option<(UserId, Vec<u8>)> {
        let answer = read::<PublicKeyCredential>(answer)?;
        let (user, credential) = self.0.identify_discoverable_authentication(&answer).ok()?;
        Some((UserId::new(user), credential.to_vec()))
    }

    fn verify(&self, state: &[u8], answer: &Value, passkey: &Passkey) -> Result<Verdict, PortError> {
        let place = || format!("the passkey {}", passkey.id);
        let state: Result<DiscoverableAuthentication, _> = serde_json::from_slice(state);
        let (Ok(state), Some(answer)) = (state, read::<PublicKeyCredential>(answer)) else { return Ok(Verdict::Wrong) };
        let mut key: webauthn_rs::prelude::Passkey =
            serde_json::from_str(&passkey.key).map_err(|error| PortError::corrupt(place(), error))?;
        match self.0.finish_discoverable_authentication_v2(&answer, state, &key) {
            Ok(result) => {
                key.update_credential(&result);
                let key = serde_json::to_string(&key).map_err(|error| PortError::corrupt(place(), error))?;
                Ok(Verdict::Right(key))
            }
            Err(WebauthnError::CredentialPossibleCompromise) => Ok(Verdict::Copied),
            Err(_) => Ok(Verdict::Wrong),
        }
    }
}

/// An answer of a browser, if it is one.
fn read<T: DeserializeOwned>(answer: &Value) -> Option<T> {
    T::deserialize(answer).ok()
}

fn written(options: &impl Serialize) -> Result<Value, PortError> {
    serde_json::to_value(options).map_err(impossible)
}

fn kept(state: &impl Serialize) -> Result<Vec<u8>, PortError> {
    serde_json::to_vec(state).map_err(impossible)
}

/// Nothing of this depends on what anybody asks.
fn impossible(error: impl std::error::Error + Send + Sync + 'static) -> PortError {
    PortError::rejected("webauthn", error)
}
