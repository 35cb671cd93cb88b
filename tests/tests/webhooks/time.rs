//! Endpoints that fail, over hours that pass in seconds.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use chrono::TimeDelta;
use posthaste_application::codec;
use posthaste_application::port::Clock as _;
use posthaste_application::recorded::{Position, StreamId};
use posthaste_application::webhooks::{Dispatch, Dispatcher, Patience};
use posthaste_domain::message::MessageEvent;
use posthaste_domain::{MessageId, ThreadId, UserId};
use posthaste_tests::Profile;
use posthaste_tests::actor::new_id;
use posthaste_tests::drafts::{message, one_event};
use posthaste_tests::receiver::{Manner, Receiver, Request};

use super::world::{SECRET, World, webhook};

const EVENTS: usize = 12;

macro_rules! on_both_profiles {
    ($($test:ident)+) => {
        mod embedded {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() -> anyhow::Result<()> { super::$test(super::Profile::Embedded).await })+
        }
        mod distributed {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() -> anyhow::Result<()> { super::$test(super::Profile::Distributed).await })+
        }
    };
}

on_both_profiles! {
    an_hour_of_500s_delays_everything_loses_nothing_and_disturbs_no_other_endpoint
    whatever_an_endpoint_does_but_say_yes_is_no_delivery
    what_is_tried_often_enough_is_a_dead_letter_and_the_next_one_goes_on
    a_message_that_is_refused_parks_its_stream_while_others_flow_and_is_sent_in_order_when_it_is_tried_again
    what_is_dropped_is_not_sent_and_what_waited_behind_it_is
    an_endpoint_that_is_away_for_long_has_no_letter_that_it_would_have_taken
    an_endpoint_that_takes_nothing_for_long_is_disabled_until_it_is_enabled
    whoever_loses_the_lease_while_sending_settles_nothing
    what_was_deleted_while_it_waited_is_not_told
}

fn all() -> Vec<u64> {
    (1..=EVENTS as u64).collect()
}

fn ids(requests: &[Request]) -> anyhow::Result<BTreeSet<String>> {
    requests.iter().map(|request| Ok(request.header("posthaste-id")?.to_owned())).collect()
}

async fn an_hour_of_500s_delays_everything_loses_nothing_and_disturbs_no_other_endpoint(profile: Profile) -> anyhow::Result<()> {
    let world = World::new(profile, EVENTS).await?;
    let (broken, well) = (Receiver::start(Manner::Answer(500)).await?, Receiver::start(Manner::Answer(204)).await?);
    world.owe(&["broken", "well"]).await?;
    let mut to_broken = world.dispatcher("broken", &broken, Patience::default())?;
    let mut to_well = world.dispatcher("well", &well, Patience::default())?;
    let begin = world.clock.now();

    world.drive(&mut to_broken, begin).await?;
    world.drive(&mut to_well, begin).await?;
    assert_eq!(well.took()?, all(), "all of it, before any time has passed");

    world.drive(&mut to_broken, begin + TimeDelta::hours(1)).await?;
    let tried = broken.requests();
    ensure!(tried.iter().all(|request| request.position().is_ok_and(|position| position == 1)), "something overtook: {tried:?}");
    assert_eq!(ids(&tried)?.len(), 1, "it is the same event, under the same id");
    // 2^12 s is more than an hour: without jitter there would be 12; with it, pauses are half as long on average.
    ensure!((10..=40).contains(&tried.len()), "tried {} times", tried.len());
    let times = tried.iter().map(|request| Ok(request.header("posthaste-timestamp")?.parse()?)).collect::<anyhow::Result<Vec<i64>>>()?;
    let pauses: Vec<_> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    for (failures, pause) in (0..).zip(&pauses) {
        ensure!((0..=(1 << failures).min(3_600) + 1).contains(pause), "after {failures} more failures: {pauses:?}");
    }
    let doubled: Vec<_> = (0..pauses.len()).map(|failures| (1_i64 << failures).min(3_600)).collect();
    ensure!(pauses.iter().sum::<i64>() < doubled.iter().sum::<i64>() * 3 / 4, "no jitter: {pauses:?}");

    broken.behave(Manner::Answer(200));
    world.drive(&mut to_broken, begin + TimeDelta::hours(3)).await?;
    assert_eq!(broken.took()?, all(), "each once, in the order of the log");
    for request in broken.requests() {
        request.is_signed_with(SECRET)?;
        ensure!(request.is_signed_with("another secret").is_err(), "signed with anything");
        ensure!(request.header("content-type")? == "application/json", "{request:?}");
    }
    let status = world.store.status().await?;
    ensure!(status.iter().all(|status| status.waiting == 0 && status.dead == 0 && status.failing_since.is_none()), "{status:?}");
    Ok(())
}

