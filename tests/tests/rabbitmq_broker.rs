//! The broker of the distributed profile, as it works every day.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use async_trait::async_trait;
use chrono::DateTime;
use futures::StreamExt as _;
use lapin::options::{
    BasicConsumeOptions, BasicPublishOptions, ConfirmSelectOptions, ExchangeDeleteOptions, QueueBindOptions, QueueDeclareOptions,
    QueueDeleteOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties, Consumer as Messages};
use posthaste_application::broker_contract;
use posthaste_application::port::broker::{Publisher, Run};
use posthaste_application::port::queue::{Consumer, TRIES, contract};
use posthaste_application::port::{Broker, EventQueue};
use posthaste_application::recorded::{Decoded, Position, Recorded, StreamId};
use posthaste_domain::{Category, CommandId, Event};
use posthaste_infrastructure::rabbitmq::RabbitMq;
use posthaste_infrastructure::rabbitmq::topology::{DEAD, EVENTS, FEED, GIVEN_UP, MOST_GIVEN_UP};
use posthaste_tests::Sandbox;
use tokio::time::timeout;
use uuid::Uuid;

broker_contract!(in_a_sandbox);

mod queue {
    use super::*;

    posthaste_application::queue_contract!(fresh);

    async fn fresh(test: &str) -> (Arc<dyn EventQueue>, Told, Sandbox) {
        let sandbox = Sandbox::new(test).await.expect("a sandbox");
        let consumer = contract::consumer();
        let broker = RabbitMq::new(&sandbox.rabbitmq_url()).expect("an address").with_consumers(vec![consumer.clone()]);
        let publisher = broker.publisher().await.expect("a publisher");
        (broker.queue(&consumer), Told { publisher, next: 1 }, sandbox)
    }

    struct Told {
        publisher: Box<dyn Publisher>,
        next: u64,
    }

    #[async_trait]
    impl contract::Teller for Told {
        async fn tell(&mut self, types: &[&str]) -> Vec<Position> {
            let run: Run = (self.next..).zip(types).map(|(position, event_type)| event(position, event_type)).collect();
            self.next += types.len() as u64;
            self.publisher.publish(Arc::clone(&run)).await.expect("published").await.expect("confirmed");
            run.iter().map(|event| event.position).collect()
        }
    }
}

/// What nobody stored would be owed to nobody.
#[tokio::test]
async fn a_run_is_confirmed_only_when_the_queues_of_durable_consumers_have_it_too() -> anyhow::Result<()> {
    let sandbox = Sandbox::new("singles").await?;
    let consumer = contract::consumer();
    let broker = RabbitMq::new(&sandbox.rabbitmq_url())?.with_consumers(vec![consumer.clone()]);
    let run: Run = Arc::from([event(1, "thread.opened"), event(2, "message.posted")]);
    let mut publisher = broker.publisher().await?;
    publisher.publish(Arc::clone(&run)).await?.await?;

    channel(&sandbox).await?.queue_delete("posthaste.contract".into(), QueueDeleteOptions::default()).await?;
    let unwanted: Run = Arc::from([event(3, "thread.opened")]);
    publisher.publish(unwanted).await?.await?;
    let confirm = publisher.publish(Arc::clone(&run)).await?;
    ensure!(timeout(PATIENCE, confirm).await?.is_err(), "confirmed, and nobody has it");

    broker.publisher().await?.publish(Arc::clone(&run)).await?.await?;
    let mut consumption = broker.queue(&consumer).consume().await?;
    let deliveries = timeout(PATIENCE, consumption.next(10)).await??;
    assert_eq!(deliveries.iter().map(|delivery| delivery.event.position).collect::<Vec<_>>(), [Position(2)]);
    Ok(())
}

/// It would be taken for an account of types that it says nothing about.
#[tokio::test]
async fn what_an_event_follows_is_not_believed_of_a_publisher_of_other_types() -> anyhow::Result<()> {
    let sandbox = Sandbox::new("other types").await?;
    let consumer = contract::consumer();
    let few = Consumer { types: ["message.posted".to_owned()].into(), ..consumer.clone() };
    let broker = RabbitMq::new(&sandbox.rabbitmq_url())?;
    let run: Run = Arc::from([event(1, "friendship.accepted"), event(2, "message.posted")]);
    broker.clone().with_consumers(vec![few]).publisher().await?.publish(run).await?.await?;
    let mut consumption = broker.with_consumers(vec![consumer.clone()]).queue(&consumer).consume().await?;
    let deliveries = timeout(PATIENCE, consumption.next(10)).await??;
    assert_eq!(deliveries.iter().map(|delivery| (delivery.event.position, delivery.follows)).collect::<Vec<_>>(), [(Position(2), None)]);
    Ok(())
}

