//! `posthaste log` for auditors: taken away, put back, looked into.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, ensure};
use posthaste_tests::Database;
use posthaste_tests::services::Scratch;
use serde_json::Value;

use super::run_in;

/// Whether an event is wanted.
type Wants = Box<dyn Fn(&Value) -> bool>;

/// How many events the demo leaves.
const EVENTS: usize = 19;

/// A folder with the log of a demo in `data`.
async fn recorded() -> anyhow::Result<Scratch> {
    let folder = Scratch::new()?;
    run_in(folder.path(), &["demo", "--json", "--data", "data"], &[]).await?.ok()?;
    Ok(folder)
}

async fn log(folder: &Path, arguments: &[&str]) -> anyhow::Result<String> {
    let arguments = [&["log"], arguments, &["--data", "data"]].concat();
    run_in(folder, &arguments, &[]).await?.ok()
}

async fn refused(folder: &Path, arguments: &[&str], words: &[&str]) -> anyhow::Result<()> {
    let arguments = [&["log"], arguments].concat();
    run_in(folder, &arguments, &[]).await?.refused(words).with_context(|| format!("{arguments:?}"))
}

fn lines(text: &str) -> anyhow::Result<Vec<Value>> {
    Ok(text.lines().map(serde_json::from_str).collect::<Result<_, _>>()?)
}

#[tokio::test]
async fn a_log_is_exported_and_imported_and_is_the_same() -> anyhow::Result<()> {
    let folder = recorded().await?;
    let here = folder.path();
    let said = log(here, &["export", "-o", "log.gz", "--gzip", "--json"]).await?;
    ensure!(lines(&said)?[0]["exported"] == EVENTS, "{said}");
    let plain = log(here, &["export"]).await?;
    ensure!(plain.lines().count() == EVENTS + 1, "{plain}");
    refused(here, &["export", "-o", "log.gz", "--data", "data"], &["log.gz", "--resume"]).await?;

    let said = run_in(here, &["log", "import", "--verify", "log.gz", "--data", "again", "--json"], &[]).await?.ok()?;
    ensure!(lines(&said)?[0]["imported"] == EVENTS && lines(&said)?[0]["verified"] == true, "{said}");
    run_in(here, &["log", "verify", "--data", "again"], &[]).await?.ok()?;
    ensure!(run_in(here, &["log", "export", "--data", "again"], &[]).await?.ok()? == plain, "it is not the same");
    refused(here, &["import", "log.gz", "--data", "again"], &["19 events", "empty"]).await?;

    fs::write(here.join("bad"), plain.replacen("\"ordinal\":0", "\"ordinal\":1", 1))?;
    refused(here, &["import", "bad", "--data", "other"], &["first bad position 1:"]).await?;
    fs::write(here.join("cut"), &plain[..plain.len() - 300])?;
    refused(here, &["import", "cut", "--data", "other"], &["nothing", "cut"]).await?;
    let whole = run_in(here, &["log", "tail", "--data", "other"], &[]).await?.ok()?;
    ensure!(whole.is_empty(), "something was left: {whole}");
    fs::write(here.join("part"), log(here, &["export", "--type", "message.posted"]).await?)?;
    refused(here, &["import", "part", "--data", "other"], &["part of a log"]).await
}

#[tokio::test]
async fn an_export_that_was_cut_goes_on_to_the_same_file() -> anyhow::Result<()> {
    let folder = recorded().await?;
    let here = folder.path();
    log(here, &["export", "-o", "whole"]).await?;
    let whole = fs::read(here.join("whole"))?;
    for cut in [0, 10, whole.len() / 2, whole.len() - 1, whole.len()] {
        fs::write(here.join("cut"), &whole[..cut])?;
        log(here, &["export", "--resume", "cut"]).await.with_context(|| format!("cut at {cut}"))?;
        ensure!(fs::read(here.join("cut"))? == whole, "it goes on differently after {cut} bytes");
    }
    refused(here, &["export", "--resume", "cut", "--type", "message.posted", "--data", "data"], &["--resume alone"]).await?;
    let other = recorded().await?;
    fs::copy(here.join("cut"), other.path().join("cut"))?;
    refused(other.path(), &["export", "--resume", "cut", "--data", "data"], &["another log"]).await
}

