//! What is promised about second factors: how one is set up, what it takes to log in then, and what else it guards.

use chrono::{DateTime, TimeDelta, Utc};
use futures::future::join_all;
use posthaste_application::port::Clock as _;
use posthaste_tests::authenticator::Authenticator;
use posthaste_tests::hygiene;
use posthaste_tests::passkey::SoftPasskey;
use reqwest::Method;
use serde_json::{Value, json};

use super::client::{Client, PASSWORD, Reply, name, registration, reply};
use super::logins::{cookie, from_page, of};
use crate::Server;

/// Somebody with a second factor.
pub(crate) struct Guarded {
    pub(crate) username: String,
    /// Of the login that set it up.
    pub(crate) client: Client,
    pub(crate) authenticator: Authenticator,
    pub(crate) recovery: Vec<String>,
    /// By the clock of the server, when they registered.
    pub(crate) now: DateTime<Utc>,
}

pub(crate) async fn suite(base_url: &str) {
    a_second_factor_is_set_up_and_asked_for_from_then_on(base_url).await;
    what_is_only_offered_changes_nothing(base_url).await;
    a_code_is_good_once_even_for_those_who_use_it_at_once(base_url).await;
    a_recovery_code_is_good_once(base_url).await;
    new_recovery_codes_take_the_place_of_the_old_ones(base_url).await;
    what_is_sensitive_takes_a_proof_by_all_that_there_is_to_prove(base_url).await;
    a_login_with_a_code_is_a_proof_and_that_of_another_login_is_none(base_url).await;
    a_second_factor_is_given_up_and_set_up_anew(base_url).await;
    a_page_logs_in_with_a_code_too(base_url).await;
}

/// A try to log in, with a code or without.
async fn log_in(base_url: &str, username: &str, password: &str, code: Option<&str>) -> Reply {
    let mut login = json!({"login": username, "password": password});
    login.as_object_mut().unwrap().extend(code.map(|code| ("code".to_owned(), json!(code))));
    Client::new(base_url).post("/v1/sessions", &login).await
}

/// Somebody who has just logged in: their name, their client, and what time it is for the server.
async fn somebody(base_url: &str) -> (String, Client, DateTime<Utc>) {
    let username = name("guarded");
    Client::new(base_url).post("/v1/users", &registration(&username)).await.expect(201);
    let session = log_in(base_url, &username, PASSWORD, None).await.expect(201);
    let end: DateTime<Utc> = session["expires_at"].as_str().unwrap().parse().unwrap();
    (username, of(base_url, &session), end - TimeDelta::seconds(session["expires_in_s"].as_i64().unwrap()))
}

fn codes(answer: &Value) -> Vec<String> {
    let codes: Vec<_> = answer["recovery_codes"].as_array().unwrap().iter().map(|code| code.as_str().unwrap().to_owned()).collect();
    codes.iter().for_each(|code| hygiene::remember(code));
    codes
}

impl Guarded {
    /// Registers, and sets up a second factor. The code of the step in which that is is used by it.
    pub(crate) async fn new(base_url: &str) -> Self {
        let (username, client, now) = somebody(base_url).await;
        let authenticator = Authenticator::new(&client.post("/v1/me/totp", &json!({})).await.expect(200)).unwrap();
        let code = json!({"code": authenticator.code(now, 0)});
        let recovery = codes(&client.post("/v1/me/totp/confirm", &code).await.expect(200));
        Self { username, client, authenticator, recovery, now }
    }

    /// The code of the next step, which is good already.
    pub(crate) fn next_code(&self) -> String {
        self.authenticator.code(self.now, 1)
    }

    async fn step_up(&self, code: &str) -> Reply {
        self.client.post("/v1/sessions/current/step-up", &json!({"password": PASSWORD, "code": code})).await
    }

    async fn state(&self) -> Value {
        self.client.get("/v1/me/totp").await.expect(200)
    }
}

