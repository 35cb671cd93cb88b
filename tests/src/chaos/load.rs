//! People who talk all the time, each on two devices: one knows where it stands, the other leaves that to the server.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use futures::StreamExt as _;
use futures::future::{join_all, try_join_all};
use futures::stream::FuturesUnordered;
use posthaste_application::recorded::Position;
use posthaste_domain::{CommandId, ThreadId};
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom as _, SliceRandom as _};
use rand::{Rng, RngExt as _};
use reqwest::Method;
use serde_json::json;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::{Doing, PATIENCE, Setting};
use crate::actor::{Device, Sending, User};
use crate::history::{Answer, History};

/// How long a device is silent between two bursts, at most, when there are no more than [`FEW`] people.
const PACE: Duration = Duration::from_millis(800);
/// Among more, each says so much less that together they say as much. Otherwise the work would grow with the square of their number, and
/// one would see how a machine does that is asked too much, and not how a service recovers.
const FEW: usize = 6;
/// How many messages of a device may be without an answer before it waits.
const UNSETTLED: usize = 30;
/// How many of the newest messages something may happen to.
const RECENT: usize = 50;

/// Somebody with two devices.
pub(super) struct Person {
    pub(super) user: Arc<User>,
    pub(super) devices: Vec<Device>,
    /// What they talk in.
    threads: Vec<ThreadId>,
}

/// A message that was answered `ok`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Said {
    pub(super) message: CommandId,
    pub(super) thread: ThreadId,
    pub(super) position: Position,
    /// Their number.
    pub(super) author: usize,
}

/// Everybody.
pub(super) struct Load {
    history: History,
    pub(super) doors: Vec<String>,
    pub(super) people: Vec<Person>,
    /// Everybody is in it, all the time.
    pub(super) hall: ThreadId,
    /// The last of the people comes and goes here, and says nothing.
    pub(super) room: ThreadId,
    recent: Mutex<VecDeque<Said>>,
    furthest: AtomicU64,
}

impl Load {
    /// Everybody registers, finds friends, and connects.
    pub(super) async fn begin(setting: &Setting, doors: Vec<String>, history: &History) -> anyhow::Result<Self> {
        ensure!(setting.users >= 3, "three people or more are needed");
        let mut randomness = setting.randomness(1);
        let door = &doors[0];
        let users = try_join_all(
            (0..setting.users).map(|number| async move { anyhow::Ok(Arc::new(User::register(door, &format!("person{number}")).await?)) }),
        )
        .await?;
        let create = async |owner: &User, title: &str, members: &[&Arc<User>]| {
            let members: Vec<_> = members.iter().map(|user| user.id()).collect();
            let group = json!({ "kind": "group", "title": title, "members": members });
            let created = owner.call(door, Method::POST, "/v1/threads", Some(group)).await?;
            anyhow::Ok(created["id"].as_str().context("a thread has an id")?.parse::<ThreadId>()?)
        };
        // The last one only listens in the room.
        let regulars = &users[..users.len() - 1];
        let hall = create(&users[0], "Everybody", &users[1..].iter().collect::<Vec<_>>()).await?;
        let room = create(&users[0], "Where one comes and goes", &regulars[1..].iter().collect::<Vec<_>>()).await?;
        let mut threads: Vec<_> = users.iter().map(|_| vec![hall]).collect();
        threads[..regulars.len()].iter_mut().for_each(|theirs| theirs.push(room));
        // A few smaller circles, and a friend for everybody.
        for circle in 0..setting.users / 3 {
            let mut numbers: Vec<_> = (0..users.len()).collect();
            numbers.shuffle(&mut randomness);
            numbers.truncate(3);
            let members: Vec<_> = numbers[1..].iter().map(|number| &users[*number]).collect();
            let thread = create(&users[numbers[0]], &format!("Circle {circle}"), &members).await?;
            numbers.iter().for_each(|number| threads[*number].push(thread));
        }
        for number in 0..users.len() {
            let next = (number + 1) % users.len();
            users[number].befriend(door, &users[next]).await?;
            let thread = users[number].open_direct(door, &users[next]).await?;
            threads[number].push(thread);
            threads[next].push(thread);
        }
        let people = users.into_iter().zip(threads).enumerate().map(|(number, (user, threads))| {
            let mut theirs = doors.clone();
            theirs.rotate_left(number % doors.len());
            let one = Device::connect(&user, &theirs, Position::START, history);
            theirs.rotate_left(1);
            let other = Device::connect_trusting(&user, &theirs, history);
            Person { user, devices: vec![one, other], threads }
        });
        let people: Vec<_> = people.collect();
        let load = Self { history: history.clone(), doors, people, hall, room, recent: Mutex::default(), furthest: AtomicU64::new(0) };
        load.recovers().await.context("before anything happened")?;
        Ok(load)
    }

