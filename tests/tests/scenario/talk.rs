//! Two people who talk all the time, in bursts: Alice on one device, Bob on two, of which one leaves it to the server to know where it stands.
//! Some of what they say is for a group, in which Carol comes and goes all the while.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use posthaste_application::recorded::Position;
use posthaste_domain::ThreadId;
use posthaste_tests::actor::{Device, User};
use posthaste_tests::history::{Answer, Entry, History};
use reqwest::Method;
use serde_json::json;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

/// How long a part of a scenario may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);
/// How long a whole scenario may take, and then it has hung.
pub(crate) const LIMIT: Duration = Duration::from_secs(600);
/// Messages that a device sends at once, so that some are on their way whenever something happens.
const BURST: usize = 20;
/// Between two of Carol's comings and goings, at least.
const COMING_AND_GOING: Duration = Duration::from_millis(20);

/// The conversation.
pub(crate) struct Talk {
    pub(crate) history: History,
    pub(crate) bob: Arc<User>,
    pub(crate) desktop: Device,
    pub(crate) phone: Device,
    pub(crate) laptop: Device,
    tablet: Device,
    alice: Arc<User>,
    carol: Arc<User>,
    /// The nodes that Alice and Carol ask.
    nodes: Vec<String>,
    thread: ThreadId,
    group: ThreadId,
    /// Messages each has sent.
    said: usize,
    going: watch::Sender<Going>,
    /// The furthest answer.
    last: Position,
}

impl Talk {
    /// Alice and Bob register, become friends and connect: she to the first of her nodes, he to the first of his.
    pub(crate) async fn begin(hers: &[String], his: &[String]) -> anyhow::Result<Self> {
        let history = History::default();
        let alice = Arc::new(User::register(&hers[0], "alice").await?);
        let bob = Arc::new(User::register(&his[0], "bob").await?);
        let carol = Arc::new(User::register(&hers[0], "carol").await?);
        alice.befriend(&hers[0], &bob).await?;
        let thread = alice.open_direct(&hers[0], &bob).await?;
        let group = json!({ "kind": "group", "title": "Alice, Bob, and sometimes Carol", "members": [bob.id()] });
        let created = alice.call(&hers[0], Method::POST, "/v1/threads", Some(group)).await?;
        let group = created["id"].as_str().context("a thread has an id")?.parse()?;
        let talk = Self {
            desktop: Device::connect(&alice, hers, Position::START, &history),
            phone: Device::connect(&bob, his, Position::START, &history),
            laptop: Device::connect_trusting(&bob, his, &history),
            tablet: Device::connect(&carol, his, Position::START, &history),
            history,
            alice,
            bob,
            carol,
            nodes: hers.to_vec(),
            thread,
            group,
            said: 0,
            going: watch::Sender::default(),
            last: Position::START,
        };
        talk.desktop.live_on(&hers[0], PATIENCE).await?;
        talk.phone.live_on(&his[0], PATIENCE).await?;
        talk.laptop.live_on(&his[0], PATIENCE).await?;
        talk.tablet.live_on(&his[0], PATIENCE).await?;
        Ok(talk)
    }

    /// Each says `messages` things, one every `pace` at most, while something happens. Bob says every other thing on his laptop.
    /// All are answered `ok` in the end, and what happens has come to its end.
    pub(crate) async fn during<T>(
        &mut self,
        what: &str,
        messages: usize,
        pace: Duration,
        happens: impl AsyncFnOnce(&Self, Progress) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        let numbers = self.said..self.said + messages;
        self.said += messages;
        self.going.send_modify(|going| going.over = false);
        let progress = Progress { going: self.going.subscribe() };
        let (even, odd): (Vec<_>, Vec<_>) = numbers.clone().partition(|number| number % 2 == 0);
        let this = &*self;
        let talking = async {
            let all = tokio::try_join!(
                this.say(&this.desktop, "alice", numbers.collect(), pace),
                this.say(&this.phone, "bob", even, pace * 2),
                this.say(&this.laptop, "bob", odd, pace * 2),
            );
            this.going.send_modify(|going| going.over = true);
            all
        };
        let both = async { tokio::try_join!(talking, happens(this, progress), this.come_and_go()) };
        let Ok(outcome) = timeout(PATIENCE, both).await else {
            bail!("{what}: not over after {PATIENCE:?}; {:?}, {:?}, {:?}", self.desktop, self.phone, self.laptop);
        };
        let ((one, two, three), happened, ()) = outcome.with_context(|| what.to_owned())?;
        self.last = self.last.max(one).max(two).max(three);
        Ok(happened)
    }

    /// Whether something was cut off in the middle so far, both ways: a command that had to be sent again, an event that came again.
    pub(crate) fn was_cut_off(&self) -> bool {
        let (mut sent, mut arrived) = (HashSet::new(), HashSet::new());
        let (mut sent_again, mut came_again) = (false, false);
        for entry in self.history.entries() {
            match entry {
                Entry::Sent { command, .. } => sent_again |= !sent.insert(command),
                Entry::Pushed { device, event, .. } => came_again |= !arrived.insert((device, event.position)),
                Entry::Answered { .. } | Entry::Connected { .. } | Entry::Live { .. } | Entry::Acked { .. } | Entry::Quiesced { .. } => {}
            }
        }
        sent_again && came_again
    }

