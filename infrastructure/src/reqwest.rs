//! Requests to other people's servers, by reqwest.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use hmac::{Hmac, KeyInit as _, Mac as _};
use posthaste_application::port::Poster;
use posthaste_application::port::poster::{Letter, Undelivered};
use reqwest::header::{CONTENT_TYPE, HeaderName, HeaderValue, USER_AGENT};
use reqwest::redirect::Policy;
use reqwest::{Client, Url};
use sha2::Sha256;

const ID: HeaderName = HeaderName::from_static("posthaste-id");
const TIMESTAMP: HeaderName = HeaderName::from_static("posthaste-timestamp");
const SIGNATURE: HeaderName = HeaderName::from_static("posthaste-signature");

/// Why an endpoint cannot be one.
#[derive(Debug, thiserror::Error)]
pub enum UnusableEndpoint {
    /// Its address.
    #[error("the URL is not like https://host/path")]
    Url,
    /// The client.
    #[error("there is no HTTP client")]
    Client(#[source] reqwest::Error),
}

/// Posts signed letters to one address.
pub struct HttpPoster {
    client: Client,
    url: Url,
    secret: String,
}

impl fmt::Debug for HttpPoster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Neither the secret nor what may be one in the address.
        f.debug_struct("HttpPoster").field("host", &self.url.host_str()).finish_non_exhaustive()
    }
}

impl HttpPoster {
    /// Posts to `url`, signs with `secret`, and waits so long for an answer. Follows no redirect: what is meant for one must not be sent
    /// to another.
    ///
    /// # Errors
    /// The address is not one.
    pub fn new(url: &str, secret: &str, patience: Duration) -> Result<Self, UnusableEndpoint> {
        let url: Url = url.parse().map_err(|_| UnusableEndpoint::Url)?;
        if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
            return Err(UnusableEndpoint::Url);
        }
        let client = Client::builder().redirect(Policy::none()).timeout(patience).tcp_nodelay(true).build();
        Ok(Self { client: client.map_err(UnusableEndpoint::Client)?, url, secret: secret.to_owned() })
    }
}

#[async_trait]
impl Poster for HttpPoster {
    async fn post(&self, letter: &Letter) -> Result<(), Undelivered> {
        let timestamp = letter.at.timestamp();
        let request = self
            .client
            .post(self.url.clone())
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .header(USER_AGENT, HeaderValue::from_static(concat!("posthaste/", env!("CARGO_PKG_VERSION"))))
            .header(ID, letter.id.to_string())
            .header(TIMESTAMP, timestamp)
            .header(SIGNATURE, format!("v1={}", signature(&self.secret, timestamp, &letter.body)))
            .body(letter.body.clone());
        match request.send().await {
            Ok(answer) if answer.status().is_success() => Ok(()),
            Ok(answer) => Err(Undelivered::Refused(answer.status().as_u16())),
            Err(error) if error.is_timeout() => Err(Undelivered::Silent),
            Err(error) => Err(Undelivered::Unreachable(reason(&error.without_url()))),
        }
    }
}

/// `hmac-sha256(secret, timestamp "." body)` in hexadecimal.
fn signature(secret: &str, timestamp: i64, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key of any length will do");
    mac.update(timestamp.to_string().as_bytes());
    mac.update(b".");
    mac.update(body.as_bytes());
    mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The innermost cause, which says what happened.
fn reason(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::signature;

    /// Computed by `printf '1800000000.{"a":1}' | openssl dgst -sha256 -hmac 'a secret of the endpoint'`.
    #[test]
    fn a_letter_is_signed_as_documented() {
        let signed = signature("a secret of the endpoint", 1_800_000_000, "{\"a\":1}");
        assert_eq!(signed, "3340a0ed399c07a955a781680d60f02cc6dc3ba4695ff0866317e991c822b5ca");
    }
}