    fn devices(&self) -> impl Iterator<Item = (usize, &Device)> {
        self.people.iter().enumerate().flat_map(|(number, person)| person.devices.iter().map(move |device| (number, device)))
    }

    /// Whether some device is not connected right now.
    pub(super) fn is_disturbed(&self) -> bool {
        self.devices().any(|(_, device)| device.connected_to().is_none())
    }

    /// One of the newest messages.
    pub(super) fn recent(&self, randomness: &mut impl Rng) -> Option<Said> {
        let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        (!recent.is_empty()).then(|| recent[randomness.random_range(0..recent.len())])
    }

    /// Whether somebody talks in a thread.
    pub(super) fn is_in(&self, number: usize, thread: ThreadId) -> bool {
        self.people[number].threads.contains(&thread)
    }

    fn settled(&self, author: usize, thread: ThreadId, message: CommandId, answer: &Answer) -> anyhow::Result<Position> {
        let Answer::Ok { position, .. } = *answer else { bail!("{message} was answered {answer:?}") };
        self.furthest.fetch_max(position.0, Ordering::Relaxed);
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.push_back(Said { message, thread, position, author });
        if recent.len() > RECENT {
            recent.pop_front();
        }
        Ok(position)
    }

    /// Has the devices change doors, so that there are some behind each of them, also after one was closed for a while.
    pub(super) async fn spread(&self, turn: usize) -> anyhow::Result<()> {
        try_join_all(self.devices().enumerate().map(|(index, (_, device))| async move {
            let mut doors = self.doors.clone();
            doors.rotate_left((index + turn) % self.doors.len());
            device.prefer(&doors);
            if device.connected_to().as_ref() != doors.first() {
                device.cut();
            }
            device.live_on(&doors[0], PATIENCE).await
        }))
        .await
        .map(drop)
    }

    /// Every device says something now. How long it takes until all of that is answered `ok`, and until every device has all of it.
    pub(super) async fn recovers(&self) -> anyhow::Result<(Duration, Duration)> {
        let begun = Instant::now();
        let ok = async {
            let sent = self.devices().map(|(author, device)| async move {
                let sending = device.post(self.hall, "does it still work?");
                let message = sending.command;
                self.settled(author, self.hall, message, &sending.await?)
            });
            anyhow::Ok((try_join_all(sent).await?, begun.elapsed()))
        };
        let Ok(answered) = timeout(PATIENCE, ok).await else {
            bail!("not every device is answered after {PATIENCE:?}: {:#?}", self.devices().map(|(_, device)| device).collect::<Vec<_>>());
        };
        let (positions, ok) = answered?;
        let last = positions.into_iter().max().unwrap_or_default();
        try_join_all(self.devices().map(|(_, device)| device.stored(last, PATIENCE))).await?;
        Ok((ok, begun.elapsed()))
    }

    /// Everybody talks until it gets quiet, and then until everything is answered.
    pub(super) async fn talk(&self, setting: &Setting, quiet: &CancellationToken) -> anyhow::Result<()> {
        let talking = self.devices().enumerate().map(|(index, (number, device))| {
            let randomness = setting.randomness(100 + index as u64);
            self.chatter(number, device, randomness, quiet)
        });
        let visited = self.visitors(setting.randomness(2), quiet);
        let (talked, visited) = tokio::join!(join_all(talking), visited);
        talked.into_iter().collect::<anyhow::Result<()>>().and(visited)
    }

