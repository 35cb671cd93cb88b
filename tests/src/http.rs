//! Clients of what listens on this machine: they know none of the certificates that it trusts, which take longer to read than most requests.

use reqwest::{Certificate, Client, ClientBuilder, IntoUrl, Response};

/// A client in the making.
pub fn builder() -> ClientBuilder {
    Client::builder().tls_certs_only(std::iter::empty::<Certificate>())
}

/// A client like any other.
///
/// # Panics
/// The system has nothing for it, and none of the tests could go on.
#[must_use]
pub fn client() -> Client {
    builder().build().expect("a client without certificates")
}

/// One request.
///
/// # Errors
/// It was not answered.
pub async fn get(url: impl IntoUrl) -> reqwest::Result<Response> {
    client().get(url).send().await
}
