//! What is none of one's business.

use super::*;

pub(crate) async fn a_message_of_a_foreign_thread_is_not_there(server: Server<'_>) -> anyhow::Result<()> {
    let [alice, bob, eve] = server.people(["alice", "bob", "eve"]).await?;
    alice.befriend(server.0, &bob).await?;
    let direct = Thread(alice.open_direct(server.0, &bob).await?.to_string());
    let (foreign, said) = server.say(&alice, &direct, "between us").await?;
    let own = server.create(&eve, "group", &[]).await?;
    // Bob is in both threads: what he sees in the one is not in the other.
    let shared = server.create(&bob, "group", &[]).await?;
    server.get(&bob, &format!("/v1/threads?after={said}")).await?;

    let nowhere = new_id().to_string();
    let within = |thread: &Thread, message: &str| {
        let reply = json!({ "content": { "kind": "text", "text": "indeed" }, "reply_to": message });
        vec![
            (Method::POST, thread.at("messages"), reply),
            (Method::PUT, thread.at(&format!("pins/{message}")), Value::Null),
            (Method::DELETE, thread.at(&format!("pins/{message}")), Value::Null),
            (Method::GET, thread.at(&format!("messages?around={message}")), Value::Null),
        ]
    };
    let anywhere = |message: &str| {
        vec![
            (Method::GET, format!("/v1/messages/{message}"), Value::Null),
            (Method::PATCH, format!("/v1/messages/{message}"), saying("something else")),
            (Method::DELETE, format!("/v1/messages/{message}"), Value::Null),
            (Method::PUT, format!("/v1/messages/{message}/reactions/%F0%9F%91%8D"), Value::Null),
            (Method::DELETE, format!("/v1/messages/{message}/reactions/%F0%9F%91%8D"), Value::Null),
            (Method::GET, format!("/v1/messages/{message}/reactions"), Value::Null),
            (Method::POST, own.at("forwards"), json!({ "message": message })),
            (Method::POST, own.at("message-deletions"), json!({ "messages": [message] })),
        ]
    };
    let eves = |message: &str| [within(&own, message), anywhere(message)].concat();
    for (user, of_the_foreign, of_none) in
        [(&eve, eves(&foreign), eves(&nowhere)), (&bob, within(&shared, &foreign), within(&shared, &nowhere))]
    {
        for ((method, path, body), (_, no_path, no_body)) in of_the_foreign.into_iter().zip(of_none) {
            let (status, problem) = server.ask(user, method.clone(), &path, body).await?;
            ensure!(status == 404 && problem["code"] == "not_found", "{method} {path}: {status} {problem}");
            let (no_status, no_problem) = server.ask(user, method.clone(), &no_path, no_body).await?;
            // The same word for word, but for the id that was asked for.
            let as_if_foreign: Value = serde_json::from_str(&no_problem.to_string().replace(&nowhere, &foreign))?;
            ensure!((no_status, &as_if_foreign) == (status, &problem), "{method} {path}: {problem} and {no_problem}");
        }
    }
    let message = server.get(&alice, &format!("/v1/messages/{foreign}")).await?;
    ensure!(message["content"]["text"] == "between us" && message["pinned"] == false && message["reactions"] == json!([]), "{message}");
    Ok(())
}
