//! What is promised about accounts that only ports in memory, or a clock, can show.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::ensure;
use posthaste_infrastructure::http::Registration;
use posthaste_tests::actor::User;
use posthaste_tests::{Profile, Stage};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::client::{Client, PASSWORD, Person, key, name, registration};
use crate::Server;

const DAY: i64 = 86_400;

async fn log_in(client: &Client, username: &str, password: &str) -> super::client::Reply {
    client.post("/v1/sessions", &json!({"login": username, "password": password})).await
}

async fn refresh(client: &Client, session: &Value) -> super::client::Reply {
    client.post("/v1/sessions/refresh", &json!({"refresh_token": session["refresh_token"]})).await
}

#[tokio::test]
async fn nobody_registers_where_registration_is_closed() {
    let server = Server::start_with(Registration::Closed).await;
    let problem = server.client().post("/v1/users", &registration(&name("alice"))).await.problem(403, "registration_closed");
    assert_eq!(problem["retry"], "never");
    assert_eq!(server.memory.hashed.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_login_that_is_not_used_runs_out() {
    let server = Server::start().await;
    let person = Person::new(&server.base_url, "alice").await;
    let client = server.client();
    let mut session = log_in(&client, &person.username, PASSWORD).await.expect(201);
    let unused = log_in(&client, &person.username, PASSWORD).await.expect(201);
    server.memory.pass(29 * DAY);
    session = refresh(&client, &session).await.expect(200);
    server.memory.pass(2 * DAY);
    refresh(&client, &unused).await.problem(401, "unauthorized");
    session = refresh(&client, &session).await.expect(200);
    let mine = client.with_token(session["access_token"].as_str().unwrap());
    let listed = mine.get("/v1/sessions").await.expect(200);
    assert_eq!(listed["items"].as_array().unwrap().len(), 1, "{listed}");
}

#[tokio::test]
async fn a_login_runs_out_however_often_it_is_used_and_its_tokens_with_it() {
    let server = Server::start().await;
    let person = Person::new(&server.base_url, "alice").await;
    let client = server.client();
    let mut session = log_in(&client, &person.username, PASSWORD).await.expect(201);
    for _ in 0..8 {
        server.memory.pass(11 * DAY);
        session = refresh(&client, &session).await.expect(200);
    }
    // 88 of its 90 days.
    server.memory.pass(2 * DAY - 60);
    let last = refresh(&client, &session).await.expect(200);
    assert_eq!(last["expires_in_s"], 60, "no token outlasts its login");
    assert_eq!(last["refresh_expires_at"].as_str().unwrap()[..19], last["expires_at"].as_str().unwrap()[..19]);
    server.memory.pass(60);
    refresh(&client, &last).await.problem(401, "unauthorized");
    client.with_token(last["access_token"].as_str().unwrap()).get("/v1/me").await.problem(401, "token_expired");
}

#[tokio::test]
async fn of_too_many_logins_those_end_that_were_not_used_for_longest() {
    let server = Server::start().await;
    let person = Person::new(&server.base_url, "alice").await;
    let client = server.client();
    let mut sessions = Vec::new();
    for _ in 0..posthaste_application::login::MOST_SESSIONS {
        server.memory.pass(1);
        sessions.push(log_in(&client, &person.username, PASSWORD).await.expect(201));
    }
    // That of the person itself was the first, and gone with the last of these.
    person.client.get("/v1/me").await.problem(401, "session_revoked");
    let first = refresh(&client, &sessions[0]).await.expect(200);
    server.memory.pass(1);
    log_in(&client, &person.username, PASSWORD).await.expect(201);
    client.with_token(first["access_token"].as_str().unwrap()).get("/v1/me").await.expect(200);
    client.with_token(sessions[1]["access_token"].as_str().unwrap()).get("/v1/me").await.problem(401, "session_revoked");
}

#[tokio::test]
async fn a_hash_that_costs_too_little_is_made_anew_at_the_next_login() {
    let server = Server::start().await;
    let body = registration(&name("alice"));
    let user = key();
    server.client().post_as(user, "/v1/users", &body).await.expect(201);
    server.memory.put_hash(user, format!("weak:{PASSWORD}"));
    let username = body["username"].as_str().unwrap();
    log_in(&server.client(), username, "a wrong password").await.problem(401, "unauthorized");
    assert_eq!(server.memory.hash_of(user), format!("weak:{PASSWORD}"));
    for _ in 0..2 {
        log_in(&server.client(), username, PASSWORD).await.expect(201);
        assert_eq!(server.memory.hash_of(user), format!("plain:{PASSWORD}"));
    }
}

#[tokio::test]
async fn a_login_looks_up_and_hashes_as_much_whoever_is_named() {
    let server = Server::start().await;
    let person = Person::new(&server.base_url, "alice").await;
    let mut asked = Vec::new();
    let logins = [
        person.username.clone(),
        format!("{}@example.com", person.username),
        name("nobody"),
        "nobody@example.com".to_owned(),
        "no name!".to_owned(),
        "@".to_owned(),
        String::new(),
    ];
    for login in logins {
        let before = server.memory.asked();
        log_in(&server.client(), &login, "a wrong password").await.problem(401, "unauthorized");
        let after = server.memory.asked();
        asked.push(std::array::from_fn::<_, 3, _>(|n| after[n] - before[n]));
    }
    assert!(asked.iter().all(|counts| *counts == asked[0] && counts.iter().all(|count| *count > 0)), "{asked:?}");
}

/// Of two that are alternated, so that whatever else the machine does is the same for both.
fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

#[tokio::test]
async fn an_unknown_account_cannot_be_told_from_a_wrong_password_by_the_clock() -> anyhow::Result<()> {
    let stage = Stage::start(Profile::Embedded, |settings| settings.with("AUTH__PASSWORD_MEMORY_KIB", "512")).await?;
    let person = Person::new(&stage.base(), "alice").await;
    let client = Client::new(&stage.base());
    let (mut wrong, mut unknown) = (Vec::new(), Vec::new());
    for _ in 0..100 {
        for (login, times) in [(person.username.clone(), &mut wrong), (name("nobody"), &mut unknown)] {
            let begun = Instant::now();
            log_in(&client, &login, "a wrong password").await.problem(401, "unauthorized");
            times.push(begun.elapsed());
        }
    }
    let (wrong, unknown) = (median(wrong), median(unknown));
    // Without a hash to compare with it would be several times as fast.
    ensure!(unknown * 3 > wrong * 2 && wrong * 3 > unknown * 2, "a wrong password {wrong:?}, an unknown account {unknown:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_are_not_held_up_by_a_storm_of_logins() -> anyhow::Result<()> {
    // Hashes as they are asked for; a storm of them takes a core for all of the test.
    let stage =
        Stage::start(Profile::Embedded, |settings| settings.with("AUTH__PASSWORD_MEMORY_KIB", "19456").with("AUTH__PASSWORD_PASSES", "2"))
            .await?;
    let base = stage.base();
    let alice = User::register(&base, "alice").await?;
    let thread = alice.call(&base, Method::POST, "/v1/threads", Some(json!({"kind": "group", "title": "Storm"}))).await?;
    let path = format!("/v1/threads/{}/messages", thread["id"].as_str().unwrap_or_default());
    let post = async || {
        let begun = Instant::now();
        alice.call(&base, Method::POST, &path, Some(super::client::saying("hello"))).await?;
        anyhow::Ok(begun.elapsed())
    };
    let (mut quiet, mut storm) = (Vec::new(), Vec::new());
    for _ in 0..4 {
        for _ in 0..15 {
            quiet.push(post().await?);
        }
        let mut logins = JoinSet::new();
        for _ in 0..40 {
            let client = Client::new(&base);
            logins.spawn(async move { log_in(&client, "nobody", "a wrong password").await.status });
        }
        for _ in 0..15 {
            storm.push(post().await?);
        }
        // If they were over before, nothing was measured.
        ensure!(logins.try_join_next().is_none_or(|status| status.is_ok_and(|status| status == 401)), "a login was not refused");
        let left = logins.len();
        ensure!(left > 0, "the storm was over before the messages");
        logins.abort_all();
    }
    let (quiet, storm) = (median(quiet), median(storm));
    // One hash alone takes longer than that, and one after the other would hold up a message for all of them.
    ensure!(storm < quiet * 12, "a message takes {quiet:?}, and {storm:?} in a storm");
    Ok(())
}
