//! Everybody comes back at once, as after an outage, and has missed something.

use std::time::Instant;

use anyhow::ensure;
use serde_json::json;

use crate::cli::Options;
use crate::crowd::Crowd;
use crate::machine::Look;
use crate::measure::{Cast, shares};
use crate::people::{Office, Person};
use crate::proof;
use crate::report::{Figures, Report};
use crate::stand::{Ground, Stand};

const TOGETHER: usize = 200;
/// Messages that each who writes has on their way.
const WINDOW: u32 = 4;

pub(super) async fn resume(ground: &Ground, options: &Options, devices: usize, missed: u32, members: usize) -> anyhow::Result<Report> {
    let parameters = vec![("devices", json!(devices)), ("missed", json!(missed)), ("members", json!(members))];
    let mut report = Report::new("resume", ground.profile, parameters);
    let mut stand = ground.served().await?;
    let office = Office::new(&stand)?;
    let people = office.people(&stand, devices).await?;
    let groups: Vec<_> = people.chunks(members).map(<[Person]>::to_vec).collect();
    let ids = office.groups(&groups).await?;
    let number = stand.next_crowd();
    let mut crowd = Crowd::new(number)?;
    for (n, person) in people.iter().enumerate() {
        crowd.device(stand.address(n)?, person.hello());
    }
    let mut cast = Cast { crowd, people, number };
    cast.act(|crowd| crowd.connect(TOGETHER)).await?;
    for _ in 0..options.runs {
        proof::acknowledged(&stand.look().await?, &cast.crowd, &cast.people).await?;
        cast.act(|crowd| {
            crowd.cut();
            Ok(())
        })
        .await?;
        let last = miss(&mut stand, &groups, &ids, missed).await?;
        let (seen, before) = (cast.crowd.events(), Look::take());
        let begun = Instant::now();
        cast.act(|crowd| crowd.connect(usize::MAX)).await?;
        let took = begun.elapsed();
        let after = Look::take();
        let events = cast.crowd.events() - seen;
        let owed = devices as u64 * u64::from(missed);
        ensure!(events == owed, "{owed} events were missed, and {events} have come");
        let stands = cast.crowd.cursors();
        let lacking = stands.iter().enumerate().find(|(device, position)| **position != last[device / members]);
        ensure!(lacking.is_none(), "device and position {lacking:?}, of {last:?}");
        stand.still_runs()?;
        let mut figures = Figures::default();
        figures.add("resume_s", took.as_secs_f64());
        figures.add("devices_per_s", devices as f64 / took.as_secs_f64());
        figures.add("deliveries_per_s", events as f64 / took.as_secs_f64());
        figures.extend(shares(&[before, after]));
        report.add(figures);
    }
    proof::acknowledged(&stand.look().await?, &cast.crowd, &cast.people).await?;
    Ok(report)
}

/// Has somebody of every group write with another device, and gives where the last message of each group is.
async fn miss(stand: &mut Stand, groups: &[Vec<Person>], ids: &[uuid::Uuid], missed: u32) -> anyhow::Result<Vec<u64>> {
    let before = proof::head(stand).await?;
    let number = stand.next_crowd();
    let mut crowd = Crowd::new(number)?;
    let writers: Vec<_> = groups.iter().map(|group| group[0].elsewhere()).collect();
    for (n, (writer, id)) in writers.iter().zip(ids).enumerate() {
        let device = crowd.device(stand.address(n)?, writer.hello());
        let thread = crowd.thread(&[device]);
        crowd.poster(device, thread, *id, WINDOW, missed);
    }
    let mut cast = Cast { crowd, people: writers, number };
    cast.act(|crowd| {
        crowd.connect(TOGETHER)?;
        crowd.post_all()
    })
    .await?;
    proof::prove(stand, &cast.crowd, number, &cast.people, before).await?;
    Ok(cast.crowd.cursors())
}
