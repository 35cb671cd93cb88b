//! How long a sign-in elsewhere may take.

use async_trait::async_trait;
use posthaste_application::port::identity_provider::{Expected, Vouched};
use posthaste_application::port::{IdentityProvider, PortError};
use posthaste_tests::oidc::SignIn;
use reqwest::Url;
use serde_json::{Value, json};

use super::client::{Client, Reply};
use crate::Server;

/// A client whose browser has come back after the provider has vouched for this subject, and the code that it ended with.
async fn sign_in(server: &Server, subject: &str) -> (SignIn, String) {
    let mut sign_in = SignIn::new().unwrap();
    let away = sign_in.depart(&server.base_url, "elsewhere").await.unwrap();
    let state = away.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
    let callback = "https://chat.example/v1/oidc/elsewhere/callback";
    let callback = Url::parse_with_params(callback, [("state", state.as_str()), ("code", subject)]).unwrap();
    let code = sign_in.code(&server.base_url, &callback).await.unwrap();
    (sign_in, code)
}

async fn redeem(server: &Server, (sign_in, code): &(SignIn, String)) -> Reply {
    Client::new(&server.base_url).post("/v1/sessions/oidc", &json!({"code": code, "verifier": sign_in.verifier})).await
}

#[tokio::test]
async fn a_code_is_no_good_after_five_minutes_however_often_it_was_put_back() {
    let server = Server::start().await;
    let in_time = sign_in(&server, "somebody").await;
    server.memory.pass(299);
    let login: Value = redeem(&server, &in_time).await.expect(201);
    assert_eq!(login["user"]["username"], "somebody");

    let late = sign_in(&server, "somebody").await;
    server.memory.pass(300);
    redeem(&server, &late).await.problem(401, "unauthorized");

    // The provider tells no address of theirs, so nothing comes of it, and the code is put back each time.
    let refused = sign_in(&server, "").await;
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
