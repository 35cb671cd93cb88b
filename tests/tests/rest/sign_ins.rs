//! How long a sign-in elsewhere may take.

use async_trait::async_trait;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use posthaste_application::port::identity_provider::{Expected, Vouched};
use posthaste_application::port::{IdentityProvider, PortError};
use posthaste_tests::hygiene;
use reqwest::redirect::Policy;
use reqwest::{Method, Url, header};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::client::{Client, Reply, reply};
use crate::Server;

const VERIFIER: &str = "what-the-client-keeps-to-itself-until-the-browser-is-back";

/// The code that a browser ends with after the provider has vouched for this subject.
async fn code(server: &Server, subject: &str) -> String {
    let browser = reqwest::Client::builder().redirect(Policy::none()).build().unwrap();
    let sent = |answered: &Reply| {
        assert_eq!(answered.status, 303, "{answered:?}");
        answered.headers[header::LOCATION].to_str().unwrap().to_owned()
    };
    let challenge = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER));
    let begin = format!("{}/v1/oidc/elsewhere/authorize?return_to=/app&challenge={challenge}", server.base_url);
    let away = reply(browser.request(Method::GET, begin)).await;
    let url = Url::parse(&sent(&away)).unwrap();
    let state = url.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
    let cookie = away.headers[header::SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned();
    let end = format!("{}/v1/oidc/elsewhere/callback?state={state}&code={subject}", server.base_url);
    let back = reply(browser.request(Method::GET, end).header(header::COOKIE, cookie)).await;
    let code = sent(&back).strip_prefix("/app#code=").unwrap().to_owned();
    hygiene::remember(&code);
    code
}

async fn redeem(server: &Server, code: &str) -> Reply {
    Client::new(&server.base_url).post("/v1/sessions/oidc", &json!({"code": code, "verifier": VERIFIER})).await
}

#[tokio::test]
async fn a_code_is_no_good_after_five_minutes_however_often_it_was_put_back() {
    let server = Server::start().await;
    let in_time = code(&server, "somebody").await;
    server.memory.pass(299);
    let login: Value = redeem(&server, &in_time).await.expect(201);
    assert_eq!(login["user"]["username"], "somebody");

    let late = code(&server, "somebody").await;
    server.memory.pass(300);
    redeem(&server, &late).await.problem(401, "unauthorized");

    // The provider tells no address of theirs, so nothing comes of it, and the code is put back each time.
    let refused = code(&server, "").await;
    for _ in 0..3 {
        server.memory.pass(75);
        redeem(&server, &refused).await.problem(409, "conflict");
    }
    server.memory.pass(75);
    redeem(&server, &refused).await.problem(401, "unauthorized");
}

/// A provider that vouches for whoever the code names, and for nobody's address if it names none.
pub(crate) struct Elsewhere;

#[async_trait]
impl IdentityProvider for Elsewhere {
    fn issuer(&self) -> &'static str {
        "https://elsewhere.example"
    }

    async fn authorization_url(&self, state: &str, _: &Expected) -> Result<String, PortError> {
        Ok(format!("https://elsewhere.example/authorize?state={state}"))
    }

    async fn redeem(&self, code: &str, _: &Expected) -> Result<Vouched, PortError> {
        let email = (!code.is_empty()).then(|| format!("{code}@example.com"));
        Ok(Vouched { subject: code.to_owned(), email, email_verified: true, username: Some(code.to_owned()), name: None })
    }
}