async fn whatever_an_endpoint_does_but_say_yes_is_no_delivery(profile: Profile) -> anyhow::Result<()> {
    let world = World::new(profile, 3).await?;
    let (receiver, elsewhere) = (Receiver::start(Manner::Answer(500)).await?, Receiver::start(Manner::Answer(200)).await?);
    world.owe(&["one"]).await?;
    let mut dispatcher = world.dispatcher("one", &receiver, Patience::default())?;
    let manners =
        [Manner::Answer(500), Manner::Hang, Manner::Answer(404), Manner::Cut, Manner::Redirect(elsewhere.url()), Manner::Answer(302)];
    for manner in &manners {
        receiver.behave(manner.clone());
        assert_eq!(dispatcher.step().await?, Dispatch::Sent(1), "{manner:?}");
        let Dispatch::Until(due) = dispatcher.step().await? else { anyhow::bail!("{manner:?} counts as a delivery") };
        world.clock.to(due);
    }
    assert_eq!(receiver.requests().len(), manners.len());
    ensure!(elsewhere.requests().is_empty(), "what was for one was sent to another");
    assert_eq!(world.store.status().await?[0].tries as usize, manners.len());

    receiver.behave(Manner::Answer(200));
    world.drive(&mut dispatcher, world.clock.now()).await?;
    assert_eq!(receiver.took()?, [1, 2, 3]);
    let event = receiver.requests().last().context("a request")?.event()?;
    let recorded = world.log.read(Position(2), 1).await?.remove(0);
    assert_eq!(event["id"], recorded.id().to_string());
    assert_eq!(event["type"], recorded.event_type);
    assert_eq!(event["body"], serde_json::from_str::<serde_json::Value>(&codec::body(&recorded))?);

    // Nobody is there at all.
    let gone = Receiver::start(Manner::Answer(200)).await?;
    let mut to_nobody = world.dispatcher("one", &gone, Patience::default())?;
    dispatcher.stop().await?;
    drop(gone);
    world.record(1).await?;
    world.owe(&["one"]).await?;
    assert_eq!(to_nobody.step().await?, Dispatch::Sent(1));
    ensure!(matches!(to_nobody.step().await?, Dispatch::Until(_)), "delivered to nobody");
    Ok(())
}

async fn what_is_tried_often_enough_is_a_dead_letter_and_the_next_one_goes_on(profile: Profile) -> anyhow::Result<()> {
    let world = World::new(profile, 3).await?;
    let receiver = Receiver::start(Manner::Answer(503)).await?;
    world.owe(&["one"]).await?;
    let mut dispatcher = world.dispatcher("one", &receiver, Patience { tries: 4, ..Patience::default() })?;
    world.drive(&mut dispatcher, world.clock.now() + TimeDelta::minutes(10)).await?;
    let tried = receiver.requests().iter().map(Request::position).collect::<anyhow::Result<Vec<_>>>()?;
    assert_eq!(tried, [1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3]);
    assert_eq!(world.letters("one").await?, [(1, 4), (2, 4), (3, 4)]);
    let second = world.log.read(Position(1), 1).await?.remove(0).stream;
    let letter = world.dead.one(&webhook("one"), second).await?.context("a letter")?;
    ensure!(letter.reason.contains("503") && letter.waiting == 0, "{letter:?}");

    receiver.behave(Manner::Answer(200));
    ensure!(world.dead.retry(&webhook("one"), second).await?);
    world.drive(&mut dispatcher, world.clock.now()).await?;
    assert_eq!(receiver.took()?, [2]);
    assert_eq!(world.retry("one").await?, 2);
    world.drive(&mut dispatcher, world.clock.now()).await?;
    assert_eq!(receiver.took()?, [2, 1, 3]);
    assert_eq!(ids(&receiver.requests())?.len(), 3, "a dead letter keeps its id");
    Ok(())
}

