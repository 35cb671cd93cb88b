//! Guessing passwords, and what it tells.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use posthaste_tests::actor::User;
use posthaste_tests::{Profile, Stage};
use serde_json::{Value, json};

use crate::requests::strict;

/// A try to log in, through a proxy that speaks for this address: the status and the body.
pub(crate) async fn log_in(base: &str, from: &str, login: &str, password: &str) -> anyhow::Result<(u16, Value)> {
    let post = posthaste_tests::http::client().post(format!("{base}/v1/sessions")).header("x-forwarded-for", from);
    let answered = post.json(&json!({ "login": login, "password": password })).send().await?;
    Ok((answered.status().as_u16(), answered.json().await?))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_guesses_has_to_wait_and_the_owner_gets_in_from_elsewhere_embedded() -> anyhow::Result<()> {
    who_guesses_has_to_wait_and_the_owner_gets_in_from_elsewhere(Profile::Embedded).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_guesses_has_to_wait_and_the_owner_gets_in_from_elsewhere_distributed() -> anyhow::Result<()> {
    who_guesses_has_to_wait_and_the_owner_gets_in_from_elsewhere(Profile::Distributed).await
}

async fn who_guesses_has_to_wait_and_the_owner_gets_in_from_elsewhere(profile: Profile) -> anyhow::Result<()> {
    let stage = Stage::start(profile, strict).await?;
    let base = stage.base();
    let alice = User::register(&base, "alice").await?;
    // Known and unknown, it is the same.
    let mut answers = BTreeMap::<_, Vec<_>>::new();
    for login in [alice.username(), "nobody.at.all"] {
        for _ in 0..8 {
            let (status, mut problem) = log_in(&base, "192.0.2.1", login, "wrong").await?;
            if status == 429 {
                let wait = problem.as_object_mut().and_then(|problem| problem.remove("retry_after_ms")).context("it says how long")?;
                ensure!((1..=2_000).contains(&wait.as_u64().unwrap_or_default()), "{wait}");
            }
            answers.entry(login).or_default().push((status, problem));
        }
    }
    let statuses = |login: &str| answers[login].iter().map(|(status, _)| *status).collect::<Vec<_>>();
    ensure!(statuses(alice.username())[..5] == [401; 5] && statuses(alice.username()).contains(&429), "{answers:?}");
    ensure!(answers[alice.username()][0] == answers["nobody.at.all"][0], "{answers:?}");
    ensure!(statuses("nobody.at.all")[..5] == [401; 5] && statuses("nobody.at.all").contains(&429), "{answers:?}");
    let refused = |login: &str| answers[login].iter().find(|(status, _)| *status == 429).cloned();
    ensure!(refused(alice.username()) == refused("nobody.at.all"), "{answers:?}");
    // A password that is right is no way around the wait where one has guessed, and in any case from elsewhere.
    for bot in 0..12 {
        for _ in 0..6 {
            let (status, _) = log_in(&base, &format!("198.51.100.{bot}"), alice.username(), "wrong").await?;
            ensure!([401, 429].contains(&status), "{status}");
        }
    }
    let (under_attack, _) = log_in(&base, "198.51.100.200", alice.username(), "wrong").await?;
    let (again, _) = log_in(&base, "198.51.100.200", alice.username(), "wrong").await?;
    ensure!((under_attack, again) == (401, 429), "an address has one try at an account under attack: {under_attack}, {again}");
    for _ in 0..10 {
        let (status, session) = log_in(&base, "203.0.113.7", alice.username(), alice.password()).await?;
        ensure!(status == 201, "the owner is locked out: {session}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_account_takes_as_long_as_a_wrong_password() -> anyhow::Result<()> {
    // A hash that takes longer than everything else together.
    let stage = Stage::start(Profile::Embedded, |settings| settings.with("AUTH__PASSWORD_MEMORY_KIB", "4096")).await?;
    let base = stage.base();
    let alice = User::register(&base, "alice").await?;
    let client = posthaste_tests::http::client();
    let mut times = [Vec::new(), Vec::new()];
    for n in 0..200 {
        let login = if n % 2 == 0 { alice.username().to_owned() } else { format!("nobody.{n}") };
        let begun = Instant::now();
        let post = client.post(format!("{base}/v1/sessions")).json(&json!({ "login": login, "password": "wrong" }));
        let status = post.send().await?.status();
        times[n % 2].push(begun.elapsed());
        ensure!(status == 401, "{status}");
    }
    let [known, unknown] = times.map(|mut times: Vec<Duration>| {
        times.sort_unstable();
        times[times.len() / 2].as_secs_f64()
    });
    println!("known {:.2} ms, unknown {:.2} ms, ratio {:.3}", known * 1e3, unknown * 1e3, known / unknown);
    ensure!((0.75..1.33).contains(&(known / unknown)), "known {known} s, unknown {unknown} s");
    Ok(())
}