#[tokio::test]
async fn events_are_exported_as_cloud_events_by_type_and_position() -> anyhow::Result<()> {
    let folder = recorded().await?;
    let here = folder.path();
    let events = lines(&log(here, &["export", "--format", "cloudevents", "--type", "message.posted", "--from", "11"]).await?)?;
    ensure!(!events.is_empty() && events.len() < EVENTS, "{events:?}");
    for event in &events {
        ensure!(event["specversion"] == "1.0" && event["type"] == "message.posted", "{event}");
        ensure!(
            event["position"].as_str().context("text")?.parse::<u64>()? >= 11 && event["data"]["content"]["text"].is_string(),
            "{event}"
        );
    }
    let withheld = log(here, &["export", "--format", "cloudevents", "--no-content"]).await?;
    ensure!(lines(&withheld)?.len() == EVENTS && !withheld.contains("of 10"), "{withheld}");
    let unknown = run_in(here, &["log", "export", "--category", "nonsense", "--data", "data"], &[]).await?;
    ensure!(unknown.code == Some(2) && unknown.complained.contains("the categories are user, claim"), "{unknown:?}");
    Ok(())
}

#[tokio::test]
async fn what_is_shown_and_followed_is_chosen_as_what_is_exported() -> anyhow::Result<()> {
    let folder = recorded().await?;
    let here = folder.path();
    // As a newer version would have recorded it.
    super::log::tamper(here, "UPDATE events SET event_type = 'message.of_tomorrow' WHERE position = 15")?;
    let positions =
        |said: &str| -> anyhow::Result<Vec<u64>> { Ok(lines(said)?.iter().filter_map(|event| event["position"].as_u64()).collect()) };
    let all = lines(&log(here, &["tail", "-n", "1000", "--json"]).await?)?;
    let last = &all[EVENTS - 1];
    let text = |value: &Value| value.as_str().map(ToOwned::to_owned).context("text");
    let (stream, thread, actor, at) = (text(&last["stream"])?, text(&last["thread"])?, text(&last["actor"])?, text(&last["at"])?);
    let is = |key: &'static str, value: &str| {
        let value = value.to_owned();
        move |event: &Value| event[key] == value.as_str()
    };
    let in_thread = {
        let thread = thread.clone();
        move |event: &Value| event["thread"] == thread.as_str() || event["stream"] == format!("thread-{thread}")
    };
    let before = {
        let at = at.clone();
        move |event: &Value| event["at"].as_str().is_some_and(|time| time < at.as_str())
    };
    let since = {
        let at = at.clone();
        move |event: &Value| event["at"].as_str().is_some_and(|time| time >= at.as_str())
    };
    let cases: [(Vec<&str>, Wants); 8] = [
        (vec!["--category", "user"], Box::new(|event| event["stream"].as_str().is_some_and(|stream| stream.starts_with("user-")))),
        (vec!["--stream", &stream], Box::new(is("stream", &stream))),
        (vec!["--thread", &thread], Box::new(in_thread)),
        (vec!["--actor", &actor], Box::new(is("actor", &actor))),
        (vec!["--type", "message.of_tomorrow"], Box::new(is("type", "message.of_tomorrow"))),
        (
            vec!["--from", "4", "--to", "9"],
            Box::new(|event| event["position"].as_u64().is_some_and(|position| (4..=9).contains(&position))),
        ),
        (vec!["--since", &at], Box::new(since)),
        (vec!["--until", &at], Box::new(before)),
    ];
    for (filter, wants) in cases {
        let expected: Vec<_> = all.iter().filter(|event| wants(event)).filter_map(|event| event["position"].as_u64()).collect();
        ensure!(!expected.is_empty() && expected.len() < EVENTS, "{filter:?} tells nothing apart: {expected:?}");
        let tailed = positions(&log(here, &[&["tail", "-n", "1000", "--json"], &filter[..]].concat()).await?)?;
        let shown = positions(&log(here, &[&["show", "--json"], &filter[..]].concat()).await?)?;
        let exported = positions(&log(here, &[&["export"], &filter[..]].concat()).await?)?;
        ensure!(
            tailed == expected && shown == expected && exported == expected,
            "{filter:?}: {tailed:?} {shown:?} {exported:?} {expected:?}"
        );
        // The newest of those, and not those of the newest.
        let newest = positions(&log(here, &[&["tail", "-n", "2", "--json"], &filter[..]].concat()).await?)?;
        ensure!(newest == expected[expected.len().saturating_sub(2)..], "{filter:?}: {newest:?} of {expected:?}");
    }
    // Of the events of a command, too.
    ensure!(log(here, &["show", "19", "--type", "user.registered"]).await?.is_empty(), "it is no registration");
    let ran = run_in(here, &["log", "tail", "--type", "message.postet", "--data", "data"], &[]).await?;
    ensure!(ran.complained.contains("message.postet is no type") && ran.ok()?.is_empty(), "a slip is told of");
    let ran = run_in(here, &["log", "show", "--data", "data"], &[]).await?;
    ensure!(ran.code == Some(2), "everything is not shown by mistake: {ran:?}");
    let ran = run_in(here, &["log", "tail", "--type", "nonsense", "--data", "data"], &[]).await?;
    ensure!(ran.code == Some(2) && ran.complained.contains("such as message.posted"), "{ran:?}");
    Ok(())
}

