//! What was deleted.

use super::*;

/// Everything that somebody can read in which the message or its words could be.
async fn everything(
    server: Server<'_>,
    user: &User,
    thread: &Thread,
    messages: [&str; 3],
    word: &str,
    after: u64,
) -> anyhow::Result<String> {
    let [one, other, reply] = messages;
    let mut read = String::new();
    for path in [
        thread.at(&format!("messages?after={after}")),
        thread.at(&format!("messages?around={one}&after={after}")),
        format!("/v1/messages/{one}?after={after}"),
        format!("/v1/messages/{other}?after={after}"),
        format!("/v1/messages/{reply}?after={after}"),
        thread.at(&format!("pins?after={after}")),
        thread.at(&format!("search?q={word}&after={after}")),
        format!("/v1/search?q={word}&after={after}"),
        format!("/v1/threads?after={after}"),
    ] {
        read += &format!("{path}\n{}\n", server.get(user, &path).await?.to_string().replace(&format!("q={word}"), ""));
    }
    let without_questions = read.lines().filter(|line| !line.starts_with("/v1/")).collect::<Vec<_>>();
    Ok(without_questions.join("\n"))
}

pub(crate) async fn what_was_deleted_is_told_to_nobody_any_more(server: Server<'_>) -> anyhow::Result<()> {
    let [alice, bob] = server.people(["alice", "bob"]).await?;
    let thread = server.create(&alice, "group", &[&bob]).await?;
    let mut wire = Wire::fresh(server.0, &bob).await?;
    let word = format!("secret{:08x}", rand::random::<u32>());
    let (first, _) = server.say(&bob, &thread, &format!("{word} at first")).await?;
    server.ok(&bob, Method::PATCH, &format!("/v1/messages/{first}"), saying(&format!("{word} then"))).await?;
    server.ok(&alice, Method::PUT, &thread.at(&format!("pins/{first}")), Value::Null).await?;
    let reply = json!({ "content": { "kind": "text", "text": "I see" }, "reply_to": first });
    let reply = server.ok(&alice, Method::POST, &thread.at("messages"), reply).await?;
    let reply = reply["id"].as_str().context("it has an id")?.to_owned();
    // The last of the thread, which lists show; deleted together with nothing else.
    let (last, said) = server.say(&bob, &thread, &format!("{word} at last")).await?;
    let before = everything(server, &alice, &thread, [&first, &last, &reply], &word, said).await?;
    ensure!(before.matches(&word).count() >= 9, "it was to be read everywhere: {before}");

    server.ok(&bob, Method::DELETE, &format!("/v1/messages/{first}"), Value::Null).await?;
    let together = server.ok(&alice, Method::POST, &thread.at("message-deletions"), json!({ "messages": [last] })).await?;
    let deleted = position(&together)?;
    wire.reaches(deleted).await?;
    for user in [&alice, &bob] {
        let read = everything(server, user, &thread, [&first, &last, &reply], &word, deleted).await?;
        ensure!(!read.contains(&word), "{read}");
        ensure!(read.contains("\"deleted\":true"), "that it was deleted is told: {read}");
    }
    for message in [&first, &last] {
        let told = server.get(&alice, &format!("/v1/messages/{message}")).await?;
        ensure!(told["deleted"] == true && told["content"].is_null() && told["pinned"] == false, "{told}");
        let edit = server.ask(&bob, Method::PATCH, &format!("/v1/messages/{message}"), saying("again")).await?;
        ensure!(edit.0 == 404, "{edit:?}");
        let forward = server.ask(&alice, Method::POST, &thread.at("forwards"), json!({ "message": message })).await?;
        ensure!(forward.0 == 404, "{forward:?}");
    }
    // A device that has missed all of it is told that it happened, and not what it said.
    let mut late = Wire::fresh(server.0, &bob).await?;
    late.reaches(deleted).await?;
    let about_first = late.events.iter().filter(|event| event["body"]["message"] == first.as_str());
    ensure!(about_first.count() == 5, "posted, edited, pinned, deleted, taken down: {:?}", late.events);
    ensure!(late.events.iter().all(|event| !event.to_string().contains(&word)), "{:?}", late.events);
    // Nothing that is pushed about it later says it either.
    let came = wire.events.iter().filter(|event| event["position"].as_u64() > Some(said));
    ensure!(came.clone().count() >= 2 && came.clone().all(|event| !event.to_string().contains(&word)), "{:?}", wire.events);
    Ok(())
}