async fn an_endpoint_that_takes_nothing_for_long_is_disabled_until_it_is_enabled(profile: Profile) -> anyhow::Result<()> {
    let world = World::new(profile, 3).await?;
    let receiver = Receiver::start(Manner::Answer(200)).await?;
    world.owe(&["one"]).await?;
    let patience = Patience { disable_after: Duration::from_hours(6), ..Patience::default() };
    let mut dispatcher = world.dispatcher("one", &receiver, patience)?;
    world.drive(&mut dispatcher, world.clock.now()).await?;
    receiver.behave(Manner::Answer(500));
    // It is the time of failing that counts, not the time of having nothing to do.
    world.clock.pass(Duration::from_hours(48));
    world.record(2).await?;
    world.owe(&["one"]).await?;
    let failing = world.clock.now();
    world.drive(&mut dispatcher, failing + TimeDelta::hours(6) - TimeDelta::seconds(1)).await?;
    ensure!(world.store.status().await?[0].disabled_at.is_none(), "too early");
    world.drive(&mut dispatcher, failing + TimeDelta::hours(9)).await?;
    let disabled_at = world.store.status().await?[0].disabled_at.context("it goes on for ever")?;
    ensure!(disabled_at >= failing + TimeDelta::hours(6), "{disabled_at}");

    let tried = receiver.requests().len();
    receiver.behave(Manner::Answer(200));
    world.drive(&mut dispatcher, world.clock.now() + TimeDelta::hours(24)).await?;
    assert_eq!((dispatcher.step().await?, receiver.requests().len()), (Dispatch::Disabled, tried), "it is left alone");

    ensure!(world.store.enable("one").await?);
    world.drive(&mut dispatcher, world.clock.now()).await?;
    assert_eq!(receiver.took()?, [1, 2, 3, 4, 5]);
    Ok(())
}

async fn whoever_loses_the_lease_while_sending_settles_nothing(profile: Profile) -> anyhow::Result<()> {
    let world = World::new(profile, 2).await?;
    let (slow, quick) = (Receiver::start(Manner::Hang).await?, Receiver::start(Manner::Answer(200)).await?);
    world.owe(&["one"]).await?;
    // By the store's clock: it has run out before the endpoint would answer.
    let brief = Patience { lease: Duration::from_millis(50), ..Patience::default() };
    let mut stalled = world.dispatcher("one", &slow, brief)?;
    let mut other = world.dispatcher("one", &quick, Patience::default())?;
    let (stalled_step, sent) = tokio::join!(stalled.step(), async {
        slow.until(Duration::from_secs(10), "it sends", |requests| !requests.is_empty()).await?;
        loop {
            match other.step().await? {
                Dispatch::Standby => tokio::task::yield_now().await,
                sent @ (Dispatch::Idle | Dispatch::Disabled | Dispatch::Until(_) | Dispatch::Sent(_)) => return anyhow::Ok(sent),
            }
        }
    });
    assert_eq!(sent?, Dispatch::Sent(2));
    ensure!(stalled_step.is_err(), "it was fenced: {stalled_step:?}");
    assert_eq!(stalled.step().await?, Dispatch::Standby);
    let status = &world.store.status().await?[0];
    assert_eq!((status.waiting, status.failing_since, quick.took()?), (0, None, vec![1, 2]), "its failure counts for nothing");
    Ok(())
}

async fn what_was_deleted_while_it_waited_is_not_told(profile: Profile) -> anyhow::Result<()> {
    let world = World::new(profile, 1).await?;
    let receiver = Receiver::start(Manner::Answer(200)).await?;
    let posted = world.log.read(Position::START, 1).await?.remove(0);
    let (message, by) = (MessageId::new(posted.stream.id), UserId::new(new_id()));
    let deleted = MessageEvent::Deleted { message, thread: ThreadId::new(new_id()), by };
    let mut append = one_event(new_id(), posted.stream, 1);
    append.events = vec![codec::encode(posted.stream, 2, &deleted.into())];
    world.log.append(&[append]).await?.remove(0)?;
    world.record(1).await?;
    world.owe(&["one"]).await?;
    let mut dispatcher = world.dispatcher("one", &receiver, Patience::default())?;
    world.drive(&mut dispatcher, world.clock.now()).await?;
    let said = receiver
        .requests()
        .iter()
        .map(|request| Ok(request.event()?["body"]["content"]["text"] == "hello"))
        .collect::<anyhow::Result<Vec<_>>>()?;
    assert_eq!(said, [false, false, true], "the deleted one, its deletion, another");
    Ok(())
}

/// Streams A, B and C with three events each, of which every first is refused: A at 1, 4, 7, …
async fn three_streams(profile: Profile) -> anyhow::Result<(World, Receiver, Vec<StreamId>)> {
    let world = World::new(profile, 0).await?;
    let streams: Vec<_> = (0..3).map(|_| message(new_id())).collect();
    for version in 0..3 {
        for stream in &streams {
            world.record_in(*stream, version, 1).await?;
        }
    }
    world.owe(&["one"]).await?;
    Ok((world, Receiver::start(Manner::Answer(200)).await?, streams))
}

