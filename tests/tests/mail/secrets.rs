//! What is sent is good once and for its time, and nobody learns from any of it who has an account.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use posthaste_tests::Profile;
use posthaste_tests::actor::{Incoming, Socket, User, new_id};
use posthaste_tests::patience::until;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};

use super::service::{LINKS, Post, SOON, ask};

posthaste_tests::on_both_profiles! {
    a_password_is_set_anew_once_and_every_login_is_ended_with_its_sockets
    a_new_password_makes_what_was_sent_before_worthless
    what_has_run_out_is_refused_like_what_never_was
    of_two_who_set_a_password_at_once_with_one_token_one_does
    a_known_address_and_an_unknown_one_are_not_told_apart
    whoever_asks_again_and_again_has_little_sent
    whoever_is_suspended_sets_no_password
}

const NEW: &str = "another password entirely";

async fn confirm(post: &Post, token: &str, password: &str) -> anyhow::Result<(u16, Value)> {
    ask(&post.base(), "/v1/password/reset/confirm", json!({ "token": token, "new_password": password })).await
}

/// What a token that nobody was ever sent is answered.
async fn refused(post: &Post) -> anyhow::Result<Value> {
    let (status, refused) = confirm(post, &format!("pho_{}", "A".repeat(43)), NEW).await?;
    ensure!(status == 403, "{refused}");
    Ok(bare(refused))
}

/// A problem, without what is another each time.
fn bare(mut problem: Value) -> Value {
    if let Some(problem) = problem.as_object_mut() {
        problem.remove("instance");
        problem.remove("request_id");
    }
    problem
}

async fn logs_in(post: &Post, user: &User, password: &str) -> anyhow::Result<u16> {
    Ok(ask(&post.base(), "/v1/sessions", json!({ "login": user.username(), "password": password })).await?.0)
}

async fn a_password_is_set_anew_once_and_every_login_is_ended_with_its_sockets(profile: Profile) -> anyhow::Result<()> {
    let post = Post::start(profile, |settings| settings).await?;
    let (alice, verification) = post.newcomer("alice").await?;
    let mut socket = Socket::hello(&post.base(), &alice, new_id(), json!({ "cursor": 0 })).await?;
    // Whatever the request says that the server is called.
    let body = json!({ "email": alice.email().to_uppercase() });
    let forged =
        posthaste_tests::http::client().post(format!("{}/v1/password/reset", post.base())).header("Host", "evil.example").json(&body);
    ensure!(forged.send().await?.status() == 202);
    let mail = post.mail_to(&alice, 2).await?;
    let first = mail.token()?;
    ensure!(mail.message.replace("=\r\n", "").contains(&format!("{LINKS}/reset-password#token")), "{}", mail.message);
    ensure!(!mail.message.contains("evil"), "{}", mail.message);
    post.forget(&alice.email()).await?;
    let second = post.mail_to(&alice, 3).await?.token()?;

    ensure!(confirm(&post, &second, "short").await?.0 == 400, "it is not used up by what cannot be a password");
    ensure!(bare(confirm(&post, &verification, NEW).await?.1) == refused(&post).await?, "it is for something else");
    ensure!(logs_in(&post, &alice, alice.password()).await? == 201);
    ensure!(confirm(&post, &second, NEW).await? == (204, Value::Null));
    let closed = timeout(SOON, async {
        loop {
            if let Incoming::Closed(code, _) = socket.next().await? {
                return anyhow::Ok(code);
            }
        }
    });
    assert_eq!(closed.await.context("the socket is not closed")??, 4202);
    let (status, problem) = alice.answer(&post.base(), Method::GET, "/v1/me", None).await?;
    ensure!((status, &problem["code"]) == (401, &json!("session_revoked")), "{problem}");
    ensure!(logs_in(&post, &alice, alice.password()).await? == 401);
    ensure!(logs_in(&post, &alice, NEW).await? == 201);
    // Neither the one that was used nor the other, with whatever password.
    for (token, password) in [(&second, NEW), (&second, "a third password"), (&first, NEW), (&first, "a third password")] {
        let (status, problem) = confirm(&post, token, password).await?;
        ensure!((status, bare(problem)) == (403, refused(&post).await?));
    }
    ensure!(logs_in(&post, &alice, NEW).await? == 201);
    Ok(())
}

async fn a_new_password_makes_what_was_sent_before_worthless(profile: Profile) -> anyhow::Result<()> {
    let post = Post::start(profile, |settings| settings).await?;
    let (alice, _) = post.newcomer("alice").await?;
    post.forget(&alice.email()).await?;
    let token = post.mail_to(&alice, 2).await?.token()?;
    let change = json!({ "current": alice.password(), "new": NEW });
    alice.call(&post.base(), Method::PUT, "/v1/me/password", Some(change)).await?;
    ensure!(bare(confirm(&post, &token, "a third password").await?.1) == refused(&post).await?);
    ensure!(logs_in(&post, &alice, NEW).await? == 201);
    Ok(())
}