#[tokio::test]
async fn an_event_is_found_by_position_command_and_id_and_shown_whole() -> anyhow::Result<()> {
    let folder = recorded().await?;
    let here = folder.path();
    let by_position = log(here, &["show", "19", "--json"]).await?;
    let event = &lines(&by_position)?[0];
    for key in ["id", "command"] {
        let found = log(here, &["show", event[key].as_str().context(key)?, "--json"]).await?;
        ensure!(found == by_position, "by {key}: {found}");
    }
    let before = &lines(&log(here, &["show", "18", "--json"]).await?)?[0];
    ensure!(event["previous"] == before["hash"] && event["previous"] != event["hash"], "{event}");
    ensure!(event["audience"]["recipients"].as_array().is_some_and(|users| users.len() == 2), "{event}");
    ensure!(!by_position.contains("message 10 of 10") && event["type"] == "message.posted", "{event}");
    let shown = log(here, &["show", "19", "--content"]).await?;
    ensure!(shown.contains("message 10 of 10") && shown.contains("2 recipients"), "{shown}");
    refused(here, &["show", "20", "--data", "data"], &["from 1 to 19"]).await?;
    refused(here, &["show", "00000000-0000-0000-0000-000000000001", "--data", "data"], &["no event and no command"]).await?;
    refused(here, &["show", "nonsense", "--data", "data"], &["nonsense"]).await
}

