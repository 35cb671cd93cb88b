//! What REST promises about messages: what is said, changed, found and pinned, and who gets to see it.

use reqwest::Method;
use serde_json::{Value, json};

use super::client::{Person, key, reply, saying};
use super::groups::group;

pub(crate) async fn suite(base_url: &str) {
    a_history_is_read_in_both_directions_while_others_post(base_url).await;
    a_history_is_read_around_a_message_or_a_time(base_url).await;
    a_message_is_changed_by_who_has_seen_it_and_then_deleted(base_url).await;
    reactions_are_counted_and_listed(base_url).await;
    pinned_and_forwarded_messages_are_what_they_were(base_url).await;
    what_was_said_is_found_and_what_was_deleted_is_not(base_url).await;
    messages_are_deleted_together_or_not_at_all(base_url).await;
    a_message_of_others_is_none(base_url).await;
    what_is_read_stays_read(base_url).await;
    the_author_learns_what_became_of_a_message_page_by_page(base_url).await;
}

fn texts(page: &Value) -> Vec<&str> {
    page["items"].as_array().unwrap().iter().filter_map(|item| item["content"]["text"].as_str()).collect()
}

/// Two friends, their thread's path, and its id.
async fn two(base_url: &str) -> (Person, Person, String, String) {
    let (alice, bob) = (Person::new(base_url, "alice").await, Person::new(base_url, "bob").await);
    let (thread, _) = alice.befriend(&bob).await;
    (alice, bob, format!("/v1/threads/{thread}"), thread)
}

async fn a_history_is_read_in_both_directions_while_others_post(base_url: &str) {
    let (alice, bob, path, thread) = two(base_url).await;
    let mut said = Vec::new();
    let mut last = 0;
    for number in 0..40 {
        said.push(format!("number {number}"));
        last = alice.say(&thread, &said[number]).await;
    }
    let history = format!("{path}/messages?limit=7&after={last}");
    let (mut read, mut next, mut first) = (Vec::new(), None::<String>, None);
    loop {
        let page =
            alice.client.get(&format!("{history}{}", next.map(|next| format!("&before={next}")).unwrap_or_default())).await.expect(200);
        read.extend(texts(&page).into_iter().map(str::to_owned));
        first = first.or_else(|| page["items"][0]["position"].as_u64());
        assert_eq!(page["items"][0]["kind"], "message");
        bob.say(&thread, "in between").await;
        let Some(more) = page["next"].as_str() else { break };
        next = Some(more.to_owned());
    }
    read.reverse();
    assert_eq!(read, said);
    // And from the oldest to the newest, what was said meanwhile included.
    let oldest = alice.client.get(&format!("{history}&before={}", first.unwrap())).await.expect(200);
    let (mut read, mut previous) = (Vec::new(), Some("0".to_owned()));
    while let Some(since) = previous {
        let page = alice.client.get(&format!("{history}&since={since}")).await.expect(200);
        read.extend(texts(&page).into_iter().rev().map(str::to_owned));
        previous = page["previous"].as_str().map(str::to_owned);
        if read.len() < 20 {
            last = bob.say(&thread, "again in between").await;
            alice.client.get(&format!("{path}/messages?after={last}")).await.expect(200);
        }
    }
    assert_eq!(&read[..40], said, "{oldest}");
    assert!(read[40..].iter().all(|text| text.contains("in between")) && read.len() > 46, "{read:?}");
}

