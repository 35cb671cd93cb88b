//! Dead letters over REST: auditors see them, admins do something about them, and the log has who did.

use anyhow::{Context as _, ensure};
use posthaste_tests::Profile;
use posthaste_tests::actor::{User, new_id};
use posthaste_tests::node::make_admin;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::{PATIENCE, World, unreadable};

const LETTERS: &str = "/v1/admin/dead-letters";

/// Asks until the answer is as it should be.
async fn until(user: &User, world: &World, path: &str, fits: impl Fn(&Value) -> bool) -> anyhow::Result<Value> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let (_, answer) = user.answer(&world.node.base(), Method::GET, path, None).await?;
        if fits(&answer) {
            return Ok(answer);
        }
        ensure!(Instant::now() < deadline, "{path}: {answer}");
        sleep(std::time::Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn admins_do_something_about_dead_letters_and_the_log_says_who_embedded() -> anyhow::Result<()> {
    admins_do_something_about_dead_letters_and_the_log_says_who(Profile::Embedded).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn admins_do_something_about_dead_letters_and_the_log_says_who_distributed() -> anyhow::Result<()> {
    admins_do_something_about_dead_letters_and_the_log_says_who(Profile::Distributed).await
}

async fn admins_do_something_about_dead_letters_and_the_log_says_who(profile: Profile) -> anyhow::Result<()> {
    let mut world = World::new(profile).await?;
    let base = world.node.base();
    let (admin, auditor) = tokio::try_join!(User::register(&base, "operator"), User::register(&base, "auditor"))?;
    make_admin(&world.settings, &admin).await?;
    admin.call(&base, Method::PUT, &format!("/v1/admin/users/{}/roles/auditor", auditor.id()), None).await?;
    let (appends, _, stream) = unreadable(world.thread, world.writer.id());
    world.behind_its_back(appends).await?;
    let base = world.node.base();
    let views = ["view:threads", "view:timeline"];

    // An auditor sees them all, page by page.
    let whole = until(&auditor, &world, LETTERS, |page| page["items"].as_array().is_some_and(|letters| letters.len() == 2)).await?;
    let letters = whole["items"].as_array().context("letters")?;
    let position = letters[0]["position"].as_u64().context("a position")?;
    for (letter, view) in letters.iter().zip(views) {
        ensure!(letter["consumer"] == view && letter["stream"] == stream.as_str() && letter["position"] == position, "{letter}");
        ensure!(letter["type"] == "message.posted" && letter["waiting"] == 1 && letter["asked_at"].is_null(), "{letter}");
        ensure!(letter["reason"].as_str().is_some_and(|why| why.contains("cannot be read")) && letter["since"].is_string(), "{letter}");
    }
    let (mut walked, mut before) = (Vec::new(), String::new());
    loop {
        let page = auditor.call(&base, Method::GET, &format!("{LETTERS}?limit=1{before}"), None).await?;
        walked.extend(page["items"].as_array().context("letters")?.clone());
        let Some(next) = page["next"].as_str() else { break };
        before = format!("&before={next}");
    }
    assert_eq!(&walked, letters);
    let of_one = auditor.call(&base, Method::GET, &format!("{LETTERS}?consumer=view:threads"), None).await?;
    ensure!(of_one["items"] == json!([letters[0]]) && of_one["next"].is_null(), "{of_one}");
    let lag = auditor.call(&base, Method::GET, "/v1/admin/lag", None).await?;
    assert_eq!(lag["dead_letters"], views.map(|view| json!({ "consumer": view, "count": 1 })).into_iter().collect::<Value>());
    let of = |view: &str| format!("{LETTERS}/{view}/{stream}");
    let one = auditor.call(&base, Method::GET, &of("view:timeline"), None).await?;
    ensure!(one["letter"] == letters[1] && one["event"]["position"] == position && one["event"]["body"]["message"] == 7, "{one}");

    // Who may not, and what is not there: nothing is recorded.
    let this = || Some(json!({ "position": position }));
    let another = || Some(json!({ "position": position + 1 }));
    for act in ["retry", "drop"] {
        let path = format!("{}/{act}", of("view:timeline"));
        let nothing = format!("{LETTERS}/view:timeline/message-{}/{act}", new_id());
        for (who, path, body, expected) in [
            (&auditor, &path, this(), (403, "forbidden")),
            (&world.writer, &path, this(), (404, "not_found")),
            (&admin, &nothing, this(), (404, "not_found")),
            (&admin, &path, another(), (409, "conflict")),
            (&admin, &path, Some(json!({})), (400, "validation")),
            (&admin, &format!("{LETTERS}/timeline/{stream}/{act}"), this(), (400, "validation")),
        ] {
            let (status, problem) = who.answer(&base, Method::POST, path, body).await?;
            ensure!((status.into(), problem["code"].as_str()) == (expected.0, Some(expected.1)), "{path}: {status} {problem}");
        }
    }
    for path in [LETTERS, &of("view:timeline")] {
        let (status, problem) = world.writer.answer(&base, Method::GET, path, None).await?;
        ensure!(status == 404 && problem["code"] == "not_found", "{path}: {status} {problem}");
    }
    let operations = "/v1/admin/events?category=operation";
    let recorded = auditor.call(&base, Method::GET, operations, None).await?;
    ensure!(recorded["items"] == json!([]), "{recorded}");

    // An admin has it tried again: it is asked, and it is as bad as before.
    let path = format!("{}/retry", of("view:timeline"));
    let key = new_id();
    let retried = admin.call_with_key(&base, Method::POST, &path, this(), key).await?;
    let tried = |letter: &Value| letter["letter"]["tries"].as_u64();
    let again =
        until(&auditor, &world, &of("view:timeline"), |now| tried(now) > tried(&one) && now["letter"]["asked_at"].is_null()).await?;
    ensure!(again["letter"]["position"] == position && again["letter"]["since"] == one["letter"]["since"], "{again}");
    assert_eq!(admin.call_with_key(&base, Method::POST, &path, this(), key).await?, retried);

    // An admin drops one, and the console another, after one more try.
    let path = format!("{}/drop", of("view:threads"));
    let key = new_id();
    let dropped = admin.call_with_key(&base, Method::POST, &path, this(), key).await?;
    until(&auditor, &world, &of("view:threads"), |answer| answer["code"] == "not_found").await?;
    assert_eq!(admin.call_with_key(&base, Method::POST, &path, this(), key).await?, dropped, "the answer was lost");
    let (said, failed) = world.posthaste(&["dead", "retry", "view:timeline", "--all"]).await?;
    ensure!(said[0]["dead"] == 1 && failed.is_err(), "{said:?}");
    world.succeeds(&["dead", "drop", "view:timeline", &stream, "--position", &position.to_string()]).await?;
    world.letters(0).await?;

    let recorded = auditor.call(&base, Method::GET, operations, None).await?;
    let recorded = recorded["items"].as_array().context("events")?;
    let who = json!(admin.id());
    let expected = [
        ("operation.dead_letter_dropped", Value::Null, "view:timeline"),
        ("operation.dead_letter_retried", Value::Null, "view:timeline"),
        ("operation.dead_letter_dropped", who.clone(), "view:threads"),
        ("operation.dead_letter_retried", who, "view:timeline"),
    ];
    ensure!(recorded.len() == expected.len(), "{recorded:?}");
    for (event, (event_type, actor, consumer)) in recorded.iter().zip(expected) {
        ensure!(event["type"] == event_type && event["actor"] == actor, "{event} instead of {event_type} by {actor}");
        let body = &event["body"];
        ensure!(body["consumer"] == consumer && body["stream"] == stream.as_str() && body["position"] == position, "{event}");
    }
    ensure!(recorded[3]["position"] == retried["position"] && recorded[2]["position"] == dropped["position"], "{recorded:?}");
    world.node.still_runs()
}