#[tokio::test]
async fn how_things_stood_and_what_became_of_them_is_told() -> anyhow::Result<()> {
    let folder = recorded().await?;
    let here = folder.path();
    let last = &lines(&log(here, &["show", "19", "--json"]).await?)?[0];
    let text = |value: &Value| value.as_str().map(ToOwned::to_owned).context("text");
    let message = text(&last["stream"])?.replace("message-", "");
    let (thread, author, at) = (text(&last["thread"])?, text(&last["actor"])?, text(&last["at"])?);

    let told = &lines(&log(here, &["replay", "--as-of", "19", "message", &message, "--json"]).await?)?[0];
    ensure!(told["content"]["text"] == "message 10 of 10" && told["deliveries"][0]["status"] == "pending", "{told}");
    let now = &lines(&log(here, &["replay", "--as-of", "2999-01-01T00:00:00Z", "message", &message, "--json"]).await?)?[0];
    ensure!(now["deliveries"][0]["delivered"].is_string(), "{now}");
    ensure!(log(here, &["replay", "--as-of", &at, "message", &message]).await?.contains("> message 10 of 10"));
    refused(here, &["replay", "--as-of", "18", "message", &message, "--data", "data"], &["as of position 18"]).await?;
    refused(here, &["replay", "--as-of", "20", "message", &message, "--data", "data"], &["ends at position 19"]).await?;

    let told = &lines(&log(here, &["replay", "--as-of", "19", "thread", &thread, "--json"]).await?)?[0];
    ensure!(told["kind"] == "direct" && told["members"].as_array().is_some_and(|members| members.len() == 2), "{told}");
    ensure!(log(here, &["replay", "--as-of", "19", "thread", &thread]).await?.contains("2 members"));
    let told = &lines(&log(here, &["replay", "--as-of", "19", "user", &author, "--json"]).await?)?[0];
    ensure!(told["profile"]["username"].is_string() && told["friends"][0]["state"] == "friend", "{told}");
    ensure!(told["threads"][0]["thread"] == thread.as_str(), "{told}");

    let diff = &lines(&log(here, &["diff", "17", "19", "--thread", &thread, "--json"]).await?)?[0];
    ensure!(diff["posted"].as_array().is_some_and(|posted| posted.len() == 2 && posted[1]["message"] == message.as_str()), "{diff}");
    ensure!(log(here, &["diff", "19", "19", "--thread", &thread]).await?.contains("nothing changed"));
    refused(here, &["diff", "19", "18", "--thread", &thread, "--data", "data"], &["earlier one first"]).await
}

#[tokio::test]
async fn a_log_moves_from_one_profile_to_the_other() -> anyhow::Result<()> {
    let folder = recorded().await?;
    let here = folder.path();
    let plain = log(here, &["export"]).await?;
    log(here, &["export", "-o", "log"]).await?;
    let database = Database::new("cli_import").await?;
    let (server, owner) = (database.sandbox.postgres_server_url(), database.sandbox.postgres_owner_url());
    let distributed = [
        ("POSTHASTE_PROFILE", "distributed"),
        ("POSTHASTE_POSTGRES__URL", server.as_str()),
        // Neither is asked for anything.
        ("POSTHASTE_RABBITMQ__URL", "amqp://guest:guest@nowhere"),
        ("POSTHASTE_REDIS__URL", "redis://nowhere"),
        ("POSTHASTE_AUTH__SIGNING_KEY", "MC4CAQAwBQYDK2VwBCIEILom6DSXToIY3b9//ny6gfzunSZQZSoP2oxQC96XthEs"),
        ("POSTHASTE_AUTH__FACTOR_KEY", "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="),
        ("POSTHASTE_CONTENT__MASTER_KEY", "VGhlIG1hc3RlciBrZXkgdGhhdCB0ZXN0cyB1c2Ugb24="),
    ];
    run_in(here, &["log", "import", "log"], &distributed).await?.refused(&["postgres.owner_url"])?;
    let as_owner = [&distributed[..], &[("POSTHASTE_POSTGRES__OWNER_URL", owner.as_str())]].concat();
    let said = run_in(here, &["log", "import", "--verify", "log"], &as_owner).await?.ok()?;
    ensure!(said.contains("19 events") && said.contains("read back"), "{said}");
    ensure!(run_in(here, &["log", "export"], &distributed).await?.ok()? == plain, "it is not the same");
    run_in(here, &["log", "import", "log"], &as_owner).await?.refused(&["19 events", "empty"])
}