async fn a_history_is_read_around_a_message_or_a_time(base_url: &str) {
    let (alice, _, path, thread) = two(base_url).await;
    let mut said = Vec::new();
    for number in 0..9 {
        let posted = alice.client.post(&format!("{path}/messages"), &saying(&number.to_string())).await.expect(201);
        said.push((posted["id"].as_str().unwrap().to_owned(), posted["position"].as_u64().unwrap()));
    }
    let history = format!("{path}/messages?after={}", said[8].1);
    let around = |index: usize, limit: usize| format!("{history}&around={}&limit={limit}", said[index].0);
    let page = alice.client.get(&around(4, 4)).await.expect(200);
    assert_eq!(texts(&page), ["5", "4", "3", "2"]);
    let older = alice.client.get(&format!("{history}&before={}", page["next"].as_str().unwrap())).await.expect(200);
    assert_eq!(texts(&older), ["1", "0"]);
    let newer = alice.client.get(&format!("{history}&since={}", page["previous"].as_str().unwrap())).await.expect(200);
    assert_eq!(texts(&newer), ["8", "7", "6"]);
    assert_eq!((&newer["previous"], newer["next"].as_str().is_some()), (&Value::Null, true));
    assert_eq!(texts(&alice.client.get(&around(8, 4)).await.expect(200)), ["8", "7", "6"]);
    assert_eq!(texts(&alice.client.get(&around(3, 1)).await.expect(200)), ["3"]);
    // By time: before everything, and after everything.
    let first = alice.client.get(&format!("{history}&at=2001-01-01T00:00:00Z&limit=4")).await.expect(200);
    assert_eq!(texts(&first).last(), Some(&"0"), "{first}");
    let last = alice.client.get(&format!("{history}&at=2999-01-01T00:00:00Z&limit=4")).await.expect(200);
    assert_eq!(texts(&last), ["8", "7", "6", "5"]);
    for bad in ["before=5&since=3", "around=7", "at=yesterday", "before=yesterday", "since=yesterday", "limit=0", "limit=101"] {
        alice.client.get(&format!("{path}/messages?{bad}")).await.problem(400, "validation");
    }
    // The anchor must be in the thread, and there.
    let (_, other) = group(&alice, &[]).await;
    let foreign = alice.client.post(&format!("/v1/threads/{other}/messages"), &saying("elsewhere")).await.expect(201);
    let nothing = alice.client.get(&format!("{path}/messages?around={}", key())).await.problem(404, "not_found");
    assert_eq!(
        alice.client.get(&format!("{path}/messages?around={}", foreign["id"].as_str().unwrap())).await.problem(404, "not_found"),
        nothing
    );
    let _ = thread;
}

async fn a_message_is_changed_by_who_has_seen_it_and_then_deleted(base_url: &str) {
    let (alice, bob, path, thread) = two(base_url).await;
    let first = alice.client.post(&format!("{path}/messages"), &saying("frist")).await.expect(201);
    let answer = json!({"content": {"kind": "text", "text": "what?"}, "reply_to": first["id"], "mentions": [alice.id]});
    let second = bob.client.post(&format!("{path}/messages"), &answer).await.expect(201);
    let message = format!("/v1/messages/{}", first["id"].as_str().unwrap());
    let seen = alice.client.get(&message).await;
    assert_eq!(seen.tag(), "\"1\"");
    let shown = seen.expect(200);
    assert_eq!((&shown["thread"], &shown["author"], &shown["position"]), (&json!(thread), &json!(alice.id), &first["position"]));
    assert_eq!((&shown["deleted"], &shown["edited_at"], &shown["reactions"]), (&json!(false), &Value::Null, &json!([])));

    bob.client.patch_if(&message, "\"1\"", &saying("mine")).await.problem(403, "forbidden");
    // A retry is told what the first try was told, whatever was changed since.
    let edit = key().to_string();
    let edited = || alice.client.request(Method::PATCH, &message).header("Idempotency-Key", &edit).json(&saying("fisrt"));
    let answer = reply(edited()).await;
    assert_eq!((answer.tag(), &answer.body["revision"]), ("\"2\"", &json!(2)));
    assert_eq!(alice.client.patch_if(&message, "\"2\"", &saying("first")).await.tag(), "\"3\"");
    let again = reply(edited()).await;
    assert_eq!((again.tag(), &again.body), ("\"2\"", &answer.body));
    alice.client.patch_if(&message, "\"2\"", &saying("third")).await.problem(409, "version_conflict");
    alice.client.patch_if(&message, "3", &saying("third")).await.problem(400, "validation");
    // Something else was last, and it held already.
    bob.client.put(&format!("{message}/reactions/%F0%9F%91%8D")).await.expect(200);
    assert_eq!(alice.client.patch(&message, &saying("first")).await.tag(), "\"3\"");
    bob.client.delete(&format!("{message}/reactions/%F0%9F%91%8D")).await.expect(200);
    let now = bob.client.get(&message).await;
    assert_eq!(now.tag(), "\"3\"");
    let now = now.expect(200);
    assert!(now["content"]["text"] == "first" && now["edited_at"].is_string() && now["revision"] == 3, "{now}");
    let quoted = alice.client.get(&format!("/v1/messages/{}", second["id"].as_str().unwrap())).await.expect(200);
    assert_eq!(quoted["reply_to"], json!({"id": first["id"], "author": alice.id, "text": "first", "deleted": false}));
    assert_eq!(quoted["mentions"], json!([alice.id]));

    bob.client.delete(&message).await.problem(403, "forbidden");
    let deleted = alice.client.delete(&message).await.expect(200);
    assert_eq!(alice.client.delete(&message).await.expect(200)["id"], deleted["id"]);
    let tombstone = bob.client.get(&message).await.expect(200);
    assert_eq!((&tombstone["deleted"], &tombstone["content"]), (&json!(true), &Value::Null), "{tombstone}");
    let quoted =
        alice.client.get(&format!("/v1/messages/{}?after={}", second["id"].as_str().unwrap(), deleted["position"])).await.expect(200);
    assert_eq!(quoted["reply_to"], json!({"id": first["id"], "author": alice.id, "text": null, "deleted": true}));
    alice.client.patch_if(&message, "*", &saying("back")).await.problem(404, "not_found");
}

