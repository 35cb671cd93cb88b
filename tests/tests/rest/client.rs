//! People who use REST, and what they are answered.

use reqwest::{Method, header};
use serde_json::{Value, json};
use uuid::Uuid;

pub(crate) const PASSWORD: &str = "correct horse battery staple";

/// Somebody, logged in or not.
#[derive(Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    base_url: String,
    token: Option<String>,
}

/// A registered user who is logged in.
pub(crate) struct Person {
    pub(crate) client: Client,
    pub(crate) id: String,
    pub(crate) username: String,
}

/// An answer.
#[derive(Debug, PartialEq)]
pub(crate) struct Reply {
    pub(crate) request: String,
    pub(crate) status: u16,
    pub(crate) content_type: String,
    pub(crate) request_id: String,
    pub(crate) headers: header::HeaderMap,
    pub(crate) body: Value,
}

/// An idempotency key that nobody used.
pub(crate) fn key() -> Uuid {
    uuid::Builder::from_random_bytes(rand::random()).into_uuid()
}

/// A name that nobody has.
pub(crate) fn name(start: &str) -> String {
    format!("{start}-{:016x}", rand::random::<u64>())
}

pub(crate) fn registration(username: &str) -> Value {
    json!({"username": username, "email": format!("{username}@example.com"), "password": PASSWORD, "display_name": format!("The {username}")})
}

impl Client {
    pub(crate) fn new(base_url: &str) -> Self {
        Self { http: posthaste_tests::http::client(), base_url: base_url.to_owned(), token: None }
    }

    pub(crate) fn with_token(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base_url));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        reply(self.request(Method::GET, path)).await
    }

    pub(crate) async fn put(&self, path: &str) -> Reply {
        reply(self.request(Method::PUT, path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Reply {
        reply(self.request(Method::POST, path).json(body)).await
    }

    /// The same, under a key.
    pub(crate) async fn post_as(&self, key: Uuid, path: &str, body: &Value) -> Reply {
        reply(self.request(Method::POST, path).header("Idempotency-Key", key.to_string()).json(body)).await
    }

    pub(crate) async fn put_body(&self, path: &str, body: &Value) -> Reply {
        reply(self.request(Method::PUT, path).json(body)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: &Value) -> Reply {
        reply(self.request(Method::PATCH, path).json(body)).await
    }

    /// The same, if it is at this revision.
    pub(crate) async fn patch_if(&self, path: &str, tag: &str, body: &Value) -> Reply {
        reply(self.request(Method::PATCH, path).header("If-Match", tag).json(body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Reply {
        reply(self.request(Method::DELETE, path)).await
    }

    /// The same, with a body that need not be JSON.
    pub(crate) async fn post_raw(&self, path: &str, content_type: &str, body: impl Into<reqwest::Body>) -> Reply {
        reply(self.request(Method::POST, path).header(header::CONTENT_TYPE, content_type).body(body)).await
    }
}

pub(crate) async fn reply(request: reqwest::RequestBuilder) -> Reply {
    let (client, request) = request.build_split();
    let request = request.unwrap();
    let asked = format!("{} {}", request.method(), request.url().path());
    let response = client.execute(request).await.unwrap();
    let header = |name: &str| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
    let (content_type, request_id) = (header("content-type"), header("x-request-id"));
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let text = response.text().await.unwrap();
    let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
    Reply { request: asked, status, content_type, request_id, headers, body }
}

impl Reply {
    /// The revision that the answer is about, as it is sent back in `If-Match`.
    #[track_caller]
    pub(crate) fn tag(&self) -> &str {
        self.headers["etag"].to_str().unwrap()
    }

    /// The body of a success.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        assert!(self.content_type.starts_with("application/json"), "{self:?}");
        self.body
    }

    /// The body of a problem, which must look as every problem does.
    #[track_caller]
    pub(crate) fn problem(self, status: u16, code: &str) -> Value {
        assert_eq!((self.status, self.body["code"].as_str()), (status, Some(code)), "{self:?}");
        assert_eq!(self.content_type, "application/problem+json", "{self:?}");
        assert_eq!(self.body["type"], format!("urn:posthaste:problem:{code}"), "{self:?}");
        assert_eq!(self.body["status"], status, "{self:?}");
        assert!(self.body["title"].as_str().is_some_and(|title| !title.is_empty()), "{self:?}");
        let retry = self.body["retry"].as_str().unwrap_or_default();
        assert!(["never", "same", "after", "reauth"].contains(&retry), "{self:?}");
        assert_eq!(self.body["retry_after_ms"].is_u64(), retry == "after", "{self:?}");
        assert_eq!(self.headers.contains_key("retry-after"), retry == "after", "{self:?}");
        assert_eq!(self.headers.contains_key("www-authenticate"), status == 401, "{self:?}");
        assert_eq!(self.headers.contains_key("allow"), status == 405, "{self:?}");
        self.request_id.parse::<Uuid>().unwrap_or_else(|_| panic!("no request id: {self:?}"));
        self.body
    }
}

impl Person {
    /// Registers and logs in.
    pub(crate) async fn new(base_url: &str, start: &str) -> Self {
        let username = name(start);
        let client = Client::new(base_url);
        let registered = client.post("/v1/users", &registration(&username)).await.expect(201);
        let session = client.post("/v1/sessions", &json!({"login": username, "password": PASSWORD})).await.expect(201);
        let client = client.with_token(session["access_token"].as_str().unwrap());
        Self { client, id: registered["user"]["id"].as_str().unwrap().to_owned(), username }
    }

    /// Two who are friends and have a thread: its id, and the position of its opening.
    pub(crate) async fn befriend(&self, other: &Self) -> (String, u64) {
        self.client.post("/v1/friend-requests", &json!({"user": other.id})).await.expect(201);
        other.client.put(&format!("/v1/friends/{}", self.id)).await.expect(200);
        let thread = self.client.put(&format!("/v1/threads/direct/{}", other.id)).await.expect(200);
        (thread["id"].as_str().unwrap().to_owned(), thread["position"].as_u64().unwrap())
    }

    /// Posts a text and gives the position.
    pub(crate) async fn say(&self, thread: &str, text: &str) -> u64 {
        let path = format!("/v1/threads/{thread}/messages");
        self.client.post(&path, &saying(text)).await.expect(201)["position"].as_u64().unwrap()
    }
}

pub(crate) fn saying(text: &str) -> Value {
    json!({"content": {"kind": "text", "text": text}})
}
