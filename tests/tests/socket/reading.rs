//! Reading.

use anyhow::ensure;

use crate::wire::{Friends, Wire};

/// The positions of the reading that a device was told of.
fn told(wire: &Wire) -> Vec<u64> {
    let read = wire.events.iter().filter(|event| event["type"] == "subscription.read");
    read.filter_map(|event| event["body"]["upto"].as_u64()).collect()
}

pub(crate) async fn a_burst_of_reads_is_one_event_on_all_own_devices_and_on_nobody_elses(base: &str) -> anyhow::Result<()> {
    let friends = Friends::meet(base).await?;
    let mut alice = Wire::fresh(base, &friends.alice).await?;
    let last = alice.works(&friends, "to be read").await?;
    let (mut phone, mut laptop) = tokio::try_join!(Wire::fresh(base, &friends.bob), Wire::fresh(base, &friends.bob))?;
    let mut asked = Vec::new();
    for upto in [last, last - 2, last - 1] {
        asked.push(phone.send_read(friends.thread, upto).await?);
    }
    laptop.send_read(friends.thread, last - 1).await?;
    let mut answers = Vec::new();
    for _ in &asked {
        answers.push(phone.expect("ok").await?);
    }
    let furthest = laptop.expect("ok").await?;
    let mut answered: Vec<_> = answers.iter().filter_map(|ok| ok["re"].as_u64()).collect();
    answered.sort_unstable();
    ensure!(answered == asked, "each is answered: {answers:?}");
    // Again, and less far: it holds already.
    for upto in [last, 1] {
        phone.send_read(friends.thread, upto).await?;
        let again = phone.expect("ok").await?;
        ensure!(again["dup"] == true && again["result"]["position"] == furthest["result"]["position"], "{again} after {furthest}");
    }
    let position = furthest["result"]["position"].as_u64().unwrap_or_default();
    for wire in [&mut phone, &mut laptop] {
        wire.events_upto(position).await?;
    }
    let (on_phone, on_laptop) = (told(&phone), told(&laptop));
    let last_read = phone.events.iter().rfind(|event| event["type"] == "subscription.read");
    ensure!(last_read.is_some_and(|event| event["body"]["device"] == phone.welcome["device"]), "it was read on the phone: {last_read:?}");
    ensure!(on_phone == on_laptop && on_phone.last() == Some(&last), "{on_phone:?} and {on_laptop:?}");
    // A burst may fall on the edge between two gathers, and no more.
    ensure!(on_phone.len() <= 2 && on_phone.is_sorted(), "{on_phone:?}");
    alice.works(&friends, "after").await?;
    ensure!(told(&alice).is_empty(), "it is nobody else's business: {:?}", alice.events);
    Ok(())
}

pub(crate) async fn nobody_reads_beyond_the_end_of_the_log_or_what_they_are_not_in(base: &str) -> anyhow::Result<()> {
    let (friends, others) = tokio::try_join!(Friends::meet(base), Friends::meet(base))?;
    let mut alice = Wire::fresh(base, &friends.alice).await?;
    for (thread, upto, code) in [(friends.thread, 9_007_199_254_740_991, "validation"), (others.thread, 1, "not_found")] {
        let id = alice.send_read(thread, upto).await?;
        let err = alice.refused(code).await?;
        ensure!(err["re"] == id, "{err}");
    }
    alice.works(&friends, "after").await?;
    ensure!(told(&alice).is_empty(), "{:?}", alice.events);
    Ok(())
}