async fn reactions_are_counted_and_listed(base_url: &str) {
    let (alice, bob, path, _) = two(base_url).await;
    let posted = alice.client.post(&format!("{path}/messages"), &saying("Lunch?")).await.expect(201);
    let message = format!("/v1/messages/{}", posted["id"].as_str().unwrap());
    let thumb = format!("{message}/reactions/%F0%9F%91%8D");
    let first = bob.client.put(&thumb).await.expect(200);
    assert_eq!(bob.client.put(&thumb).await.expect(200)["position"], first["position"], "it held already");
    alice.client.put(&thumb).await.expect(200);
    alice.client.put(&format!("{message}/reactions/%E2%9D%A4")).await.expect(200);
    let shown = bob.client.get(&message).await.expect(200);
    let expected = json!([{"emoji": "👍", "count": 2, "mine": true}, {"emoji": "❤", "count": 1, "mine": false}]);
    assert_eq!(shown["reactions"], expected);
    let list = bob.client.get(&format!("{message}/reactions?limit=2")).await.expect(200);
    assert_eq!((&list["items"][0]["emoji"], &list["items"][0]["user"]), (&json!("❤"), &json!(alice.id)));
    let rest = bob.client.get(&format!("{message}/reactions?before={}", list["next"].as_str().unwrap())).await.expect(200);
    assert_eq!((rest["items"].as_array().unwrap().len(), &rest["items"][0]["user"]), (1, &json!(bob.id)));
    bob.client.delete(&thumb).await.expect(200);
    assert_eq!(bob.client.get(&message).await.expect(200)["reactions"][0], json!({"emoji": "👍", "count": 1, "mine": false}));
    bob.client.put(&format!("{message}/reactions/word")).await.problem(400, "validation");
}

async fn pinned_and_forwarded_messages_are_what_they_were(base_url: &str) {
    let (alice, bob, path, _) = two(base_url).await;
    let posted = alice.client.post(&format!("{path}/messages"), &saying("The door code is 7.")).await.expect(201);
    let id = posted["id"].as_str().unwrap();
    let pinned = bob.client.put(&format!("{path}/pins/{id}")).await.expect(200);
    let pins = alice.client.get(&format!("{path}/pins?after={}", pinned["position"])).await.expect(200);
    assert_eq!((&pins["items"][0]["message"]["id"], &pins["items"][0]["message"]["pinned"]), (&json!(id), &json!(true)), "{pins}");
    let taken_down = alice.client.delete(&format!("{path}/pins/{id}")).await.expect(200);
    assert_eq!(alice.client.get(&format!("{path}/pins?after={}", taken_down["position"])).await.expect(200)["items"], json!([]));

    let (group_path, group) = group(&alice, &[]).await;
    let forwarded = alice.client.post(&format!("{group_path}/forwards"), &json!({"message": id})).await.expect(201);
    let shown = alice.client.get(&format!("/v1/messages/{}", forwarded["id"].as_str().unwrap())).await.expect(200);
    assert_eq!((&shown["content"]["text"], &shown["thread"]), (&json!("The door code is 7."), &json!(group)));
    assert_eq!(shown["forwarded"], json!({"message": id, "author": alice.id}));
    alice.client.put(&format!("{group_path}/pins/{id}")).await.problem(404, "not_found");
}

