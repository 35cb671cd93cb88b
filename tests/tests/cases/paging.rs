//! A history that is read page by page while it goes on.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::future::try_join_all;
use posthaste_application::execute::{Command, Envelope};
use posthaste_application::port::{Clock as _, EventLog};
use posthaste_domain::message::MessageContent;
use posthaste_domain::text::MessageBody;
use posthaste_domain::{CommandId, ThreadId, UserId};
use posthaste_infrastructure::system::SystemClock;
use posthaste_tests::nodes::node;
use uuid::Uuid;

use super::*;

const MESSAGES: usize = 1_000;
const PAGE: usize = 7;

/// The messages of a page, and where the next one is.
fn page(page: &Value, next: &str) -> (Vec<(u64, String)>, Option<String>) {
    let items = page["items"].as_array().unwrap();
    let messages = items.iter().filter(|item| item["kind"] == "message");
    let messages = messages.map(|item| (item["position"].as_u64().unwrap(), item["content"]["text"].as_str().unwrap().to_owned()));
    (messages.collect(), page[next].as_str().map(str::to_owned))
}

/// Posts them one after the other, all in one moment; gives what they say, by their positions.
async fn say_all(log: Arc<dyn EventLog>, author: UserId, thread: ThreadId) -> anyhow::Result<Vec<(u64, String)>> {
    let node = node(&log);
    let mut saying = Vec::new();
    for number in 0..MESSAGES {
        let text = format!("message {number}");
        let content = MessageContent::Text { text: MessageBody::parse(&text)? };
        let (command, at) = (CommandId::new(new_id()), SystemClock.now());
        let envelope = Envelope { command, actor: Some(author), correlation: Uuid::nil(), at };
        let said = node.submit(envelope, Command::PostMessage { thread, content, reply_to: None, mentions: Vec::new() }).await?;
        saying.push(async { anyhow::Ok((said.await?.position.0, text)) });
    }
    try_join_all(saying).await
}

pub(crate) async fn every_message_of_one_millisecond_is_shown_exactly_once_whichever_way_one_pages(profile: Profile) -> anyhow::Result<()> {
    let mut stage = Stage::start(profile, |settings| settings).await?;
    let base = stage.base();
    let server = Server(&base);
    let [alice, bob] = server.people(["alice", "bob"]).await?;
    let thread = server.create(&alice, "group", &[&bob]).await?;
    let whole = stage.in_one_moment(async |log| say_all(log, alice.id(), ThreadId::new(thread.0.parse()?)).await).await?;
    let last = whole.last().context("something was said")?.0;
    let mut times = BTreeSet::new();

    // Somebody goes on talking all the time.
    let (stop, mut stopped) = tokio::sync::oneshot::channel::<()>();
    let talking = async {
        let mut more = 0_usize;
        while stopped.try_recv().is_err() {
            server.say(&bob, &thread, "meanwhile").await?;
            more += 1;
        }
        anyhow::Ok(more)
    };
    let reading = async {
        // From the newest to the oldest: what is said meanwhile is above.
        let mut down = Vec::new();
        let mut path = thread.at(&format!("messages?limit={PAGE}&after={last}"));
        let oldest = loop {
            let answer = server.get(&bob, &path).await?;
            let old = answer["items"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|item| item["kind"] == "message" && item["position"].as_u64() <= Some(last));
            times.extend(old.map(|item| item["at"].to_string()));
            let (messages, next) = page(&answer, "next");
            ensure!(messages.len() <= PAGE, "{answer}");
            down.extend(messages);
            match next {
                Some(next) => path = thread.at(&format!("messages?limit={PAGE}&before={next}")),
                None => break answer,
            }
        };
        down.reverse();
        down.retain(|(position, _)| *position <= last);
        ensure!(down == whole, "downwards: {} of {} messages", down.len(), whole.len());

        // And back, from the oldest page up, until everything from then is there.
        let (mut up, mut since) = page(&oldest, "previous");
        up.reverse();
        while up.last().is_none_or(|(position, _)| *position < last) {
            let from = since.context("there is more above")?;
            let answer = server.get(&bob, &thread.at(&format!("messages?limit={PAGE}&since={from}"))).await?;
            let (mut messages, previous) = page(&answer, "previous");
            ensure!(messages.len() <= PAGE, "{answer}");
            messages.reverse();
            up.extend(messages);
            since = previous;
        }
        up.retain(|(position, _)| *position <= last);
        ensure!(up == whole, "upwards: {} of {} messages", up.len(), whole.len());
        let _ = stop.send(());
        Ok(())
    };
    let (more, ()) = tokio::try_join!(talking, reading)?;
    ensure!(more > 0, "nobody said anything meanwhile");
    ensure!(times.len() == 1, "they are of one moment: {times:?}");
    Ok(())
}
