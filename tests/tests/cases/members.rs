//! Who comes and goes.

use super::*;

pub(crate) async fn who_is_added_while_online_gets_the_very_next_message(server: Server<'_>) -> anyhow::Result<()> {
    let [alice, carol] = server.people(["alice", "carol"]).await?;
    let mut wire = Wire::fresh(server.0, &carol).await?;
    wire.expect("live").await?;
    for round in 0..10 {
        let thread = server.create(&alice, "group", &[]).await?;
        let (_, before) = server.say(&alice, &thread, "she is not here yet").await?;
        server.ok(&alice, Method::POST, &thread.at("members"), json!({ "users": [carol.id()] })).await?;
        let (_, after) = server.say(&alice, &thread, &format!("welcome {round}")).await?;
        wire.reaches(after).await?;
        ensure!(wire.types_after(before) == ["thread.members_added", "message.posted"], "{:?}", wire.events);
    }
    let expected: Vec<_> = (0..10).map(|round| format!("welcome {round}")).collect();
    ensure!(wire.texts() == expected, "{:?}", wire.texts());
    Ok(())
}

pub(crate) async fn who_is_removed_gets_the_removal_and_nothing_after(server: Server<'_>) -> anyhow::Result<()> {
    let [alice, carol] = server.people(["alice", "carol"]).await?;
    let thread = server.create(&alice, "group", &[&carol]).await?;
    let mut wire = Wire::fresh(server.0, &carol).await?;
    let (before, _) = server.say(&alice, &thread, "before").await?;
    let member = thread.at(&format!("members/{}", carol.id()));
    let removed = position(&server.ok(&alice, Method::DELETE, &member, Value::Null).await?)?;
    let (after, said) = server.say(&alice, &thread, "behind her back").await?;
    // Something else that she is told, so that it is known that nothing came in between.
    let fence = position(&server.ok(&alice, Method::POST, "/v1/friend-requests", json!({ "user": carol.id() })).await?)?;
    wire.reaches(fence).await?;
    ensure!(wire.types_after(removed - 1) == ["thread.member_removed", "friendship.requested"], "{:?}", wire.events);
    // Nor does a device that begins anew.
    let mut anew = Wire::fresh(server.0, &carol).await?;
    anew.reaches(fence).await?;
    ensure!(anew.texts() == ["before"] && anew.events == wire.events, "{:?}", anew.events);

    // All of the thread is gone for her, what she had read included.
    for path in [
        format!("/v1/threads/{}", thread.0),
        thread.at("messages"),
        thread.at("members"),
        thread.at("pins"),
        thread.at("search?q=before"),
        thread.at(&format!("messages?around={before}")),
        format!("/v1/messages/{before}"),
        format!("/v1/messages/{after}"),
        format!("/v1/messages/{before}/reactions"),
    ] {
        let (status, problem) = server.ask(&carol, Method::GET, &path, Value::Null).await?;
        ensure!(status == 404 && problem["code"] == "not_found", "{path}: {status} {problem}");
    }
    let (status, problem) = server.ask(&carol, Method::POST, &thread.at("messages"), saying("let me in")).await?;
    ensure!(status == 404, "{status} {problem}");
    let found = server.get(&carol, &format!("/v1/search?q=her&after={said}")).await?;
    let threads = server.get(&carol, &format!("/v1/threads?after={said}")).await?;
    ensure!(found["items"] == json!([]) && threads["items"] == json!([]), "{found} {threads}");

    // When she is back, what was said meanwhile is not for her.
    server.ok(&alice, Method::POST, &thread.at("members"), json!({ "users": [carol.id()] })).await?;
    let (_, last) = server.say(&alice, &thread, "welcome back").await?;
    let history = server.get(&carol, &thread.at(&format!("messages?after={last}"))).await?;
    let texts: Vec<_> = history["items"].as_array().unwrap().iter().filter_map(|item| item["content"]["text"].as_str()).collect();
    ensure!(texts == ["welcome back", "before"], "{history}");
    let reply = json!({ "content": { "kind": "text", "text": "what?" }, "reply_to": after });
    for (method, path, body) in [
        (Method::GET, thread.at(&format!("messages?around={after}")), Value::Null),
        (Method::GET, format!("/v1/messages/{after}"), Value::Null),
        (Method::PUT, format!("/v1/messages/{after}/reactions/%F0%9F%91%8D"), Value::Null),
        (Method::POST, thread.at("messages"), reply),
        (Method::POST, thread.at("forwards"), json!({ "message": after })),
    ] {
        let (status, problem) = server.ask(&carol, method, &path, body).await?;
        ensure!(status == 404 && problem["code"] == "not_found", "{path}: {status} {problem}");
    }
    let found = server.get(&carol, &thread.at(&format!("search?q=behind&after={last}"))).await?;
    ensure!(found["items"] == json!([]), "{found}");
    Ok(())
}

pub(crate) async fn an_owner_cannot_leave(server: Server<'_>) -> anyhow::Result<()> {
    let [alice, bob] = server.people(["alice", "bob"]).await?;
    for kind in ["group", "channel"] {
        let thread = server.create(&alice, kind, &[&bob]).await?;
        let leave = async |user: &User| server.ask(user, Method::DELETE, &thread.at("members/me"), Value::Null).await;
        let (status, problem) = leave(&alice).await?;
        ensure!(status == 409 && problem["code"] == "conflict", "{status} {problem}");
        server.ok(&alice, Method::PUT, &thread.at("owner"), json!({ "user": bob.id() })).await?;
        let (status, left) = leave(&alice).await?;
        ensure!(status == 200, "{status} {left}");
        // Nor when nobody else is left.
        let (status, problem) = leave(&bob).await?;
        ensure!(status == 409 && problem["code"] == "conflict", "{status} {problem}");
        ensure!(server.get(&bob, &format!("/v1/threads/{}", thread.0)).await?["role"] == "owner", "it has an owner");
    }
    Ok(())
}