#[tokio::test]
async fn what_is_rejected_too_often_and_what_cannot_be_read_are_dead_letters() -> anyhow::Result<()> {
    let sandbox = Sandbox::new("given up").await?;
    let consumer = contract::consumer();
    let broker = RabbitMq::new(&sandbox.rabbitmq_url())?.with_consumers(vec![consumer.clone()]);
    broker.publisher().await?.publish(Arc::from([event(1, "message.posted")])).await?.await?;
    let mut consumption = broker.queue(&consumer).consume().await?;
    for _ in 0..TRIES {
        let tag = timeout(PATIENCE, consumption.next(1)).await??[0].tag;
        consumption.reject(tag).await?;
    }
    let channel = channel(&sandbox).await?;
    let publish = BasicPublishOptions::default();
    channel.basic_publish(EVENTS.into(), "message.posted".into(), publish, b"unreadable", BasicProperties::default()).await?;
    broker.publisher().await?.publish(Arc::from([event(3, "message.posted")])).await?.await?;
    let after = timeout(PATIENCE, consumption.next(10)).await??;
    assert_eq!(after[0].event.position, Position(3), "the unreadable one is out of the way");

    let mut dead = channel.basic_consume(GIVEN_UP.into(), "".into(), BasicConsumeOptions::default(), FieldTable::default()).await?;
    let letters = [next(&mut dead).await?, next(&mut dead).await?];
    ensure!(letters.iter().any(|letter| letter.data == b"unreadable"), "{letters:?}");
    let id = event(1, "message.posted").id().to_string();
    let rejected = |letter: &lapin::message::Delivery| letter.properties.message_id().as_ref().is_some_and(|found| found.as_str() == id);
    ensure!(letters.iter().any(rejected), "{letters:?}");
    Ok(())
}

async fn in_a_sandbox(test: &str) -> (Arc<dyn Broker>, Sandbox) {
    let sandbox = Sandbox::new(test).await.expect("a sandbox");
    (Arc::new(RabbitMq::new(&sandbox.rabbitmq_url()).expect("an address")), sandbox)
}

const PATIENCE: Duration = Duration::from_secs(30);

/// What is published under a key that nobody's binding matches is lost without an error.
#[tokio::test]
async fn every_key_the_code_can_publish_has_two_words_and_reaches_a_consumer_of_everything() -> anyhow::Result<()> {
    let sandbox = Sandbox::new("every key").await?;
    let broker = RabbitMq::new(&sandbox.rabbitmq_url())?;
    let mut publisher = broker.event_publisher(every_type()).await?;
    let mut consumer = durable_consumer(&sandbox, &["*.*"]).await?;
    let events: Vec<_> = (1..).zip(Event::TYPES).map(|(position, event_type)| event(position, event_type)).collect();

    for event in &events {
        let words: Vec<_> = event.event_type.split('.').collect();
        ensure!(words.len() == 2 && words.iter().all(|word| !word.is_empty()), "{:?} is not two words", event.event_type);
        ensure!(
            Category::ALL.iter().any(|category| category.as_str() == words[0]),
            "{:?} does not begin with a category",
            event.event_type
        );
    }
    let unrouted = publisher.publish(&events).await?;
    ensure!(unrouted.is_empty(), "nobody got {unrouted:?} of {events:?}");

    for event in &events {
        let delivery = next(&mut consumer).await?;
        assert_eq!(delivery.routing_key.as_str(), event.event_type);
        let id = delivery.properties.message_id().as_ref().map(ToString::to_string);
        assert_eq!(id, Some(event.id().to_string()));
        assert_eq!(delivery.properties.delivery_mode(), &Some(2), "it would not survive the broker");
    }
    Ok(())
}

