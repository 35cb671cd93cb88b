#![allow(clippy::wildcard_enum_match_arm, reason = "a lie is told in one place, and the rest of it is as it should be")]

use std::collections::HashMap;
use std::future::pending;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context as _, ensure};
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use posthaste_application::port::Clock as _;
use posthaste_infrastructure::system::SystemClock;
use reqwest::Url;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::{CLIENT, SECRET};
use crate::hygiene;

/// What it signs with: a private key (PKCS#8) and what is told of it.
struct Key {
    id: &'static str,
    private: &'static str,
    public: &'static str,
}

const USUAL: Key = Key {
    id: "usual",
    private: "MC4CAQAwBQYDK2VwBCIEIG333LzxZUmJ2+uT2eFjkilXbVHRtQXY5WuC66irjD+U",
    public: "_9dBl2mNmqmZZPD8IfB1payoerWDcutwlOXT_10Fc-c",
};
const OTHER: Key = Key {
    id: "other",
    private: "MC4CAQAwBQYDK2VwBCIEICanA2S2d6njNg0Ty9aWIOnbQHoCtDgF4ffeAZSQjbnz",
    public: "-wGpLJlxzg1wMlrHIYusrQx-I14gO2EWWFX2Hidt1NE",
};

/// What is not right about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lie {
    /// Nothing.
    None,
    /// The token is for another sign-in.
    Nonce,
    /// The token has no nonce.
    NoNonce,
    /// The token is for another client.
    Audience,
    /// The token is for this client and another.
    AnotherAudience,
    /// The token was made for another client, and may be shown to this one.
    Party,
    /// The token is another provider's.
    Issuer,
    /// The token has run out.
    Expired,
    /// The token says that it needs no signature, and has none.
    Unsigned,
    /// The token is signed with what both sides know.
    SharedSecret,
    /// The token is signed with what everybody knows: the public key.
    PublicKeyAsSecret,
    /// The token is signed with a key that it does not say is its own, under the name of one that is.
    StolenName,
    /// The token is signed with a key that nobody was ever told.
    UnknownKey,
    /// There is no token.
    NoToken,
    /// From now on it signs with another key, which it says is its own.
    NewKey,
    /// Says of the address that it is verified, in a word.
    VerifiedInWords,
    /// Never answers.
    Hang,
    /// Answers for ever.
    Endless,
    /// Says that it is broken.
    Broken,
    /// Sends the service elsewhere.
    Redirect,
}

struct State {
    lie: Lie,
    key: &'static Key,
    person: Value,
    grants: HashMap<String, Value>,
    asked: Vec<String>,
}

/// The provider. Dropping it closes it.
pub struct Rogue {
    port: u16,
    state: Arc<Mutex<State>>,
    _serving: JoinSet<()>,
}

impl Rogue {
    /// One that tells the truth, about somebody.
    ///
    /// # Errors
    /// There is no port.
    pub async fn start(person: Value) -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let state = State { lie: Lie::None, key: &USUAL, person, grants: HashMap::new(), asked: Vec::new() };
        let state = Arc::new(Mutex::new(state));
        let mut serving = JoinSet::new();
        let known = Arc::clone(&state);
        serving.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let state = Arc::clone(&known);
                connections.spawn(async move {
                    // Whoever is cut off has ended the conversation.
                    let _ = converse(stream, port, &state).await;
                });
            }
        });
        Ok(Self { port, state, _serving: serving })
    }

    /// What it calls itself.
    #[must_use]
    pub fn issuer(&self) -> String {
        issuer(self.port)
    }

    /// From now on this is not right.
    pub fn lie(&self, lie: Lie) {
        let mut state = held(&self.state);
        state.lie = lie;
        if lie == Lie::NewKey {
            state.key = &OTHER;
        }
    }

    /// From now on it vouches for somebody else.
    pub fn vouch_for(&self, person: Value) {
        held(&self.state).person = person;
    }

    /// What it was asked, by paths.
    #[must_use]
    pub fn asked(&self) -> Vec<String> {
        held(&self.state).asked.clone()
    }

    /// Lets whoever was sent to it in, and gives where it sends the browser back to.
    ///
    /// # Errors
    /// The browser was not sent as it must be.
    pub fn log_in(&self, url: &Url) -> anyhow::Result<Url> {
        ensure!(url.as_str().starts_with(&format!("{}/authorize?", self.issuer())), "sent to {url}");
        let asked: HashMap<_, _> = url.query_pairs().into_owned().collect();
        let of = |name: &str| asked.get(name).with_context(|| format!("no {name} in {url}"));
        ensure!(of("response_type")? == "code" && of("client_id")? == CLIENT && of("code_challenge_method")? == "S256", "{url}");
        ensure!(of("scope")?.split(' ').eq(["openid", "email", "profile"]), "{url}");
        let code = format!("{:032x}", rand::random::<u128>());
        for secret in [&code, of("state")?, of("nonce")?] {
            hygiene::remember(secret);
        }
        held(&self.state).grants.insert(code.clone(), json!({ "nonce": of("nonce")?, "challenge": of("code_challenge")? }));
        Ok(Url::parse_with_params(of("redirect_uri")?, [("code", &code), ("state", of("state")?)])?)
    }
}