async fn a_second_factor_is_set_up_and_asked_for_from_then_on(base_url: &str) {
    let (username, client, now) = somebody(base_url).await;
    assert_eq!(client.get("/v1/me/totp").await.expect(200), json!({"enabled": false, "enabled_at": null, "recovery_codes": 0}));
    let offered = client.post("/v1/me/totp", &json!({})).await.expect(200);
    let authenticator = Authenticator::new(&offered).unwrap();
    assert!(offered["uri"].as_str().unwrap().starts_with(&format!("otpauth://totp/Posthaste:{username}?secret=")), "{offered}");
    assert!(offered["qr_svg"].as_str().unwrap().contains("<svg"), "{offered}");

    let confirm = async |code: &str| client.post("/v1/me/totp/confirm", &json!({"code": code})).await;
    for wrong in [&authenticator.wrong(now), "", "12345", "1234567", "abcdef"] {
        confirm(wrong).await.problem(403, "wrong_code");
    }
    let right = authenticator.code(now, 0);
    let recovery = codes(&confirm(&right).await.expect(200));
    let mut different = recovery.clone();
    different.sort_unstable();
    different.dedup();
    assert_eq!(different.len(), 10, "{recovery:?}");
    confirm(&authenticator.code(now, 1)).await.problem(409, "conflict");
    let state = client.get("/v1/me/totp").await.expect(200);
    assert_eq!((&state["enabled"], &state["recovery_codes"]), (&json!(true), &json!(10)));
    assert!(state["enabled_at"].is_string(), "{state}");

    // Only whoever knows the password learns that there is one, and a wrong password uses no code.
    let next = authenticator.code(now, 1);
    let asked = log_in(base_url, &username, PASSWORD, None).await.problem(401, "second_factor_required");
    assert_eq!(asked["retry"], "reauth");
    for code in [None, Some(next.as_str()), Some(&recovery[0])] {
        log_in(base_url, &username, "a wrong password", code).await.problem(401, "unauthorized");
    }
    for wrong in [&authenticator.wrong(now), &right, "", "aaaa-aaaa-aaaa-aaaa"] {
        log_in(base_url, &username, PASSWORD, Some(wrong)).await.problem(403, "wrong_code");
    }
    let session = log_in(base_url, &username, PASSWORD, Some(&next)).await.expect(201);
    of(base_url, &session).get("/v1/me").await.expect(200);
    let refreshed = json!({"refresh_token": session["refresh_token"]});
    Client::new(base_url).post("/v1/sessions/refresh", &refreshed).await.expect(200);
    client.get("/v1/me").await.expect(200);
}

async fn what_is_only_offered_changes_nothing(base_url: &str) {
    let (username, client, now) = somebody(base_url).await;
    client.post("/v1/me/totp/confirm", &json!({"code": "123456"})).await.problem(404, "not_found");
    let first = Authenticator::new(&client.post("/v1/me/totp", &json!({})).await.expect(200)).unwrap();
    let second = Authenticator::new(&client.post("/v1/me/totp", &json!({})).await.expect(200)).unwrap();
    assert_ne!(first.secret(), second.secret());
    log_in(base_url, &username, PASSWORD, None).await.expect(201);
    client.post("/v1/me/recovery-codes", &json!({})).await.problem(404, "not_found");
    client.put_body("/v1/me/password", &json!({"current": PASSWORD, "new": PASSWORD})).await.expect(200);
    // Only the last one counts.
    if first.code(now, 0) != second.code(now, 0) {
        client.post("/v1/me/totp/confirm", &json!({"code": first.code(now, 0)})).await.problem(403, "wrong_code");
    }
    client.delete("/v1/me/totp").await.expect(200);
    client.delete("/v1/me/totp").await.problem(404, "not_found");
    client.post("/v1/me/totp/confirm", &json!({"code": second.code(now, 0)})).await.problem(404, "not_found");
}

async fn a_code_is_good_once_even_for_those_who_use_it_at_once(base_url: &str) {
    let guarded = Guarded::new(base_url).await;
    for code in [guarded.next_code(), guarded.recovery[3].clone()] {
        let tried = join_all((0..8).map(|_| log_in(base_url, &guarded.username, PASSWORD, Some(&code)))).await;
        let (let_in, refused): (Vec<_>, Vec<_>) = tried.into_iter().partition(|reply| reply.status == 201);
        assert_eq!(let_in.len(), 1, "{let_in:?}");
        refused.into_iter().for_each(|reply| drop(reply.problem(403, "wrong_code")));
        log_in(base_url, &guarded.username, PASSWORD, Some(&code)).await.problem(403, "wrong_code");
        guarded.step_up(&code).await.problem(403, "wrong_code");
    }
    // Nor is one good that comes before one that was used.
    let before = guarded.authenticator.code(guarded.now, 0);
    log_in(base_url, &guarded.username, PASSWORD, Some(&before)).await.problem(403, "wrong_code");
}

async fn a_recovery_code_is_good_once(base_url: &str) {
    let guarded = Guarded::new(base_url).await;
    for (used, code) in guarded.recovery.iter().enumerate() {
        let typed = if used % 2 == 0 { code.clone() } else { code.replace('-', " ").to_uppercase() };
        log_in(base_url, &guarded.username, PASSWORD, Some(&typed)).await.expect(201);
        log_in(base_url, &guarded.username, PASSWORD, Some(code)).await.problem(403, "wrong_code");
        assert_eq!(guarded.state().await["recovery_codes"], json!(9 - used));
    }
    log_in(base_url, &guarded.username, PASSWORD, Some(&guarded.next_code())).await.expect(201);
}

