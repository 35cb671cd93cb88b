//! Everybody writes in one thread, and then the same people in threads of their own: what it costs that they meet.
//!
//! They post over REST, one message at a time each, so that what is measured is how messages get into one thread and not how they come to
//! hundreds of members; one listener is in every thread and proves that they arrive.

use serde_json::json;

use super::talk::TOGETHER;
use crate::cli::Options;
use crate::crowd::Crowd;
use crate::measure::{Cast, measure};
use crate::people::{Office, Person};
use crate::report::{Figures, Report};
use crate::stand::{Ground, Stand};

pub(super) async fn hot(ground: &Ground, options: &Options, posters: usize) -> anyhow::Result<Report> {
    let parameters = vec![("posters", json!(posters)), ("seconds", json!(options.seconds))];
    let mut report = Report::new("hot", ground.profile, parameters);
    let mut stand = ground.served().await?;
    let people = Office::new(&stand)?.people(&stand, posters + 1).await?;
    let mut together = cast(&mut stand, &people, std::slice::from_ref(&people)).await?;
    let apart: Vec<_> = people[1..].iter().map(|poster| vec![people[0].clone(), poster.clone()]).collect();
    let mut apart = cast(&mut stand, &people, &apart).await?;
    for _ in 0..options.runs {
        let mut figures = run(&mut stand, &mut together, options).await?;
        let reference = run(&mut stand, &mut apart, options).await?.get("messages_per_s").unwrap_or_default();
        let share = 100.0 * figures.get("messages_per_s").unwrap_or_default() / reference.max(1.0);
        figures.add("apart_messages_per_s", reference);
        figures.add("share_of_apart_percent", share);
        report.add(figures);
    }
    Ok(report)
}

/// The first of the people listens in every group, all others write in theirs.
async fn cast(stand: &mut Stand, people: &[Person], groups: &[Vec<Person>]) -> anyhow::Result<Cast> {
    let ids = Office::new(stand)?.groups(groups).await?;
    let number = stand.next_crowd();
    let mut crowd = Crowd::new(number)?;
    let listener = people[0].elsewhere();
    let ear = crowd.device(stand.address(0)?, listener.hello());
    for (group, id) in groups.iter().zip(ids) {
        let thread = crowd.thread(&[ear]);
        for person in &group[1..] {
            crowd.rest_poster(stand.address(0)?, person.token(), thread, id);
        }
    }
    Ok(Cast { crowd, people: vec![listener], number })
}

async fn run(stand: &mut Stand, cast: &mut Cast, options: &Options) -> anyhow::Result<Figures> {
    cast.act(|crowd| crowd.connect(TOGETHER)).await?;
    let figures = measure(stand, cast, options.load()).await?;
    cast.act(|crowd| {
        crowd.cut();
        Ok(())
    })
    .await?;
    Ok(figures)
}