/// The return of one message may arrive with the confirmation of another.
#[tokio::test]
async fn exactly_the_events_that_no_queue_is_bound_to_are_named() -> anyhow::Result<()> {
    let sandbox = Sandbox::new("unrouted").await?;
    let mut publisher = RabbitMq::new(&sandbox.rabbitmq_url())?.event_publisher(every_type()).await?;
    let _consumer = durable_consumer(&sandbox, &["message.*", "friendship.accepted"]).await?;
    let bound = |event_type: &str| event_type.starts_with("message.") || event_type == "friendship.accepted";
    let events: Vec<_> = (1..=600).zip(Event::TYPES.iter().cycle()).map(|(position, kind)| event(position, kind)).collect();

    let unrouted = publisher.publish(&events).await?;

    let expected: Vec<_> = events.iter().filter(|event| !bound(&event.event_type)).map(|event| event.position).collect();
    assert_eq!(unrouted, expected);
    Ok(())
}

#[tokio::test]
async fn what_durable_consumers_give_up_is_kept() -> anyhow::Result<()> {
    let sandbox = Sandbox::new("dead letters").await?;
    RabbitMq::new(&sandbox.rabbitmq_url())?.declare().await?;
    let channel = channel(&sandbox).await?;
    let publish = BasicPublishOptions::default();
    channel.basic_publish(DEAD.into(), "message.posted".into(), publish, b"given up", BasicProperties::default()).await?;
    let mut dead = channel.basic_consume(GIVEN_UP.into(), "".into(), BasicConsumeOptions::default(), FieldTable::default()).await?;
    assert_eq!(next(&mut dead).await?.data, b"given up");
    Ok(())
}

#[tokio::test]
async fn of_what_durable_consumers_give_up_the_latest_is_kept_and_no_more() -> anyhow::Result<()> {
    let sandbox = Sandbox::new("many dead letters").await?;
    let broker = RabbitMq::new(&sandbox.rabbitmq_url())?;
    broker.declare().await?;
    let channel = channel(&sandbox).await?;
    // A queue from before, without a bound, gets nothing more.
    let (durable, mut quorum) = (QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() }, FieldTable::default());
    quorum.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
    channel.queue_declare(DEAD.into(), durable, quorum).await?;
    channel.queue_bind(DEAD.into(), DEAD.into(), "".into(), QueueBindOptions::default(), FieldTable::default()).await?;
    broker.declare().await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    let mut confirms = Vec::new();
    for n in 0..MOST_GIVEN_UP + 7 {
        let (options, body) = (BasicPublishOptions::default(), n.to_string());
        confirms.push(channel.basic_publish(DEAD.into(), "".into(), options, body.as_bytes(), BasicProperties::default()).await?);
    }
    for confirm in confirms {
        confirm.await?;
    }
    let passive = QueueDeclareOptions { passive: true, durable: true, ..QueueDeclareOptions::default() };
    let kept = channel.queue_declare(GIVEN_UP.into(), passive, FieldTable::default()).await?;
    assert_eq!(kept.message_count(), MOST_GIVEN_UP);
    let mut dead = channel.basic_consume(GIVEN_UP.into(), "".into(), BasicConsumeOptions::default(), FieldTable::default()).await?;
    assert_eq!(next(&mut dead).await?.data, b"7", "the latest");
    assert_eq!(channel.queue_declare(DEAD.into(), passive, FieldTable::default()).await?.message_count(), 0);
    Ok(())
}

/// Its hole is found by position and read from the log.
#[tokio::test]
async fn a_message_that_cannot_be_read_is_skipped() -> anyhow::Result<()> {
    let sandbox = Sandbox::new("unreadable").await?;
    let broker = RabbitMq::new(&sandbox.rabbitmq_url())?;
    let mut runs = broker.subscribe().await?;
    let channel = channel(&sandbox).await?;
    for (content_type, body) in [
        ("application/vnd.posthaste.run.v1+postcard", "damaged"),
        ("application/vnd.posthaste.run.v9+postcard", "from the future"),
        // A run of no events.
        ("application/vnd.posthaste.run.v1+postcard", "\0"),
    ] {
        let properties = BasicProperties::default().with_content_type(content_type.into());
        channel.basic_publish(FEED.into(), "".into(), BasicPublishOptions::default(), body.as_bytes(), properties).await?;
    }
    let run: Run = Arc::from([event(7, "message.posted")]);
    broker.publisher().await?.publish(Arc::clone(&run)).await?.await?;
    let received = timeout(PATIENCE, runs.next()).await?.context("the subscription ended")??;
    assert_eq!(received, run);
    Ok(())
}