/// Its first event is refused as what it is, until it is parked; then everything else was sent.
async fn park_first(world: &World, receiver: &Receiver, dispatcher: &mut Dispatcher) -> anyhow::Result<()> {
    receiver.behave(Manner::Refuse { position: 1, status: 400 });
    world.drive(dispatcher, world.clock.now() + TimeDelta::minutes(10)).await?;
    let refusals = Patience::default().refusals;
    assert_eq!(world.letters("one").await?, [(1, refusals)]);
    let tried = receiver.requests().iter().filter(|request| request.position().is_ok_and(|position| position == 1)).count();
    assert_eq!(tried, refusals as usize, "it is given up soon, because it is to blame");
    assert_eq!(receiver.took()?, [2, 3, 5, 6, 8, 9], "others flow, and nothing of its stream");
    Ok(())
}

async fn a_message_that_is_refused_parks_its_stream_while_others_flow_and_is_sent_in_order_when_it_is_tried_again(
    profile: Profile,
) -> anyhow::Result<()> {
    let (world, receiver, streams) = three_streams(profile).await?;
    let mut dispatcher = world.dispatcher("one", &receiver, Patience::default())?;
    park_first(&world, &receiver, &mut dispatcher).await?;
    // What comes later waits as well.
    for stream in &streams {
        world.record_in(*stream, 3, 1).await?;
    }
    world.owe(&["one"]).await?;
    world.drive(&mut dispatcher, world.clock.now()).await?;
    assert_eq!(receiver.took()?, [2, 3, 5, 6, 8, 9, 11, 12]);
    let status = &world.store.status().await?[0];
    assert_eq!((status.waiting, status.dead, status.aside, status.failing_since), (0, 1, 3, None));

    // Tried again too early, it is parked again with all that waits, and nothing was sent out of order.
    assert_eq!(world.retry("one").await?, 1);
    world.drive(&mut dispatcher, world.clock.now() + TimeDelta::minutes(10)).await?;
    assert_eq!((receiver.took()?.len(), world.store.status().await?[0].aside), (8, 3));

    receiver.behave(Manner::Answer(200));
    for stream in &streams {
        world.record_in(*stream, 4, 1).await?;
    }
    world.owe(&["one"]).await?;
    assert_eq!(world.retry("one").await?, 1);
    world.drive(&mut dispatcher, world.clock.now()).await?;
    assert_eq!(receiver.took()?, [2, 3, 5, 6, 8, 9, 11, 12, 1, 4, 7, 10, 13, 14, 15], "before anything newer, and each once");
    let status = &world.store.status().await?[0];
    assert_eq!((status.waiting, status.dead, status.aside), (0, 0, 0));
    Ok(())
}

async fn what_is_dropped_is_not_sent_and_what_waited_behind_it_is(profile: Profile) -> anyhow::Result<()> {
    let (world, receiver, streams) = three_streams(profile).await?;
    let mut dispatcher = world.dispatcher("one", &receiver, Patience::default())?;
    park_first(&world, &receiver, &mut dispatcher).await?;
    ensure!(!world.dead.drop_event(&webhook("one"), streams[0], Position(4)).await?, "it is not what is dead");
    ensure!(world.dead.drop_event(&webhook("one"), streams[0], Position(1)).await?);
    // It still refuses the first, which is never sent again.
    world.drive(&mut dispatcher, world.clock.now() + TimeDelta::minutes(10)).await?;
    assert_eq!(receiver.took()?, [2, 3, 5, 6, 8, 9, 4, 7]);
    assert_eq!(world.letters("one").await?, []);
    Ok(())
}

/// Whoever does not answer, or says that it is its own fault, is tried for about a day: nothing is dead before, and nothing after it if it
/// comes back.
async fn an_endpoint_that_is_away_for_long_has_no_letter_that_it_would_have_taken(profile: Profile) -> anyhow::Result<()> {
    let (world, receiver, _) = three_streams(profile).await?;
    let mut dispatcher = world.dispatcher("one", &receiver, Patience::default())?;
    for manner in [Manner::Cut, Manner::Answer(503), Manner::Answer(429), Manner::Answer(404)] {
        receiver.behave(manner);
        world.drive(&mut dispatcher, world.clock.now() + TimeDelta::minutes(10)).await?;
    }
    assert_eq!(world.letters("one").await?, []);
    receiver.behave(Manner::Answer(200));
    world.drive(&mut dispatcher, world.clock.now() + TimeDelta::hours(2)).await?;
    assert_eq!(receiver.took()?, (1..=9).collect::<Vec<_>>());
    Ok(())
}
