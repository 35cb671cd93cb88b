//! People who write to each other: in twos, in one room, in many.

use std::collections::BTreeSet;

use serde_json::json;

use crate::cli::Options;
use crate::crowd::Crowd;
use crate::floor::floor;
use crate::measure::{Cast, measure};
use crate::people::{Office, Person};
use crate::report::Report;
use crate::stand::{Ground, Stand};

/// Sockets that are opened at the same time before it begins.
pub(super) const TOGETHER: usize = 200;

/// Who writes of two.
#[derive(Clone, Copy, Debug)]
pub(super) enum Writers {
    One,
    Both,
}

pub(super) async fn pairs(ground: &Ground, options: &Options, pairs: usize, window: u32, writers: Writers) -> anyhow::Result<Report> {
    let both = matches!(writers, Writers::Both);
    let parameters = vec![("pairs", json!(pairs)), ("window", json!(window)), ("both", json!(both)), ("seconds", json!(options.seconds))];
    let mut stand = ground.served().await?;
    let cast = cast_pairs(&mut stand, pairs, window, writers).await?;
    talk(ground, options, Report::new("pairs", ground.profile, parameters), stand, cast).await
}

/// Friends in twos, the two of each on neighbouring servers.
pub(super) async fn cast_pairs(stand: &mut Stand, pairs: usize, window: u32, writers: Writers) -> anyhow::Result<Cast> {
    let office = Office::new(stand)?;
    let people = office.people(stand, 2 * pairs).await?;
    let twos: Vec<_> = people.chunks_exact(2).map(|two| (two[0].clone(), two[1].clone())).collect();
    let threads = office.direct(&twos).await?;
    let number = stand.next_crowd();
    let mut crowd = Crowd::new(number)?;
    for (n, ((alice, bob), id)) in twos.iter().zip(threads).enumerate() {
        let two = [crowd.device(stand.address(n)?, alice.hello()), crowd.device(stand.address(n + 1)?, bob.hello())];
        let thread = crowd.thread(&two);
        let writing = match writers {
            Writers::One => &two[..1],
            Writers::Both => &two[..],
        };
        writing.iter().for_each(|device| crowd.poster(*device, thread, id, window, u32::MAX));
    }
    Ok(Cast { crowd, people, number })
}

pub(super) async fn room(ground: &Ground, options: &Options, members: usize, posters: usize, window: u32) -> anyhow::Result<Report> {
    let parameters =
        vec![("members", json!(members)), ("posters", json!(posters)), ("window", json!(window)), ("seconds", json!(options.seconds))];
    let mut stand = ground.served().await?;
    let office = Office::new(&stand)?;
    let people = office.people(&stand, members).await?;
    let everybody: Vec<_> = (0..members).collect();
    let cast = cast_groups(&mut stand, &office, people, &[everybody], (posters, window)).await?;
    talk(ground, options, Report::new("room", ground.profile, parameters), stand, cast).await
}

pub(super) async fn rooms(
    ground: &Ground,
    options: &Options,
    (rooms, members, people): (usize, usize, usize),
    window: u32,
) -> anyhow::Result<Report> {
    let parameters = vec![
        ("rooms", json!(rooms)),
        ("members", json!(members)),
        ("people", json!(people)),
        ("window", json!(window)),
        ("seconds", json!(options.seconds)),
    ];
    anyhow::ensure!(members <= people, "a room of {members} takes more than {people} people");
    let mut stand = ground.served().await?;
    let office = Office::new(&stand)?;
    let everybody = office.people(&stand, people).await?;
    let rooms: Vec<_> = (0..rooms).map(|room| some(room, members, people)).collect();
    let cast = cast_groups(&mut stand, &office, everybody, &rooms, (1, window)).await?;
    talk(ground, options, Report::new("rooms", ground.profile, parameters), stand, cast).await
}

/// Some of the people, others for every room, always the same.
fn some(room: usize, members: usize, people: usize) -> Vec<usize> {
    let (mut chosen, mut at) = (BTreeSet::new(), room as u64);
    while chosen.len() < members {
        at = at.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        chosen.insert(usize::try_from(at >> 33).expect("31 bits") % people);
    }
    chosen.into_iter().collect()
}

/// Groups of these people; in each, the first ones write.
async fn cast_groups(
    stand: &mut Stand,
    office: &Office,
    people: Vec<Person>,
    groups: &[Vec<usize>],
    (posters, window): (usize, u32),
) -> anyhow::Result<Cast> {
    let of = |group: &Vec<usize>| group.iter().map(|person| people[*person].clone()).collect::<Vec<_>>();
    let ids = office.groups(&groups.iter().map(of).collect::<Vec<_>>()).await?;
    let number = stand.next_crowd();
    let mut crowd = Crowd::new(number)?;
    for (n, person) in people.iter().enumerate() {
        crowd.device(stand.address(n)?, person.hello());
    }
    for (group, id) in groups.iter().zip(ids) {
        let thread = crowd.thread(group);
        group.iter().take(posters).for_each(|device| crowd.poster(*device, thread, id, window, u32::MAX));
    }
    Ok(Cast { crowd, people, number })
}

/// Has them talk, as often as it is told.
pub(super) async fn talk(
    ground: &Ground,
    options: &Options,
    mut report: Report,
    mut stand: Stand,
    mut cast: Cast,
) -> anyhow::Result<Report> {
    let floor = if options.no_floor { None } else { Some(floor(ground).await?) };
    cast.act(|crowd| crowd.connect(TOGETHER)).await?;
    for _ in 0..options.runs {
        let mut figures = measure(&mut stand, &mut cast, options.load()).await?;
        figures.extend(floor.clone().unwrap_or_default());
        report.add(figures);
    }
    Ok(report)
}