async fn new_recovery_codes_take_the_place_of_the_old_ones(base_url: &str) {
    let guarded = Guarded::new(base_url).await;
    guarded.step_up(&guarded.recovery[0]).await.expect(200);
    let renewed = codes(&guarded.client.post("/v1/me/recovery-codes", &json!({})).await.expect(200));
    assert_eq!((renewed.len(), &guarded.state().await["recovery_codes"]), (10, &json!(10)));
    for old in &guarded.recovery[..3] {
        log_in(base_url, &guarded.username, PASSWORD, Some(old)).await.problem(403, "wrong_code");
    }
    log_in(base_url, &guarded.username, PASSWORD, Some(&renewed[9])).await.expect(201);
}

/// What is sensitive, asked for by a client.
async fn sensitive(client: &Client) -> [Reply; 4] {
    [
        client.put_body("/v1/me/password", &json!({"current": PASSWORD, "new": PASSWORD})).await,
        client.post("/v1/me/recovery-codes", &json!({})).await,
        client.delete("/v1/me/totp").await,
        client.post("/v1/me/totp", &json!({})).await,
    ]
}

async fn what_is_sensitive_takes_a_proof_by_all_that_there_is_to_prove(base_url: &str) {
    let guarded = Guarded::new(base_url).await;
    // They have logged in just now, but by a password alone.
    let must_prove = async || sensitive(&guarded.client).await.into_iter().for_each(|reply| drop(reply.problem(403, "step_up_required")));
    must_prove().await;
    let step_up = async |body: Value| guarded.client.post("/v1/sessions/current/step-up", &body).await;
    step_up(json!({"password": "not the password", "code": guarded.next_code()})).await.problem(403, "forbidden");
    step_up(json!({"password": PASSWORD})).await.problem(403, "wrong_code");
    step_up(json!({"password": PASSWORD, "code": guarded.authenticator.wrong(guarded.now)})).await.problem(403, "wrong_code");
    step_up(json!({"code": guarded.next_code()})).await.problem(400, "validation");
    must_prove().await;
    let proved = step_up(json!({"password": PASSWORD, "code": guarded.next_code()})).await.expect(200);
    let until: DateTime<Utc> = proved["proved_until"].as_str().unwrap().parse().unwrap();
    let minutes = (until - guarded.now).num_minutes();
    assert!((10..20).contains(&minutes), "{proved}");
    let [changed, renewed, disabled, offered] = sensitive(&guarded.client).await;
    for answer in [changed, renewed, disabled, offered] {
        answer.expect(200);
    }
}

async fn a_login_with_a_code_is_a_proof_and_that_of_another_login_is_none(base_url: &str) {
    let guarded = Guarded::new(base_url).await;
    let session = log_in(base_url, &guarded.username, PASSWORD, Some(&guarded.recovery[0])).await.expect(201);
    guarded.client.post("/v1/me/recovery-codes", &json!({})).await.problem(403, "step_up_required");
    of(base_url, &session).post("/v1/me/recovery-codes", &json!({})).await.expect(200);
    of(base_url, &session).post("/v1/me/totp", &json!({})).await.problem(409, "conflict");
    // What ends logins asks nothing: whoever has lost one must be quick.
    guarded.client.delete("/v1/sessions?keep_current=true").await.expect(200);
}

async fn a_second_factor_is_given_up_and_set_up_anew(base_url: &str) {
    let guarded = Guarded::new(base_url).await;
    guarded.step_up(&guarded.recovery[0]).await.expect(200);
    assert_eq!(guarded.client.delete("/v1/me/totp").await.expect(200)["enabled"], false);
    guarded.client.delete("/v1/me/totp").await.problem(404, "not_found");
    log_in(base_url, &guarded.username, PASSWORD, None).await.expect(201);
    // A code is no harm where none is needed, and none of before is needed or good any more.
    log_in(base_url, &guarded.username, PASSWORD, Some(&guarded.recovery[1])).await.expect(201);
    let again = Authenticator::new(&guarded.client.post("/v1/me/totp", &json!({})).await.expect(200)).unwrap();
    assert_ne!(again.secret(), guarded.authenticator.secret());
    let code = json!({"code": again.code(guarded.now, 0)});
    let recovery = codes(&guarded.client.post("/v1/me/totp/confirm", &code).await.expect(200));
    log_in(base_url, &guarded.username, PASSWORD, Some(&guarded.recovery[1])).await.problem(403, "wrong_code");
    // That there was another one is no proof of this one.
    guarded.client.post("/v1/me/recovery-codes", &json!({})).await.problem(403, "step_up_required");
    log_in(base_url, &guarded.username, PASSWORD, Some(&recovery[1])).await.expect(201);
}

