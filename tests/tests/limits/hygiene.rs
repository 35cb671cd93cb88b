//! That what servers write is read at all.

use std::panic::{AssertUnwindSafe, catch_unwind};

use anyhow::ensure;
use posthaste_tests::actor::User;
use posthaste_tests::hygiene::{leaks, remember_all};
use posthaste_tests::{Profile, Stage};
use serde_json::json;

#[test]
fn what_somebody_keeps_secret_or_writes_is_found_in_an_output() {
    remember_all(
        &json!({ "login": "carol", "password": "a very good one", "content": [{ "text": "see you at the lake" }, { "text": "ok" }] }),
    );
    for (output, found) in [
        ("{\"a\":1}\n{\"said\":\"it was see you at the lake, I think\"}\n", 1),
        ("password=a very good one\n", 1),
        ("{\"login\":\"carol\"} ok\n", 0),
        ("", 0),
    ] {
        assert_eq!(leaks(output).len(), found, "{output}");
    }
    assert_eq!(leaks("before\nx a very good one y\nafter"), ["x a very good one y"]);
}

/// A name is told to everybody who asks, but the server has no business with it in its logs; here one is logged on purpose, as a request id
/// is, which is the only thing a client can have logged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_logs_a_secret_is_caught_when_it_ends() -> anyhow::Result<()> {
    let stage = Stage::start(Profile::Embedded, |settings| settings.with("LOG", "debug")).await?;
    let user = User::register(&stage.base(), "alice").await?;
    let id = posthaste_tests::actor::new_id().to_string();
    let get = posthaste_tests::http::client().get(format!("{}/v1/me", stage.base())).bearer_auth(user.token()).header("x-request-id", &id);
    get.send().await?.error_for_status()?;
    stage.node().keeps_secrets();
    remember_all(&json!({ "token": id }));
    let ends = catch_unwind(AssertUnwindSafe(|| drop(stage)));
    let said = ends.err().and_then(|panic| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
    ensure!(said.contains("has logged what must not be logged") && said.contains(&id), "{said}");
    Ok(())
}
