//! Cases that must hold, through what clients have: REST and sockets of real servers, on both profiles.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "cases/at_once.rs"]
mod at_once;
#[path = "cases/deleted.rs"]
mod deleted;
#[path = "cases/foreign.rs"]
mod foreign;
#[path = "cases/members.rs"]
mod members;
#[path = "cases/paging.rs"]
mod paging;
#[allow(dead_code, reason = "another suite has more to do with a connection")]
#[path = "socket/wire.rs"]
mod wire;

use anyhow::{Context as _, ensure};
use posthaste_tests::actor::{User, new_id};
use posthaste_tests::{Profile, Stage};
use reqwest::Method;
use serde_json::{Value, json};

use self::wire::Wire;

/// The server that a case is about.
#[derive(Clone, Copy)]
struct Server<'a>(&'a str);

impl Server<'_> {
    async fn people<const COUNT: usize>(self, names: [&str; COUNT]) -> anyhow::Result<[User; COUNT]> {
        let people = futures::future::try_join_all(names.map(|name| User::register(self.0, name))).await?;
        people.try_into().map_err(|_| anyhow::anyhow!("as many as there are names"))
    }

    /// What is answered when it must go well.
    async fn ok(self, user: &User, method: Method, path: &str, body: Value) -> anyhow::Result<Value> {
        user.call(self.0, method, path, (!body.is_null()).then_some(body)).await
    }

    /// What is answered.
    async fn ask(self, user: &User, method: Method, path: &str, body: Value) -> anyhow::Result<(u16, Value)> {
        user.answer(self.0, method, path, (!body.is_null()).then_some(body)).await
    }

    async fn get(self, user: &User, path: &str) -> anyhow::Result<Value> {
        self.ok(user, Method::GET, path, Value::Null).await
    }

    /// A group or channel of a user's, with these first members.
    async fn create(self, owner: &User, kind: &str, members: &[&User]) -> anyhow::Result<Thread> {
        let members: Vec<_> = members.iter().map(|user| user.id()).collect();
        let created = self.ok(owner, Method::POST, "/v1/threads", json!({ "kind": kind, "title": "A thread", "members": members })).await?;
        Ok(Thread(created["id"].as_str().context("it has an id")?.to_owned()))
    }

    /// Says something, and gives the message's id and position.
    async fn say(self, user: &User, thread: &Thread, text: &str) -> anyhow::Result<(String, u64)> {
        let said = self.ok(user, Method::POST, &thread.at("messages"), saying(text)).await?;
        Ok((said["id"].as_str().context("it has an id")?.to_owned(), position(&said)?))
    }
}

/// A thread's id.
struct Thread(String);

impl Thread {
    /// The path of something in it.
    fn at(&self, what: &str) -> String {
        format!("/v1/threads/{}/{what}", self.0)
    }
}

fn saying(text: &str) -> Value {
    json!({ "content": { "kind": "text", "text": text } })
}

fn position(answer: &Value) -> anyhow::Result<u64> {
    answer["position"].as_u64().with_context(|| format!("no position in {answer}"))
}

impl Wire {
    /// Waits until it has come to a position that its user is owed.
    async fn reaches(&mut self, position: u64) -> anyhow::Result<()> {
        while self.prev < position {
            let more = self.events.len() + 1;
            self.events(more).await?;
        }
        Ok(())
    }

    /// The types of the events that came after a position.
    fn types_after(&self, position: u64) -> Vec<&str> {
        let after = self.events.iter().filter(|event| event["position"].as_u64() > Some(position));
        after.filter_map(|event| event["type"].as_str()).collect()
    }
}

macro_rules! on_both_profiles {
    ($($module:ident::$case:ident,)+) => {
        mod embedded {
            $(
                #[tokio::test]
                async fn $case() -> anyhow::Result<()> {
                    crate::$module::$case(crate::Server(&crate::Stage::shared(crate::Profile::Embedded).await?.base())).await
                }
            )+
        }

        mod distributed {
            $(
                #[tokio::test]
                async fn $case() -> anyhow::Result<()> {
                    crate::$module::$case(crate::Server(&crate::Stage::shared(crate::Profile::Distributed).await?.base())).await
                }
            )+
        }
    };
}

on_both_profiles! {
    at_once::two_who_start_a_direct_thread_at_once_have_one,
    at_once::what_is_repeated_twenty_times_at_once_is_there_once,
    at_once::of_fifty_who_join_at_once_as_many_get_in_as_there_are_places,
    deleted::what_was_deleted_is_told_to_nobody_any_more,
    foreign::a_message_of_a_foreign_thread_is_not_there,
    members::who_is_added_while_online_gets_the_very_next_message,
    members::who_is_removed_gets_the_removal_and_nothing_after,
    members::an_owner_cannot_leave,
}

/// On a server of its own, which is stopped in between.
#[tokio::test]
async fn every_message_of_one_millisecond_is_shown_exactly_once_whichever_way_one_pages_embedded() -> anyhow::Result<()> {
    paging::every_message_of_one_millisecond_is_shown_exactly_once_whichever_way_one_pages(Profile::Embedded).await
}

/// On a server of its own, which is stopped in between.
#[tokio::test]
async fn every_message_of_one_millisecond_is_shown_exactly_once_whichever_way_one_pages_distributed() -> anyhow::Result<()> {
    paging::every_message_of_one_millisecond_is_shown_exactly_once_whichever_way_one_pages(Profile::Distributed).await
}