async fn what_was_said_is_found_and_what_was_deleted_is_not(base_url: &str) {
    let (alice, bob, path, thread) = two(base_url).await;
    let long = format!("{}the Needle is here{}", "hay ".repeat(200), " straw".repeat(200));
    let posted = alice.client.post(&format!("{path}/messages"), &saying(&long)).await.expect(201);
    let last = bob.say(&thread, "no such thing").await;
    for search in [format!("{path}/search?q=NEEDLE%20he"), "/v1/search?q=needle".to_owned()] {
        let found = bob.client.get(&format!("{search}&after={last}")).await.expect(200);
        assert_eq!((found["items"].as_array().unwrap().len(), &found["items"][0]["message"]["id"]), (1, &posted["id"]), "{found}");
        let snippet = found["items"][0]["snippet"].as_str().unwrap();
        assert!(
            snippet.contains("Needle") && snippet.chars().count() <= 160 && snippet.starts_with('…') && snippet.ends_with('…'),
            "{snippet}"
        );
    }
    let eve = Person::new(base_url, "eve").await;
    eve.client.get(&format!("{path}/search?q=needle")).await.problem(404, "not_found");
    assert_eq!(eve.client.get(&format!("/v1/search?q=needle&after={last}")).await.expect(200)["items"], json!([]));
    let deleted = alice.client.delete(&format!("/v1/messages/{}", posted["id"].as_str().unwrap())).await.expect(200);
    let found = bob.client.get(&format!("{path}/search?q=needle&after={}", deleted["position"])).await.expect(200);
    assert_eq!(found["items"], json!([]));
    for bad in ["search?q=%20-%20", "search"] {
        alice.client.get(&format!("{path}/{bad}")).await.problem(400, "validation");
    }
}

async fn messages_are_deleted_together_or_not_at_all(base_url: &str) {
    let (alice, bob, path, thread) = two(base_url).await;
    let mut mine = Vec::new();
    for text in ["one", "two", "three"] {
        mine.push(alice.client.post(&format!("{path}/messages"), &saying(text)).await.expect(201)["id"].clone());
    }
    let nobodys = key().to_string();
    let deletions = format!("{path}/message-deletions");
    let problem = alice.client.post(&deletions, &json!({"messages": [mine[0], nobodys]})).await.problem(404, "not_found");
    assert!(problem["detail"].as_str().unwrap().contains(&nobodys), "{problem}");
    bob.client.post(&deletions, &json!({"messages": [mine[0]]})).await.problem(403, "forbidden");
    alice.client.post(&deletions, &json!({"messages": []})).await.problem(400, "validation");
    let last = bob.say(&thread, "four").await;
    assert_eq!(texts(&bob.client.get(&format!("{path}/messages?after={last}&limit=4")).await.expect(200)), ["four", "three", "two", "one"]);
    let deleted = alice.client.post(&deletions, &json!({"messages": [mine[0], mine[2]]})).await.expect(200);
    // Without waiting: what was deleted is shown by no view that has not heard of it.
    let tombstone = bob.client.get(&format!("/v1/messages/{}", mine[2].as_str().unwrap())).await.expect(200);
    assert_eq!((&tombstone["deleted"], &tombstone["content"]), (&json!(true), &Value::Null));
    let history = bob.client.get(&format!("{path}/messages?after={}&limit=4", deleted["position"])).await.expect(200);
    assert_eq!(texts(&history), ["four", "two"]);
}

async fn a_message_of_others_is_none(base_url: &str) {
    let (alice, _, path, _) = two(base_url).await;
    let eve = Person::new(base_url, "eve").await;
    let posted = alice.client.post(&format!("{path}/messages"), &saying("Between us.")).await.expect(201);
    let id = posted["id"].as_str().unwrap();
    let (group_path, _) = group(&eve, &[]).await;
    let nobodys = key().to_string();
    let content = saying("mine now");
    let mut answer = saying("to that");
    for (theirs, nothing) in [(id, nobodys.as_str())] {
        for (method, path) in [("GET", ""), ("DELETE", ""), ("GET", "/reactions"), ("PUT", "/reactions/%F0%9F%91%8D")] {
            let ask = |message: &str| eve.client.request(method.parse().unwrap(), &format!("/v1/messages/{message}{path}"));
            assert_eq!(
                reply(ask(theirs)).await.problem(404, "not_found"),
                reply(ask(nothing)).await.problem(404, "not_found"),
                "{method} {path}"
            );
        }
        let edit = |message: &str| eve.client.request(Method::PATCH, &format!("/v1/messages/{message}")).json(&content);
        assert_eq!(reply(edit(theirs)).await.problem(404, "not_found"), reply(edit(nothing)).await.problem(404, "not_found"));
        for (tail, field) in [("forwards", "message"), ("messages", "reply_to")] {
            let mut problems = Vec::new();
            for message in [theirs, nothing] {
                let mut body = if tail == "messages" { answer.clone() } else { json!({}) };
                body[field] = json!(message);
                problems.push(eve.client.post(&format!("{group_path}/{tail}"), &body).await.problem(404, "not_found"));
            }
            assert_eq!(problems[0], problems[1]);
        }
    }
    answer["reply_to"] = json!("kitchen");
    eve.client.post(&format!("{group_path}/messages"), &answer).await.problem(400, "validation");
}

