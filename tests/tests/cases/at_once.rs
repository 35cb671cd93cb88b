//! What many do at once.

use futures::future::try_join_all;
use futures::{StreamExt as _, TryStreamExt as _, stream};

use super::*;

pub(crate) async fn two_who_start_a_direct_thread_at_once_have_one(server: Server<'_>) -> anyhow::Result<()> {
    let [alice, bob] = server.people(["alice", "bob"]).await?;
    alice.befriend(server.0, &bob).await?;
    let mut wire = Wire::fresh(server.0, &alice).await?;
    let starts = (0..10).map(|n| {
        let (one, other) = if n % 2 == 0 { (&alice, &bob) } else { (&bob, &alice) };
        let path = format!("/v1/threads/direct/{}", other.id());
        async move { server.ok(one, Method::PUT, &path, Value::Null).await }
    });
    let started = try_join_all(starts).await?;
    ensure!(started.iter().all(|answer| answer == &started[0]), "{started:?}");
    let thread = Thread(started[0]["id"].as_str().context("it has an id")?.to_owned());
    let (_, last) = server.say(&bob, &thread, "hi").await?;
    wire.reaches(last).await?;
    ensure!(wire.types_after(position(&started[0])? - 1) == ["thread.opened", "message.posted"], "{:?}", wire.events);
    let threads = server.get(&alice, &format!("/v1/threads?after={last}")).await?;
    ensure!(threads["items"].as_array().map(Vec::len) == Some(1), "{threads}");
    Ok(())
}

pub(crate) async fn what_is_repeated_twenty_times_at_once_is_there_once(server: Server<'_>) -> anyhow::Result<()> {
    let [alice, bob] = server.people(["alice", "bob"]).await?;
    let mut wire = Wire::fresh(server.0, &bob).await?;
    let twenty = |method: Method, path: String, body: Value| {
        let alice = &alice;
        let request = move |_| (method.clone(), path.clone(), body.clone());
        try_join_all((0..20).map(request).map(|(method, path, body)| async move { server.ok(alice, method, &path, body).await }))
    };
    let asked = twenty(Method::POST, "/v1/friend-requests".to_owned(), json!({ "user": bob.id() })).await?;
    ensure!(asked.iter().all(|answer| answer == &asked[0]), "{asked:?}");
    let accepted = server.ok(&bob, Method::PUT, &format!("/v1/friends/{}", alice.id()), Value::Null).await?;

    let thread = server.create(&bob, "group", &[&alice]).await?;
    let (message, said) = server.say(&bob, &thread, "hi").await?;
    let reacted = twenty(Method::PUT, format!("/v1/messages/{message}/reactions/%F0%9F%91%8D"), Value::Null).await?;
    ensure!(reacted.iter().all(|answer| answer == &reacted[0]), "{reacted:?}");
    let after = position(&reacted[0])?;
    let reactions = server.get(&bob, &format!("/v1/messages/{message}/reactions?after={after}")).await?;
    ensure!(reactions["items"].as_array().map(Vec::len) == Some(1), "{reactions}");

    let (_, last) = server.say(&alice, &thread, "the end").await?;
    wire.reaches(last).await?;
    let came = wire.types_after(position(&asked[0])? - 1);
    let expected = ["friendship.requested", "friendship.accepted", "thread.created", "message.posted", "message.reacted", "message.posted"];
    ensure!(came == expected && position(&accepted)? < said, "{came:?}");
    Ok(())
}

pub(crate) async fn of_fifty_who_join_at_once_as_many_get_in_as_there_are_places(server: Server<'_>) -> anyhow::Result<()> {
    const LIMIT: usize = 256;
    const PLACES: usize = 20;
    let [alice] = server.people(["alice"]).await?;
    let fillers = stream::iter(0..LIMIT - PLACES - 1).map(|_| User::enrol(server.0, "filler"));
    let fillers: Vec<_> = fillers.buffer_unordered(8).try_collect().await?;
    let joiners: Vec<_> = stream::iter(0..50).map(|_| User::register(server.0, "joiner")).buffer_unordered(8).try_collect().await?;
    let thread = server.create(&alice, "group", &fillers.iter().collect::<Vec<_>>()).await?;
    let link = server.ok(&alice, Method::POST, &thread.at("invites"), json!({})).await?;
    let (path, joining) = (thread.at("members/me"), json!({ "invite": link["id"] }));
    let answers = try_join_all(joiners.iter().map(|joiner| server.ask(joiner, Method::PUT, &path, joining.clone()))).await?;
    let joined: Vec<_> = answers.iter().filter(|(status, _)| *status == 200).collect();
    let refused = answers.iter().filter(|(status, problem)| *status == 409 && problem["code"] == "conflict").count();
    ensure!((joined.len(), refused) == (PLACES, 50 - PLACES), "{} joined, {refused} were refused: {answers:?}", joined.len());
    let now = server.get(&alice, &format!("/v1/threads/{}", thread.0)).await?;
    ensure!(now["members"] == LIMIT, "{now}");
    Ok(())
}
