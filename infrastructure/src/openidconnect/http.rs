//! The way to a provider.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse};
use reqwest::redirect::Policy;
use reqwest::{Client, Request, Url};

use super::UnusableProvider;

/// Most bytes of an answer: keys, tokens and what is said of somebody are a few thousand.
const MOST: usize = 256 * 1024;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failed {
    /// Somebody who reads along could say anything.
    #[error("it names an address without TLS")]
    Insecure,
    /// It cannot be reached, or says nothing in time.
    #[error("it does not answer: {0}")]
    Silent(String),
    /// It says that it is at fault itself.
    #[error("it answers with status {0}")]
    Faulty(u16),
    /// It says too much.
    #[error("its answer has more than {MOST} bytes")]
    Endless,
}

/// Asks one provider, at whatever addresses that names.
pub(super) struct Http {
    client: Client,
    /// The provider is on this machine, so nobody reads along.
    local: bool,
}

impl Http {
    pub(super) fn new(issuer: &Url, patience: Duration) -> Result<Self, UnusableProvider> {
        let local = is_local(issuer);
        if !(local || issuer.scheme() == "https") {
            return Err(UnusableProvider::Url("the issuer"));
        }
        // Whoever is asked must not have others asked: a redirect is an answer like any other.
        let client = Client::builder().redirect(Policy::none()).timeout(patience).connect_timeout(patience).tcp_nodelay(true).build();
        Ok(Self { client: client.map_err(UnusableProvider::Client)?, local })
    }

    async fn ask(&self, request: HttpRequest) -> Result<HttpResponse, Failed> {
        let request = Request::try_from(request).map_err(silent)?;
        if request.url().scheme() != "https" && !(self.local && is_local(request.url())) {
            return Err(Failed::Insecure);
        }
        let mut answer = self.client.execute(request).await.map_err(silent)?;
        if answer.status().is_server_error() {
            return Err(Failed::Faulty(answer.status().as_u16()));
        }
        let (status, headers) = (answer.status(), std::mem::take(answer.headers_mut()));
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(silent)? {
            body.extend_from_slice(&chunk);
            if body.len() > MOST {
                return Err(Failed::Endless);
            }
        }
        let mut response = HttpResponse::new(body);
        (*response.status_mut(), *response.headers_mut()) = (status, headers);
        Ok(response)
    }
}

impl<'c> AsyncHttpClient<'c> for Http {
    type Error = Failed;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, Failed>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.ask(request))
    }
}

/// Whether an address is one of this machine, where there is no TLS.
fn is_local(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    url.scheme() == "http" && (host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback()))
}

/// The innermost cause, which says what happened, without the address, in which there may be a code.
#[allow(clippy::needless_pass_by_value, reason = "it is given as it comes")]
fn silent(error: reqwest::Error) -> Failed {
    let error = error.without_url();
    let mut cause: &dyn std::error::Error = &error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    Failed::Silent(cause.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_tls_only_a_provider_on_this_machine_is_asked() {
        let made = |issuer: &str| Http::new(&issuer.parse().unwrap(), Duration::from_secs(1)).map(|http| http.local).ok();
        for local in ["http://127.0.0.1:3000", "http://localhost/op", "http://[::1]:1"] {
            assert_eq!(made(local), Some(true), "{local}");
        }
        assert_eq!(made("https://login.example"), Some(false));
        for open in ["http://login.example", "http://localhost.example", "http://127.0.0.1.example", "http://10.0.0.1", "ftp://127.0.0.1"] {
            assert_eq!(made(open), None, "{open}");
        }
    }
}
