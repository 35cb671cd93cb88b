//! What admins and auditors see of the log, over REST.

use anyhow::{Context as _, ensure};
use posthaste_tests::Profile;
use posthaste_tests::actor::User;
use reqwest::Method;
use serde_json::{Value, json};

use super::admins::Deployment;

/// Makes the content of an event something that is no JSON, behind the back of everybody.
async fn spoil(deployment: &Deployment, position: u64) -> anyhow::Result<()> {
    let spoil = |content: &str| format!("UPDATE events SET content = {content} WHERE position = {position}");
    let Some(sandbox) = &deployment.sandbox else {
        let file = rusqlite::Connection::open(deployment.data.path().join("data/posthaste.db"))?;
        let triggers = "SELECT 'DROP TRIGGER ' || name FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = 'events'";
        let drops: Vec<String> = file.prepare(triggers)?.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
        return Ok(file.execute_batch(&[&drops[..], &[spoil("x'7b'")]].concat().join(";"))?);
    };
    let (owner, connection) = tokio_postgres::connect(&sandbox.postgres_owner_url(), tokio_postgres::NoTls).await?;
    tokio::spawn(connection);
    Ok(owner.batch_execute(&format!("ALTER TABLE events DISABLE TRIGGER USER; {}", spoil("'\\x7b'"))).await?)
}

/// The log is explored page by page, whole and in part, and does not open doors.
async fn the_log_is_explored_without_its_secrets(profile: Profile) -> anyhow::Result<()> {
    let deployment = Deployment::start(profile).await?;
    let base = deployment.first();
    let (auditor, alice) = tokio::try_join!(User::register(&base, "auditor"), User::register(&base, "alice"))?;
    deployment.users(&["grant", auditor.username(), "auditor"]).await?;
    let group = alice.call(&base, Method::POST, "/v1/threads", Some(json!({ "kind": "group", "title": "Tea" }))).await?;
    let thread = group["id"].as_str().context("an id")?.to_owned();
    for n in 0..9 {
        let says = json!({ "content": { "kind": "text", "text": format!("number {n}") } });
        alice.call(&base, Method::POST, &format!("/v1/threads/{thread}/messages"), Some(says)).await?;
    }
    let link = alice.call(&base, Method::POST, &format!("/v1/threads/{thread}/invites"), Some(json!({}))).await?;
    let link = link["id"].as_str().context("an id")?.to_owned();

    let walk = async |filter: &str, limit: usize| {
        let (mut all, mut before) = (Vec::new(), String::new());
        loop {
            let page = auditor.call(&base, Method::GET, &format!("/v1/admin/events?limit={limit}{filter}{before}"), None).await?;
            all.extend(page["items"].as_array().context("items")?.clone());
            match page["next"].as_str() {
                Some(next) => before = format!("&before={next}"),
                None => return anyhow::Ok(all),
            }
        }
    };
    let places = |events: &[Value]| events.iter().filter_map(|event| event["position"].as_u64()).collect::<Vec<_>>();
    let whole = walk("", 4).await?;
    let head = whole.len() as u64;
    ensure!(places(&whole) == (1..=head).rev().collect::<Vec<_>>(), "{:?}", places(&whole));
    let text = serde_json::to_string(&whole)?;
    ensure!(text.contains("number 3"), "an auditor reads what was said");
    ensure!(!text.contains(&link) && !text.contains("argon2"), "a secret was told");
    let fits = |fits: &dyn Fn(&Value) -> bool| places(&whole.iter().filter(|event| fits(event)).cloned().collect::<Vec<_>>());
    for (filter, wanted) in [
        ("&category=message".to_owned(), fits(&|event| event["stream"].as_str().is_some_and(|stream| stream.starts_with("message-")))),
        (format!("&stream=thread-{thread}"), fits(&|event| event["stream"] == json!(format!("thread-{thread}")))),
        (format!("&thread={thread}&type=message.posted"), fits(&|event| event["type"] == "message.posted")),
        (format!("&actor={}", alice.id()), fits(&|event| event["actor"] == json!(alice.id()))),
        ("&from=3&to=6".to_owned(), vec![6, 5, 4, 3]),
        ("&since=2000-01-01T00:00:00Z&until=2001-01-01T00:00:00Z".to_owned(), vec![]),
    ] {
        for limit in [1, 3, 100] {
            let found = places(&walk(&filter, limit).await?);
            ensure!(found == wanted, "{filter} by {limit}: {found:?} instead of {wanted:?}");
        }
    }
    let one = auditor.call(&base, Method::GET, "/v1/admin/events/3", None).await?;
    ensure!(one == whole[whole.len() - 3], "{one}");

    // Somebody touches an event that nothing here rests on.
    let message = whole.iter().find(|event| event["type"] == "message.posted").context("a message")?;
    let position = message["position"].as_u64().context("a position")?;
    spoil(&deployment, position).await?;
    let spoilt = walk("", 100).await?;
    ensure!(places(&spoilt) == places(&whole), "{:?}", places(&spoilt));
    let index = usize::try_from(head - position)?;
    for shown in [&spoilt[index], &auditor.call(&base, Method::GET, &format!("/v1/admin/events/{position}"), None).await?] {
        ensure!(shown["body"].is_null() && shown["unreadable"].is_string() && shown["type"] == "message.posted", "{shown}");
        ensure!(shown["hash"] == message["hash"] && shown["command"].is_null(), "{shown}");
    }
    ensure!(spoilt.iter().filter(|event| event["unreadable"].is_string()).count() == 1, "{spoilt:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_is_explored_without_its_secrets_embedded() -> anyhow::Result<()> {
    the_log_is_explored_without_its_secrets(Profile::Embedded).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_is_explored_without_its_secrets_distributed() -> anyhow::Result<()> {
    the_log_is_explored_without_its_secrets(Profile::Distributed).await
}