fn held(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn issuer(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

async fn converse(mut stream: TcpStream, port: u16, state: &Mutex<State>) -> anyhow::Result<()> {
    let (path, body) = read(&mut stream).await?;
    let lie = {
        let mut state = held(state);
        state.asked.push(path.clone());
        state.lie
    };
    let (status, answer) = match lie {
        Lie::Hang => pending().await,
        Lie::Endless => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n\"").await?;
            loop {
                stream.write_all(&[b' '; 65_536]).await?;
            }
        }
        Lie::Broken => ("500 Internal Server Error", json!({ "error": "server_error" })),
        Lie::Redirect => ("307 Temporary Redirect", Value::Null),
        _ => answer(port, state, &path, &body)?,
    };
    let text = answer.to_string();
    let length = text.len();
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nLocation: {}/elsewhere\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n",
        issuer(port)
    );
    stream.write_all((head + &text).as_bytes()).await?;
    stream.shutdown().await?;
    Ok(())
}

/// The path of a request, and its body.
async fn read(stream: &mut TcpStream) -> anyhow::Result<(String, String)> {
    let mut bytes = Vec::new();
    let head = loop {
        ensure!(stream.read_buf(&mut bytes).await? > 0, "it ended in the middle");
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
    };
    let text = String::from_utf8_lossy(&bytes[..head]).to_lowercase();
    let length = text.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse::<usize>().ok()).unwrap_or(0);
    while bytes.len() < head + length {
        ensure!(stream.read_buf(&mut bytes).await? > 0, "it ended in the middle");
    }
    let path = text.split(' ').nth(1).context("a request has a path")?.to_owned();
    Ok((path, String::from_utf8_lossy(&bytes[head..]).into_owned()))
}

fn answer(port: u16, state: &Mutex<State>, path: &str, body: &str) -> anyhow::Result<(&'static str, Value)> {
    let (issuer, mut state) = (issuer(port), held(state));
    Ok(match path {
        "/.well-known/openid-configuration" => (
            "200 OK",
            json!({
                "issuer": issuer,
                "authorization_endpoint": format!("{issuer}/authorize"),
                "token_endpoint": format!("{issuer}/token"),
                "jwks_uri": format!("{issuer}/jwks"),
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["EdDSA", "HS256", "none"],
            }),
        ),
        "/jwks" => {
            let Key { id, public, .. } = state.key;
            ("200 OK", json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": id, "x": public }] }))
        }
        "/token" => {
            let given: HashMap<_, _> = Url::parse(&format!("http://form?{body}"))?.query_pairs().into_owned().collect();
            let grant = given.get("code").and_then(|code| state.grants.remove(code));
            let verifier = given.get("code_verifier").map(String::as_bytes).unwrap_or_default();
            let shown = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(verifier));
            match grant.filter(|grant| grant["challenge"] == shown) {
                None => ("400 Bad Request", json!({ "error": "invalid_grant" })),
                Some(grant) => {
                    let token = token(&state, &issuer, &grant["nonce"])?;
                    ("200 OK", json!({ "access_token": "an access token", "token_type": "Bearer", "expires_in": 60, "id_token": token }))
                }
            }
        }
        _ => ("404 Not Found", Value::Null),
    })
}

/// An ID token, or what it is said to be.
fn token(state: &State, issuer: &str, nonce: &Value) -> anyhow::Result<Option<String>> {
    let now = SystemClock.now().timestamp();
    let mut claims = json!({ "iss": issuer, "aud": CLIENT, "iat": now, "exp": now + 60, "nonce": nonce });
    for (name, value) in state.person.as_object().context("a person has claims")? {
        claims[name] = value.clone();
    }
    let lie = state.lie;
    match lie {
        Lie::Nonce => claims["nonce"] = json!("of somebody else"),
        Lie::NoNonce => claims["nonce"] = Value::Null,
        Lie::Audience => claims["aud"] = json!("another client"),
        Lie::AnotherAudience => claims["aud"] = json!([CLIENT, "another client"]),
        Lie::Party => claims["azp"] = json!("another client"),
        Lie::Issuer => claims["iss"] = json!("https://login.example"),
        Lie::Expired => claims["exp"] = json!(now - 60),
        Lie::VerifiedInWords => claims["email_verified"] = json!("true"),
        _ => {}
    }
    let key = if matches!(lie, Lie::StolenName | Lie::UnknownKey) { &OTHER } else { state.key };
    let id = if lie == Lie::StolenName { USUAL.id } else { key.id };
    let signed = |algorithm, secret: &EncodingKey| {
        let header = Header { kid: Some(id.to_owned()), ..Header::new(algorithm) };
        jsonwebtoken::encode(&header, &claims, secret)
    };
    Ok(Some(match lie {
        Lie::NoToken => return Ok(None),
        Lie::Unsigned => {
            let parts = [json!({ "alg": "none" }), claims].map(|part| BASE64_URL_SAFE_NO_PAD.encode(part.to_string()));
            format!("{}.{}.", parts[0], parts[1])
        }
        Lie::SharedSecret => signed(Algorithm::HS256, &EncodingKey::from_secret(SECRET.as_bytes()))?,
        Lie::PublicKeyAsSecret => signed(Algorithm::HS256, &EncodingKey::from_secret(&BASE64_URL_SAFE_NO_PAD.decode(USUAL.public)?))?,
        _ => signed(Algorithm::EdDSA, &EncodingKey::from_ed_der(&BASE64_STANDARD.decode(key.private)?))?,
    }))
}