    /// Says things on one device, a burst at a time, one thing every `pace` on average; gives the furthest answer.
    async fn say(&self, device: &Device, who: &str, numbers: Vec<usize>, pace: Duration) -> anyhow::Result<Position> {
        let mut ticks = interval(pace * u32::try_from(BURST)?);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let bursts: Vec<_> = numbers.chunks(BURST).map(<[usize]>::to_vec).collect();
        let paced = stream::unfold((ticks, bursts.into_iter()), |(mut ticks, mut bursts)| async {
            ticks.tick().await;
            self.going.send_modify(|going| going.bursts += usize::from(who == "bob"));
            bursts.next().map(|burst| (stream::iter(burst), (ticks, bursts)))
        });
        let thread = |number| if number % 3 == 0 { self.group } else { self.thread };
        let settled = paced.flatten().map(|number| device.post(thread(number), format!("{who} says {number}"))).buffered(2 * BURST);
        settled
            .try_fold(Position::START, |last, answer| async move {
                let Answer::Ok { position, .. } = answer else { bail!("{who} was answered {answer:?}") };
                self.going.send_modify(|going| going.answered += 1);
                Ok(last.max(position))
            })
            .await
    }

    /// Carol is added and removed, is added and leaves, again and again, until everything is said.
    async fn come_and_go(&self) -> anyhow::Result<()> {
        let members = format!("/v1/threads/{}/members", self.group);
        let (her, me) = (format!("{members}/{}", self.carol.id()), format!("{members}/me"));
        let add = || (&self.alice, Method::POST, &members, Some(json!({ "users": [self.carol.id()] })));
        let mut ticks = interval(COMING_AND_GOING);
        loop {
            for (user, method, path, body) in
                [add(), (&self.alice, Method::DELETE, &her, None), add(), (&self.carol, Method::DELETE, &me, None)]
            {
                if self.going.borrow().over {
                    return Ok(());
                }
                user.settle(&self.nodes, &method, path, body.as_ref(), PATIENCE).await?;
                ticks.tick().await;
            }
        }
    }

    /// Everybody's devices.
    pub(crate) fn devices(&self) -> [&Device; 4] {
        [&self.desktop, &self.phone, &self.laptop, &self.tablet]
    }

    /// Everybody goes to where they are at home: the desktop to the first of three nodes, the phone and the tablet to the second, the laptop to
    /// the third.
    pub(crate) async fn scatter(&self, nodes: &[String; 3]) -> anyhow::Result<()> {
        for (device, home) in self.devices().into_iter().zip([0, 1, 2, 1]) {
            if device.connected_to().as_ref() != Some(&nodes[home]) {
                device.cut();
            }
            device.live_on(&nodes[home], PATIENCE).await?;
        }
        Ok(())
    }

    /// Everything that was said has arrived everywhere, also at a device of Bob's that is new and reads all of it from `node`.
    pub(crate) async fn come_to_rest(self, node: &str) -> anyhow::Result<History> {
        // The last thing that Carol is told, whether she is in the group or not.
        let request = json!({ "user": self.carol.id() });
        let end = self.alice.settle(&self.nodes, &Method::POST, "/v1/friend-requests", Some(&request), PATIENCE).await?;
        self.tablet.quiesce(Position(end["position"].as_u64().context("an answer has a position")?), PATIENCE).await?;
        let heard = self.tablet.leave().await?.events.iter().filter(|event| event.text.is_some()).count();
        ensure!(heard > 0 && heard < self.said, "Carol came and went, and heard {heard} of what was said");

        let Self { history, bob, desktop, phone, laptop, said, last, .. } = self;
        let new = Device::connect(&bob, &[node.to_owned()], Position::START, &history);
        for device in [desktop, phone, laptop, new] {
            device.quiesce(last, PATIENCE).await?;
            let storage = device.leave().await?;
            let messages = storage.events.iter().filter(|event| event.text.is_some()).count();
            ensure!(messages == said * 2, "{messages} messages are stored, {} were sent", said * 2);
        }
        Ok(history)
    }
}

/// Where the conversation is.
#[derive(Clone, Copy, Debug, Default)]
struct Going {
    answered: usize,
    bursts: usize,
    over: bool,
}

/// How far the conversation has come.
pub(crate) struct Progress {
    going: watch::Receiver<Going>,
}

impl Progress {
    /// Waits until this many more messages are answered, which must be before all are.
    pub(crate) async fn answers(&mut self, more: usize) -> anyhow::Result<()> {
        let enough = self.going.borrow().answered + more;
        let waited = timeout(PATIENCE, self.going.wait_for(|going| going.over || going.answered >= enough)).await.is_ok();
        let going = *self.going.borrow();
        ensure!(waited && !going.over, "{enough} messages should be answered, and it is {going:?}");
        Ok(())
    }

    /// Waits until Bob says something, and a little longer, but hardly until it is answered.
    pub(crate) async fn amid_a_burst(&mut self) -> anyhow::Result<()> {
        let next = self.going.borrow().bursts + 1;
        let waited = timeout(PATIENCE, self.going.wait_for(|going| going.over || going.bursts >= next)).await.is_ok();
        let going = *self.going.borrow();
        ensure!(waited && !going.over, "burst {next} should begin, and it is {going:?}");
        // To hit every stage of the way: received, decided, committed, answered, pushed.
        sleep(Duration::from_millis(6).mul_f64(rand::random())).await;
        Ok(())
    }

    /// Everything was answered.
    pub(crate) fn is_over(&self) -> bool {
        self.going.borrow().over
    }
}
