//! Limits that nodes count together, without what they count in.

use anyhow::ensure;
use posthaste_tests::actor::User;
use posthaste_tests::patience::until;
use posthaste_tests::services::{Redis, Scratch};
use posthaste_tests::{Node, NodeSettings, Sandbox};

use crate::login::log_in;
use crate::requests::strict;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_redis_nobody_is_refused_but_those_who_guess_and_with_it_they_count_again() -> anyhow::Result<()> {
    let (sandbox, scratch) = (Sandbox::new("outage").await?, Scratch::new()?);
    posthaste_tests::node::migrate(&sandbox).await?;
    let mut redis = Redis::start(scratch.path().join("redis")).await?;
    let settings = strict(NodeSettings::distributed(&sandbox)).with("REDIS__URL", redis.url());
    let settings = settings.with("LIMITS__SEARCH__PER_USER__BURST", "3").with("LIMITS__SEARCH__PER_USER__PER_MINUTE", "1");
    let settings = settings.with("LIMITS__LOGIN__PER_IP__BURST", "10").with("LIMITS__LOGIN__PER_IP__PER_MINUTE", "1");
    let settings = settings.with("LIMITS__RESET__PER_IP__BURST", "4").with("LIMITS__RESET__PER_IP__PER_MINUTE", "1");
    let node = Node::start("a node", settings).await?;
    let base = node.base();
    let alice = User::register(&base, "alice").await?;
    let searches = async |times: usize| {
        let mut found = 0;
        for _ in 0..times {
            found += usize::from(alice.answer(&base, reqwest::Method::GET, "/v1/users?q=nobody", None).await?.0 == 200);
        }
        anyhow::Ok(found)
    };
    let guesses = async |from: &str, login: &str, times: usize| {
        let mut tried = 0;
        for _ in 0..times {
            tried += usize::from(log_in(&base, from, login, "wrong").await?.0 == 401);
        }
        anyhow::Ok(tried)
    };
    let forgotten = async |from: &str, times: usize| {
        let mut taken = 0;
        for n in 0..times {
            let post = posthaste_tests::http::client().post(format!("{base}/v1/password/reset")).header("x-forwarded-for", from);
            let answered = post.json(&serde_json::json!({ "email": format!("nobody{n}@example.invalid") })).send().await?;
            taken += usize::from(answered.status() == 202);
        }
        anyhow::Ok(taken)
    };
    ensure!(searches(10).await? == 3);
    let taken = forgotten("192.0.2.3", 10).await?;
    ensure!(taken == 4, "{taken}");
    redis.kill().await?;
    let found = searches(30).await?;
    ensure!(found == 30, "{found} of 30");
    // The policy still holds, and so does the wait after wrong passwords; each node counts for itself.
    let spread: Vec<_> = (0..20).map(|n| format!("nobody{n}")).collect();
    let mut tried = 0;
    for login in &spread {
        tried += guesses("192.0.2.1", login, 1).await?;
    }
    ensure!(tried == 10, "{tried}");
    let taken = forgotten("192.0.2.4", 10).await?;
    ensure!(taken == 4, "{taken}");
    // One more may come by while they are made.
    let tried = guesses("192.0.2.2", "alice", 9).await?;
    ensure!((5..=8).contains(&tried), "{tried}");
    redis.restart().await?;
    until("it is counted again", async || searches(1).await, |found| *found == 0).await?;
    let metrics = posthaste_tests::http::get(format!("{base}/metrics")).await?.text().await?;
    ensure!(!metrics.contains("posthaste_limiter_failures_total 0\n"), "{metrics}");
    Ok(())
}