async fn what_has_run_out_is_refused_like_what_never_was(profile: Profile) -> anyhow::Result<()> {
    let post = Post::start(profile, |settings| settings.with("MAIL__RESET_S", "1").with("MAIL__VERIFICATION_S", "1")).await?;
    let (alice, verification) = post.newcomer("alice").await?;
    post.forget(&alice.email()).await?;
    let token = post.mail_to(&alice, 2).await?.token()?;
    let sent = Instant::now();
    until("a second is over", async || Ok(sent.elapsed()), |passed| *passed > Duration::from_millis(1_100)).await?;
    ensure!(bare(confirm(&post, &token, NEW).await?.1) == refused(&post).await?);
    ensure!(ask(&post.base(), "/v1/email/verify", json!({ "token": verification })).await?.0 == 403);
    ensure!(logs_in(&post, &alice, alice.password()).await? == 201);
    Ok(())
}

async fn of_two_who_set_a_password_at_once_with_one_token_one_does(profile: Profile) -> anyhow::Result<()> {
    let post = Post::start(profile, |settings| settings).await?;
    let (alice, _) = post.newcomer("alice").await?;
    post.forget(&alice.email()).await?;
    let token = post.mail_to(&alice, 2).await?.token()?;
    let passwords: Vec<_> = (0..10).map(|n| format!("the password with the number {n}")).collect();
    let set = futures::future::try_join_all(passwords.iter().map(|password| confirm(&post, &token, password))).await?;
    let set: Vec<_> = set.iter().zip(&passwords).filter(|((status, _), _)| *status == 204).map(|(_, password)| password).collect();
    let [password] = set[..] else { anyhow::bail!("{} have done it", set.len()) };
    ensure!(logs_in(&post, &alice, password).await? == 201);
    Ok(())
}

async fn a_known_address_and_an_unknown_one_are_not_told_apart(profile: Profile) -> anyhow::Result<()> {
    let post = Post::start(profile, |settings| settings).await?;
    let (alice, _) = post.newcomer("alice").await?;
    let client = posthaste_tests::http::client();
    let asked = async |email: &str| {
        let begun = Instant::now();
        let response = client.post(format!("{}/v1/password/reset", post.base())).json(&json!({ "email": email })).send().await?;
        let took = begun.elapsed();
        let mut names: Vec<_> = response.headers().keys().map(|name| name.as_str().to_owned()).collect();
        names.sort_unstable();
        anyhow::Ok((took, response.status().as_u16(), names, response.bytes().await?))
    };
    let unknown = format!("nobody.{:08x}@example.invalid", rand::random::<u32>());
    let (mut known_took, mut unknown_took) = (Vec::new(), Vec::new());
    for _ in 0..40 {
        let (took, status, names, body) = asked(&alice.email()).await?;
        let (other_took, other_status, other_names, other_body) = asked(&unknown).await?;
        ensure!((status, &names, &body) == (other_status, &other_names, &other_body), "{status} {names:?}, {other_status} {other_names:?}");
        known_took.push(took);
        unknown_took.push(other_took);
    }
    let median = |times: &mut Vec<Duration>| {
        times.sort_unstable();
        times[times.len() / 2].as_secs_f64()
    };
    let ratio = median(&mut known_took) / median(&mut unknown_took);
    ensure!((0.5..2.0).contains(&ratio), "one takes {ratio} times as long as the other");
    post.emptied().await?;
    ensure!(post.smtp.received().iter().all(|mail| mail.recipients != [unknown.clone()]), "it was sent to somebody who is nobody");
    post.mail_to(&alice, 2).await?;
    Ok(())
}

async fn whoever_asks_again_and_again_has_little_sent(profile: Profile) -> anyhow::Result<()> {
    let post = Post::start(profile, |settings| settings.with("MAIL__RESEND_S", "3600")).await?;
    let (alice, _) = post.newcomer("alice").await?;
    // All at once, and once more when that is done with.
    for _ in 0..2 {
        for _ in 0..5 {
            post.forget(&alice.email()).await?;
            alice.call(&post.base(), Method::POST, "/v1/me/email/verify", None).await?;
        }
        post.mail_to(&alice, 2).await?;
        post.emptied().await?;
    }
    let sent = |post: &Post| post.smtp.received().iter().filter(|mail| mail.recipients == [alice.email()]).count();
    ensure!(sent(&post) == 2, "one to verify the address, one to set a password, and not {}", sent(&post));
    Ok(())
}

async fn whoever_is_suspended_sets_no_password(profile: Profile) -> anyhow::Result<()> {
    let post = Post::start(profile, |settings| settings).await?;
    let (alice, verification) = post.newcomer("alice").await?;
    post.forget(&alice.email()).await?;
    let token = post.mail_to(&alice, 2).await?.token()?;
    let admin = post.stage.admin().await?;
    let path = |what: &str| format!("/v1/admin/users/{}/{what}", alice.id());
    admin.call(&post.base(), Method::POST, &path("suspend"), Some(json!({}))).await?;
    let (status, problem) = confirm(&post, &token, NEW).await?;
    ensure!((status, &problem["code"]) == (403, &json!("account_suspended")), "{problem}");
    let (status, problem) = ask(&post.base(), "/v1/email/verify", json!({ "token": verification })).await?;
    ensure!((status, &problem["code"]) == (403, &json!("account_suspended")), "{problem}");
    admin.call(&post.base(), Method::POST, &path("reinstate"), None).await?;
    ensure!(logs_in(&post, &alice, alice.password()).await? == 201, "nothing was changed");
    Ok(())
}
