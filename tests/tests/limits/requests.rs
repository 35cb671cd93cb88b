//! Requests beyond the limit, by address and by user.

use anyhow::ensure;
use posthaste_tests::actor::{Login, Refused, User};
use posthaste_tests::{Node, NodeSettings, Profile, Sandbox, Stage};
use reqwest::Response;
use serde_json::{Value, json};

use crate::raw::header;

/// The limits of a server that is not in a test, with proxies on this machine.
pub(crate) fn strict(settings: NodeSettings) -> NodeSettings {
    settings.with("LIMITS__SCALE", "1").with("SERVER__TRUSTED_PROXIES", "127.0.0.0/8,::1")
}

/// The search of a user, through a proxy that speaks for this address.
async fn search(base: &str, token: &str, from: &str) -> anyhow::Result<Response> {
    let get = posthaste_tests::http::client().get(format!("{base}/v1/users?q=nobody")).bearer_auth(token).header("x-forwarded-for", from);
    Ok(get.send().await?)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asks_too_often_is_told_so_and_when_to_come_again_embedded() -> anyhow::Result<()> {
    who_asks_too_often_is_told_so_and_when_to_come_again(Profile::Embedded).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asks_too_often_is_told_so_and_when_to_come_again_distributed() -> anyhow::Result<()> {
    who_asks_too_often_is_told_so_and_when_to_come_again(Profile::Distributed).await
}

async fn who_asks_too_often_is_told_so_and_when_to_come_again(profile: Profile) -> anyhow::Result<()> {
    let few = |settings: NodeSettings| {
        let settings = strict(settings).with("LIMITS__SEARCH__PER_USER__BURST", "4").with("LIMITS__SEARCH__PER_USER__PER_MINUTE", "1");
        settings.with("LIMITS__SEARCH__PER_IP__BURST", "10").with("LIMITS__SEARCH__PER_IP__PER_MINUTE", "1")
    };
    let stage = Stage::start(profile, few).await?;
    let base = stage.base();
    let people = [User::register(&base, "alice").await?, User::register(&base, "bob").await?, User::register(&base, "carol").await?];
    let [alice, bob, carol] = people.each_ref().map(User::token);
    for left in (0..4).rev() {
        let found = search(&base, &alice, "192.0.2.1").await?;
        ensure!(found.status() == 200, "{found:?}");
        ensure!(header(&found, "ratelimit-policy") == r#""search-ip";q=10;w=600, "search-user";q=4;w=240"#, "{found:?}");
        let state = header(&found, "ratelimit").to_owned();
        ensure!(state.starts_with(&format!(r#""search-ip";r={};t="#, left + 6)), "{state}");
        ensure!(state.contains(&format!(r#""search-user";r={left};t="#)), "{state}");
    }
    let refused = search(&base, &alice, "192.0.2.1").await?;
    ensure!(refused.status() == 429 && header(&refused, "content-type") == "application/problem+json", "{refused:?}");
    ensure!(header(&refused, "ratelimit").contains(r#""search-user";r=0;t="#), "{refused:?}");
    let after: u64 = header(&refused, "retry-after").parse()?;
    let problem: Value = refused.json().await?;
    ensure!(problem["code"] == "rate_limited" && problem["retry"] == "after", "{problem}");
    let wait = problem["retry_after_ms"].as_u64().unwrap_or_default();
    ensure!(after == wait.div_ceil(1_000) && (1..=60_000).contains(&wait), "{after}, {problem}");
    // Wherever she is, and with another login too.
    let Login { token, .. } = people[0].another_login(&base).await?;
    ensure!(search(&base, &token, "192.0.2.2").await?.status() == 429);
    // Of her address there is some left, which others use up, whoever they are.
    let mut statuses = Vec::new();
    for n in 0..8 {
        let token = if n % 2 == 0 { &bob } else { &carol };
        statuses.push(search(&base, token, "192.0.2.1").await?.status().as_u16());
    }
    ensure!(statuses == [200, 200, 200, 200, 200, 429, 429, 429], "{statuses:?}");
    ensure!(search(&base, &bob, "192.0.2.3").await?.status() == 200, "another address");
    // What is not limited by it goes on.
    people[0].call(&base, reqwest::Method::GET, "/v1/me", None).await?;
    // And is counted.
    let metrics = posthaste_tests::http::get(format!("{base}/metrics")).await?.text().await?;
    ensure!(metrics.contains(r#"posthaste_rate_limited_total{policy="search"} 5"#), "{metrics}");
    Ok(())
}

#[tokio::test]
async fn only_a_trusted_proxy_speaks_for_another_address() -> anyhow::Result<()> {
    let few = |settings: NodeSettings| {
        let settings = strict(settings).with("SERVER__TRUSTED_PROXIES", "10.0.0.0/8");
        settings.with("LIMITS__REGISTER__PER_IP__BURST", "3").with("LIMITS__REGISTER__PER_IP__PER_MINUTE", "1")
    };
    let stage = Stage::start(Profile::Embedded, few).await?;
    let mut statuses = Vec::new();
    for n in 0..5 {
        let post = posthaste_tests::http::client().post(format!("{}/v1/users", stage.base())).json(&json!({}));
        let post = post.header("x-forwarded-for", format!("192.0.2.{n}")).header("forwarded", format!("for=192.0.2.{n}"));
        statuses.push(post.header("x-real-ip", format!("192.0.2.{n}")).send().await?.status().as_u16());
    }
    ensure!(statuses == [400, 400, 400, 429, 429], "{statuses:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_rare_is_counted_by_all_nodes_together() -> anyhow::Result<()> {
    let sandbox = Sandbox::new("together").await?;
    posthaste_tests::node::migrate(&sandbox).await?;
    let settings = strict(NodeSettings::distributed(&sandbox)).with("LIMITS__TICKETS__PER_USER__BURST", "6");
    let settings = settings.with("LIMITS__TICKETS__PER_USER__PER_MINUTE", "1");
    let (one, two) = tokio::try_join!(Node::start("one", settings.clone()), Node::start("two", settings))?;
    let alice = User::register(&one.base(), "alice").await?;
    let mut given = 0;
    for n in 0..12 {
        let base = if n % 2 == 0 { one.base() } else { two.base() };
        match alice.ticket(&base).await {
            Ok(_) => given += 1,
            Err(error) => ensure!(error.downcast_ref::<Refused>().is_some_and(|refused| refused.status == 429), "{error:?}"),
        }
    }
    ensure!(given == 6, "{given}");
    Ok(())
}

#[tokio::test]
async fn with_the_limits_switched_off_nothing_is_limited_and_nothing_told() -> anyhow::Result<()> {
    let off = |settings: NodeSettings| strict(settings).with("LIMITS__ENABLED", "false").with("LIMITS__OTHER__PER_IP__BURST", "1");
    let stage = Stage::start(Profile::Embedded, off).await?;
    for _ in 0..50 {
        let answered = posthaste_tests::http::get(format!("{}/nothing", stage.base())).await?;
        ensure!(answered.status() == 404 && header(&answered, "ratelimit").is_empty(), "{answered:?}");
    }
    Ok(())
}