async fn what_is_read_stays_read(base_url: &str) {
    let (alice, bob, path, thread) = two(base_url).await;
    let last = alice.say(&thread, "Read me.").await;
    let read = |upto: u64| json!({"upto": upto});
    let first = bob.client.put_body(&format!("{path}/read"), &read(last)).await.expect(200);
    let summary = bob.client.get(&format!("/v1/threads?after={}", first["position"])).await.expect(200);
    assert_eq!(summary["items"][0]["unread"], 0, "{summary}");
    for upto in [last, 1] {
        assert_eq!(bob.client.put_body(&format!("{path}/read"), &read(upto)).await.expect(200)["position"], first["position"]);
    }
    bob.client.put_body(&format!("{path}/read"), &read(9_007_199_254_740_991)).await.problem(400, "validation");
    let eve = Person::new(base_url, "eve").await;
    eve.client.put_body(&format!("{path}/read"), &read(1)).await.problem(404, "not_found");
}

async fn the_author_learns_what_became_of_a_message_page_by_page(base_url: &str) {
    let (alice, bob, eve) = (Person::new(base_url, "alice").await, Person::new(base_url, "bob").await, Person::new(base_url, "eve").await);
    let (carol, dave) = (Person::new(base_url, "carol").await, Person::new(base_url, "dave").await);
    let (path, _) = group(&alice, &[&bob, &carol, &dave]).await;
    carol.client.delete(&format!("{path}/members/me")).await.expect(200);
    let id = key();
    let position = alice.client.post_as(id, &format!("{path}/messages"), &saying("to whom?")).await.expect(201)["position"].clone();
    // Whoever comes later is owed nothing of it, and whoever goes later is.
    let link = alice.client.post(&format!("{path}/invites"), &json!({})).await.expect(201)["id"].clone();
    eve.client.put_body(&format!("{path}/members/me"), &json!({ "invite": link })).await.expect(200);
    dave.client.delete(&format!("{path}/members/me")).await.expect(200);
    let mut expected = vec![bob.id.clone(), dave.id.clone()];
    expected.sort_unstable();

    let deliveries = format!("/v1/messages/{id}/deliveries");
    let (mut told, mut next) = (Vec::new(), None::<String>);
    loop {
        let before = next.map(|next| format!("&before={next}")).unwrap_or_default();
        let page = alice.client.get(&format!("{deliveries}?limit=1{before}")).await.expect(200);
        for item in page["items"].as_array().unwrap() {
            assert!(item["status"] == "pending" && item["committed_at"].is_string(), "{item}");
            assert!(["sent", "delivered", "read"].iter().all(|step| item[step].is_null()), "{item}");
            told.push(item["user"].as_str().unwrap().to_owned());
        }
        let Some(more) = page["next"].as_str() else { break };
        next = Some(more.to_owned());
    }
    assert_eq!(told, expected, "everybody once, in the order of ids, the author left out");
    // To read it here is not to have it on a device.
    bob.client.put_body(&format!("{path}/read"), &json!({ "upto": position })).await.expect(200);
    let count = async |status: &str| {
        let page = alice.client.get(&format!("{deliveries}?status={status}")).await.expect(200);
        page["items"].as_array().unwrap().len()
    };
    assert_eq!((count("pending").await, count("sent").await, count("delivered").await, count("read").await), (2, 0, 0, 0));

    bob.client.get(&deliveries).await.problem(403, "forbidden");
    carol.client.get(&deliveries).await.problem(404, "not_found");
    alice.client.get(&format!("/v1/messages/{}/deliveries", key())).await.problem(404, "not_found");
    for query in ["status=lost", "before=yesterday", "limit=0"] {
        alice.client.get(&format!("{deliveries}?{query}")).await.problem(400, "validation");
    }
    // What was deleted was delivered or was not, all the same.
    alice.client.delete(&format!("/v1/messages/{id}")).await.expect(200);
    assert_eq!(count("pending").await, 2);
}