    async fn chatter(&self, number: usize, device: &Device, mut randomness: StdRng, quiet: &CancellationToken) -> anyhow::Result<()> {
        let mut settling = FuturesUnordered::new();
        let mut said = 0;
        let pace = PACE.mul_f64((self.people.len() as f64 / FEW as f64).max(1.0));
        let pause = |randomness: &mut StdRng| Instant::now() + pace.mul_f64(randomness.random());
        let mut next = pause(&mut randomness);
        loop {
            tokio::select! {
                Some(settled) = settling.next() => { let _: Position = settled?; }
                () = tokio::time::sleep_until(next), if settling.len() < UNSETTLED => {
                    next = pause(&mut randomness);
                    for _ in 0..randomness.random_range(1..=4) {
                        said += 1;
                        let thread = *self.people[number].threads.choose(&mut randomness).context("nowhere to talk")?;
                        let sending = device.post(thread, format!("person {number} says {said}"));
                        settling.push(self.settle(number, thread, sending));
                    }
                    if randomness.random_bool(0.02) {
                        device.cut();
                    }
                }
                () = quiet.cancelled() => break,
            }
        }
        let rest = async {
            while let Some(settled) = settling.next().await {
                settled?;
            }
            anyhow::Ok(())
        };
        timeout(PATIENCE, rest).await.with_context(|| format!("{device:?} has no answers in time"))?
    }

    async fn settle(&self, author: usize, thread: ThreadId, sending: Sending) -> anyhow::Result<Position> {
        let message = sending.command;
        self.settled(author, thread, message, &sending.await?)
    }

    /// Again and again somebody has a new device, reads some of what was said on it, and goes.
    async fn visitors(&self, mut randomness: StdRng, quiet: &CancellationToken) -> anyhow::Result<()> {
        loop {
            let person = self.people.choose(&mut randomness).context("nobody is there")?;
            let furthest = self.furthest.load(Ordering::Relaxed);
            let Some(said) = self.recent(&mut randomness) else { continue };
            let cursor = Position(randomness.random_range(furthest.saturating_sub(2_000)..=furthest));
            let device = Device::connect(&person.user, &self.doors, cursor, &self.history);
            if self.is_in(self.number(person), said.thread) {
                device.quiesce(said.position, PATIENCE).await?;
            }
            drop(device);
            let pause = PACE.mul_f64(randomness.random());
            if quiet.run_until_cancelled(sleep(pause)).await.is_none() {
                return Ok(());
            }
        }
    }

    fn number(&self, person: &Person) -> usize {
        self.people.iter().position(|other| other.user.id() == person.user.id()).unwrap_or_default()
    }

    /// Everything has arrived everywhere, also on new devices that read all of it, and every view has taken it in.
    pub(super) async fn come_to_rest(self, doing: &Doing) -> anyhow::Result<()> {
        let last = self.people[0].devices[0].post(self.hall, "good night");
        let last = self.settled(0, self.hall, last.command, &timeout(PATIENCE, last).await.context("no last answer")??)?;
        let Self { history, doors, people, .. } = self;
        let newcomers = people.iter().map(|person| Device::connect(&person.user, &doors, Position::START, &history));
        let newcomers: Vec<_> = newcomers.collect();
        let devices = people.iter().flat_map(|person| &person.devices).chain(&newcomers);
        try_join_all(devices.map(|device| device.quiesce(last, PATIENCE))).await?;
        doing.set("the views take in the last that was said");
        for door in &doors {
            let path = format!("/v1/threads?after={last}");
            people[0].user.settle(std::slice::from_ref(door), &Method::GET, &path, None, PATIENCE).await?;
        }
        doing.set("the devices leave");
        let devices = people.into_iter().flat_map(|person| person.devices).chain(newcomers);
        try_join_all(devices.map(Device::leave)).await.map(drop)
    }
}