#[tokio::test]
async fn a_feed_that_is_deleted_fails_its_publisher_and_the_next_one_declares_it_again() -> anyhow::Result<()> {
    let sandbox = Sandbox::new("feed deleted").await?;
    let broker = RabbitMq::new(&sandbox.rabbitmq_url())?;
    let run: Run = Arc::from([event(1, "message.posted")]);
    let mut publisher = broker.publisher().await?;
    publisher.publish(Arc::clone(&run)).await?.await?;

    channel(&sandbox).await?.exchange_delete(FEED.into(), ExchangeDeleteOptions::default()).await?;
    let confirm = publisher.publish(Arc::clone(&run)).await?;
    ensure!(timeout(PATIENCE, confirm).await?.is_err(), "it confirmed what it cannot have taken");

    let mut runs = broker.subscribe().await?;
    broker.publisher().await?.publish(Arc::clone(&run)).await?.await?;
    assert_eq!(timeout(PATIENCE, runs.next()).await?.context("the subscription ended")??, run);
    Ok(())
}

#[tokio::test]
async fn whoever_cannot_connect_learns_where_and_why_but_not_the_password() -> anyhow::Result<()> {
    let sandbox = Sandbox::new("wrong password").await?;
    let wrong = sandbox.rabbitmq_url().replacen("guest:guest", "guest:s3cret", 1);
    let absent = "amqp://guest:s3cret@127.0.0.1:1/nowhere";
    for (url, said) in [(wrong.as_str(), "ACCESS"), (absent, "127.0.0.1:1, virtual host \"nowhere\"")] {
        let error = RabbitMq::new(url)?.declare().await.err().context("it connected")?;
        let told = format!("{:#}", anyhow::Error::from(error));
        ensure!(told.contains(said) && told.contains("127.0.0.1") && !told.contains("s3cret"), "{told}");
    }
    for malformed in ["http://guest:s3cret@127.0.0.1", "s3cret", "amqp://guest:s3cret@[::"] {
        let error = RabbitMq::new(malformed).err().context("it was taken")?;
        let told = format!("{:#}", anyhow::Error::from(error));
        ensure!(told.contains("amqp://user:password@host:5672/vhost") && !told.contains("s3cret"), "{told}");
    }
    Ok(())
}

fn every_type() -> BTreeSet<String> {
    Event::TYPES.iter().map(ToString::to_string).collect()
}

async fn channel(sandbox: &Sandbox) -> anyhow::Result<Channel> {
    let connection = Connection::connect(&sandbox.rabbitmq_url(), ConnectionProperties::default()).await?;
    Ok(connection.create_channel().await?)
}

/// A consumer with a quorum queue that is bound to these keys.
async fn durable_consumer(sandbox: &Sandbox, keys: &[&str]) -> anyhow::Result<Messages> {
    let channel = channel(sandbox).await?;
    let mut arguments = FieldTable::default();
    arguments.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
    arguments.insert("x-dead-letter-exchange".into(), AMQPValue::LongString(DEAD.into()));
    let durable = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    channel.queue_declare("consumer".into(), durable, arguments).await?;
    for key in keys {
        channel.queue_bind("consumer".into(), EVENTS.into(), (*key).into(), QueueBindOptions::default(), FieldTable::default()).await?;
    }
    let no_ack = BasicConsumeOptions { no_ack: true, ..BasicConsumeOptions::default() };
    Ok(channel.basic_consume("consumer".into(), "".into(), no_ack, FieldTable::default()).await?)
}

async fn next(consumer: &mut Messages) -> anyhow::Result<lapin::message::Delivery> {
    Ok(timeout(PATIENCE, consumer.next()).await.context("nothing came")?.context("the consumer ended")??)
}

fn event(position: u64, event_type: &str) -> Arc<Recorded> {
    let category = event_type.split_once('.').and_then(|(category, _)| Category::parse(category));
    let id = Uuid::from_u128(u128::from(position));
    Arc::new(Recorded {
        position: Position(position),
        stream: StreamId { category: category.unwrap_or(Category::Message), id },
        version: 1,
        event_type: event_type.to_owned(),
        schema: 1,
        facts: "{}".to_owned(),
        content: None,
        thread: None,
        actor: None,
        command: CommandId::new(id),
        ordinal: 0,
        fingerprint: [0; 32],
        correlation: id,
        causation: None,
        at: DateTime::UNIX_EPOCH,
        hash: [0; 32],
        decoded: Decoded::default(),
    })
}