async fn a_page_logs_in_with_a_code_too(base_url: &str) {
    let guarded = Guarded::new(base_url).await;
    let asked = |login: &Value| reply(from_page(base_url, Method::POST, "/v1/sessions", Some(base_url), true, None).json(login));
    let mut login = json!({"login": guarded.username, "password": PASSWORD, "mode": "cookie"});
    let refused = asked(&login).await;
    assert!(!refused.headers.contains_key("set-cookie"), "{refused:?}");
    refused.problem(401, "second_factor_required");
    login["code"] = json!(guarded.next_code());
    let logged_in = asked(&login).await;
    let kept = cookie(&logged_in);
    let session = logged_in.expect(201);
    let refreshed = from_page(base_url, Method::POST, "/v1/sessions/refresh", Some(base_url), true, Some(&kept));
    reply(refreshed.json(&json!({}))).await.expect(200);
    of(base_url, &session).post("/v1/me/recovery-codes", &json!({})).await.expect(200);
}

/// A step and a bit, in seconds.
const STEP: i64 = 31;

#[tokio::test]
async fn a_code_is_no_good_too_early_or_too_late() {
    let server = Server::start().await;
    let guarded = Guarded::new(&server.base_url).await;
    let try_code = async |steps: u64| {
        let code = guarded.authenticator.code(guarded.now, steps);
        log_in(&server.base_url, &guarded.username, PASSWORD, Some(&code)).await
    };
    try_code(2).await.problem(403, "wrong_code");
    server.memory.pass(4 * STEP);
    for late in [0, 1, 2] {
        try_code(late).await.problem(403, "wrong_code");
    }
    for good in [3, 4, 5] {
        try_code(good).await.expect(201);
    }
    // Those of the steps before were good as well, until a later one was used.
    try_code(4).await.problem(403, "wrong_code");
    try_code(6).await.problem(403, "wrong_code");
}

#[tokio::test]
async fn an_answer_of_a_passkey_is_no_good_after_five_minutes() {
    let server = Server::start().await;
    let (username, client, _) = somebody(&server.base_url).await;
    let mut passkey = SoftPasskey::new("localhost", "http://localhost:3000");
    let register = async |passkey: &mut SoftPasskey, seconds: i64| {
        let asked = client.post("/v1/me/passkeys/challenge", &json!({})).await.expect(200);
        server.memory.pass(seconds);
        client.post("/v1/me/passkeys", &passkey.registration(&asked).unwrap()).await
    };
    register(&mut passkey, 300).await.problem(403, "forbidden");
    register(&mut passkey, 299).await.expect(201);
    let log_in = async |passkey: &mut SoftPasskey, seconds: i64| {
        let asked = client.post("/v1/sessions/passkey/challenge", &json!({})).await.expect(200);
        server.memory.pass(seconds);
        let login = json!({"passkey": passkey.assertion(&asked).unwrap()});
        Client::new(&server.base_url).post("/v1/sessions/passkey", &login).await
    };
    log_in(&mut passkey, 300).await.problem(401, "unauthorized");
    assert_eq!(log_in(&mut passkey, 299).await.expect(201)["user"]["username"], username.as_str());
}

#[tokio::test]
async fn a_proof_lasts_ten_minutes() {
    let server = Server::start().await;
    let guarded = Guarded::new(&server.base_url).await;
    guarded.step_up(&guarded.recovery[0]).await.expect(200);
    let renew = async || guarded.client.post("/v1/me/recovery-codes", &json!({})).await;
    server.memory.pass(599);
    renew().await.expect(200);
    server.memory.pass(1);
    renew().await.problem(403, "step_up_required");
    let code = guarded.authenticator.code(server.memory.now(), 0);
    guarded.step_up(&code).await.expect(200);
    renew().await.expect(200);
}

#[tokio::test]
async fn whoever_has_no_second_factor_proves_their_password_before_they_set_one_up() {
    let server = Server::start().await;
    let (_, client, _) = somebody(&server.base_url).await;
    server.memory.pass(600);
    client.post("/v1/me/totp", &json!({})).await.problem(403, "step_up_required");
    client.put_body("/v1/me/password", &json!({"current": PASSWORD, "new": PASSWORD})).await.expect(200);
    let step_up = async |password: &str| client.post("/v1/sessions/current/step-up", &json!({"password": password})).await;
    step_up("not the password").await.problem(403, "forbidden");
    step_up("short").await.problem(403, "forbidden");
    client.post("/v1/me/totp", &json!({})).await.problem(403, "step_up_required");
    step_up(PASSWORD).await.expect(200);
    client.post("/v1/me/totp", &json!({})).await.expect(200);
}
