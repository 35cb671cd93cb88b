//! Sealing and opening, and what becomes of content when its key is gone.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::executor::block_on;
use posthaste_domain::{CommandId, Event, OwnerId, UserId};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::keyring::{Access, Sealing};
use super::log::SealedLog;
use super::rotate::{rotate, wraps};
use super::sealed::{ContentKey, NotSealed, Place, owner};
use super::transfer::{self, Import, NotTransferred, Transferred};
use super::{Keyring, MasterKey, MasterKeys};
use crate::fake::{FakeLog, direct, posted, recorded, user};
use crate::port::keys::memory::MemoryKeys;
use crate::port::keys::{ContentKeys, Kept};
use crate::port::log::AppendRefused;
use crate::port::{EventLog, PortError, Randomness};
use crate::recorded::{Append, Check, Expected, Hash, Position, Recorded, StreamId};

/// Another one each time.
#[derive(Default)]
struct Chance(AtomicU64);

impl Randomness for Chance {
    fn fraction(&self) -> f64 {
        0.5
    }

    fn secret(&self) -> Result<[u8; 32], PortError> {
        let mut bytes = [0; 32];
        self.fill(&mut bytes);
        Ok(bytes)
    }

    fn fill(&self, bytes: &mut [u8]) {
        let drawn = Sha256::digest(self.0.fetch_add(1, Ordering::SeqCst).to_be_bytes());
        bytes.copy_from_slice(&drawn[..bytes.len()]);
    }
}

const ALICE: u128 = 1;
const BOB: u128 = 2;

fn place(version: u64) -> Place {
    let stream = recorded(1, &says(1, "hello")).stream;
    Place { stream, version, command: CommandId::new(Uuid::from_u128(7)), ordinal: 0 }
}

fn says(message: u128, text: &str) -> Event {
    posted(message, direct(ALICE, BOB), ALICE, Some(text))
}

#[test]
fn what_was_sealed_is_opened_by_its_key_at_its_place_alone() {
    let (key, alice, bob) = (ContentKey::new(&[1; 32]), OwnerId::from(user(ALICE)), OwnerId::from(user(BOB)));
    let sealed = key.seal(alice, place(1), [9; 12], b"{\"text\":\"hello\"}");
    assert_eq!(owner(&sealed), Ok(Some(alice)));
    assert!(!sealed.windows(5).any(|some| some == b"hello"));
    assert_eq!(key.open(alice, place(1), &sealed).as_deref(), Ok(&b"{\"text\":\"hello\"}"[..]));
    assert_eq!(ContentKey::new(&[2; 32]).open(alice, place(1), &sealed), Err(NotSealed), "another's key");
    assert_eq!(key.open(bob, place(1), &sealed), Err(NotSealed), "another's words");
    let elsewhere = [
        place(2),
        Place { ordinal: 1, ..place(1) },
        Place { command: CommandId::new(Uuid::from_u128(8)), ..place(1) },
        Place { stream: StreamId { id: Uuid::from_u128(9), ..place(1).stream }, ..place(1) },
        Place { stream: StreamId { category: posthaste_domain::Category::User, ..place(1).stream }, ..place(1) },
    ];
    for elsewhere in elsewhere {
        assert_eq!(key.open(alice, elsewhere, &sealed), Err(NotSealed), "{elsewhere:?}");
    }
}

#[test]
fn no_bit_of_what_was_sealed_can_be_changed_and_none_left_out() {
    let (key, alice) = (ContentKey::new(&[1; 32]), OwnerId::from(user(ALICE)));
    let sealed = key.seal(alice, place(1), [9; 12], b"\"hello\"");
    for bit in 17 * 8..sealed.len() * 8 {
        let mut altered = sealed.clone();
        altered[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(key.open(alice, place(1), &altered), Err(NotSealed), "bit {bit}");
    }
    for length in 0..sealed.len() {
        assert_eq!(key.open(alice, place(1), &sealed[..length]), Err(NotSealed), "the first {length} bytes");
    }
}

#[test]
fn what_is_json_is_not_sealed_and_what_is_cut_is_nothing() {
    for clear in [&b"{\"text\":\"hello\"}"[..], b"\"hello\"", b""] {
        assert_eq!(owner(clear), Ok(None));
    }
    let sealed = ContentKey::new(&[1; 32]).seal(user(ALICE).into(), place(1), [9; 12], b"");
    assert!(owner(&sealed).is_ok());
    assert_eq!(owner(&sealed[..sealed.len() - 1]), Err(NotSealed));
}

/// A log over keys, both of which others can look into.
struct World {
    stored: Arc<FakeLog>,
    keys: Arc<MemoryKeys>,
    keyring: Arc<Keyring>,
    log: SealedLog,
}

impl World {
    fn new() -> Self {
        Self::with(Arc::default(), Arc::default(), Sealing::On)
    }

    fn with(stored: Arc<FakeLog>, keys: Arc<MemoryKeys>, sealing: Sealing) -> Self {
        let masters = MasterKeys::new(MasterKey::new(&[7; 32]), Vec::new());
        let keyring = Keyring::new(Arc::<MemoryKeys>::clone(&keys), masters, Arc::new(Chance::default()), sealing, Access::Write);
        let keyring = Arc::new(keyring);
        let log = SealedLog::new(Arc::<FakeLog>::clone(&stored), Arc::clone(&keyring));
        Self { stored, keys, keyring, log }
    }

    /// Another node over the same stores.
    fn beside(&self) -> Self {
        Self::with(Arc::clone(&self.stored), Arc::clone(&self.keys), Sealing::On)
    }

    /// As the append queue does.
    fn record(&self, append: &Append) -> Result<crate::recorded::Appended, AppendRefused> {
        let prepared = block_on(self.log.prepare(append.clone())).unwrap();
        let recording = block_on(self.log.record(vec![prepared])).unwrap();
        for told in &recording.events {
            assert_eq!(told.event().unwrap(), block_on(self.log.read(Position(told.position.0 - 1), 1)).unwrap()[0].event().unwrap());
        }
        recording.answers.into_iter().next().unwrap()
    }

    fn stored(&self, position: u64) -> Recorded {
        block_on(EventLog::read(&*self.stored, Position(position - 1), 1)).unwrap().remove(0)
    }

    /// What the event at a position says to those who read the log.
    fn said(&self, position: u64) -> Option<String> {
        let read = block_on(self.log.read(Position(position - 1), 1)).unwrap();
        read[0].event().unwrap();
        read[0].content().map(|content| String::from_utf8(content.to_vec()).unwrap())
    }
}

/// What somebody asked that leads to one event.
fn append(command: u128, actor: UserId, event: &Event) -> Append {
    let stream = recorded(1, event).stream;
    Append {
        command: CommandId::new(Uuid::from_u128(command)),
        fingerprint: asked(command),
        actor: Some(actor),
        correlation: Uuid::nil(),
        causation: None,
        checks: vec![Check { stream, expected: Expected::NoStream }],
        events: vec![crate::codec::encode(stream, 1, event)],
        unsealed: None,
    }
}

/// The digest of what a command asks.
fn asked(command: u128) -> Hash {
    Sha256::digest(command.to_be_bytes()).into()
}

fn erased(who: u128) -> Append {
    let event = posthaste_domain::user::UserEvent::Erased { user: user(who) }.into();
    let mut erased = append(900 + who, user(99), &event);
    let stream = StreamId { category: posthaste_domain::Category::User, id: user(who).uuid() };
    (erased.checks[0].stream, erased.events[0].stream) = (stream, stream);
    erased
}

#[test]
fn the_log_holds_what_is_sealed_and_gives_what_was_said() {
    let world = World::new();
    world.record(&append(1, user(ALICE), &says(1, "a secret"))).unwrap();
    let stored = world.stored(1).content.unwrap();
    assert_eq!(owner(&stored), Ok(Some(user(ALICE).into())));
    assert!(!stored.windows(6).any(|some| some == b"secret"));
    assert!(world.said(1).unwrap().contains("a secret"));
    assert!(world.beside().said(1).unwrap().contains("a secret"), "whoever has the keys");
    assert_eq!(world.stored(1).content(), None, "whoever has none");
    assert!(world.stored(1).event().is_ok(), "but the facts are there");
}

#[test]
fn the_same_words_are_sealed_differently_each_time() {
    let world = World::new();
    for n in [1, 2] {
        world.record(&append(n, user(ALICE), &says(n, "hello"))).unwrap();
    }
    assert_ne!(world.stored(1).content.unwrap()[17..], world.stored(2).content.unwrap()[17..]);
}

#[test]
fn what_was_prepared_is_recorded_as_it_was_sealed_then() {
    let world = World::new();
    let (first, second) = (append(1, user(ALICE), &says(1, "first")), append(2, user(ALICE), &says(2, "second")));
    let prepared = block_on(world.log.prepare(first.clone())).unwrap();
    let (fingerprint, sealed) = (prepared.fingerprint, prepared.events[0].content.clone());
    assert!(fingerprint != first.fingerprint && sealed != first.events[0].content);

    // Beside one that was not.
    let recording = block_on(world.log.record(vec![prepared, second])).unwrap();
    let stored = world.stored(1);
    assert_eq!((stored.fingerprint, stored.content), (fingerprint, sealed));
    for (told, said) in recording.events.iter().zip(["first", "second"]) {
        assert!(String::from_utf8_lossy(told.content().unwrap()).contains(said));
    }
    assert!(world.said(1).unwrap().contains("first") && world.said(2).unwrap().contains("second"));
}

#[test]
fn whoever_follows_the_log_is_told_of_each_event_what_it_says() {
    let world = World::new();
    let first = append(1, user(ALICE), &says(1, "first"));
    world.record(&first).unwrap();
    let stale = Append { command: CommandId::new(Uuid::from_u128(5)), ..append(1, user(ALICE), &says(1, "stale")) };
    let silent = append(2, user(BOB), &posted(2, direct(ALICE, BOB), BOB, None));
    let mut twice = append(3, user(ALICE), &says(3, "third"));
    let also = append(3, user(ALICE), &says(4, "fourth"));
    twice.checks.extend(also.checks);
    twice.events.extend(also.events);
    let last = append(6, user(BOB), &posted(6, direct(ALICE, BOB), BOB, Some("sixth")));

    let recording = block_on(world.log.record(vec![first, stale, silent, twice, last])).unwrap();
    assert_eq!(recording.answers.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true, true, true]);
    let told: Vec<_> = recording.events.iter().map(|event| (event.position.0, event.event().unwrap().clone())).collect();
    let read = block_on(world.log.read(Position(1), 10)).unwrap();
    assert_eq!(told, read.iter().map(|event| (event.position.0, event.event().unwrap().clone())).collect::<Vec<_>>());
    let said: Vec<_> = read.iter().map(|event| event.content().is_some()).collect();
    assert_eq!(said, [false, true, true, true]);
}

#[test]
fn what_an_erased_user_said_is_gone_on_every_node_and_nothing_else_is() {
    let world = World::new();
    world.record(&append(1, user(ALICE), &says(1, "of Alice"))).unwrap();
    world.record(&append(2, user(BOB), &posted(2, direct(ALICE, BOB), BOB, Some("of Bob")))).unwrap();
    let other = world.beside();
    assert!(other.said(1).is_some(), "the key is held there");
    let hash = world.stored(1).hash;
    world.record(&erased(ALICE)).unwrap();
    block_on(world.keyring.destroy(user(ALICE))).unwrap();
    assert_eq!(world.said(1), None);
    other.said(3);
    assert_eq!(other.said(1), None, "with the event it lets go of the key");
    for world in [&world, &other] {
        assert!(world.said(2).unwrap().contains("of Bob"));
    }
    assert_eq!((world.stored(1).hash, world.stored(1).content.is_some()), (hash, true), "not a byte of the log has changed");
}

#[test]
fn whoever_records_an_erasure_completes_it_before_anybody_reads_it() {
    let world = World::new();
    world.record(&append(1, user(ALICE), &says(1, "of Alice"))).unwrap();
    block_on(world.log.record(vec![erased(ALICE)])).unwrap();
    assert!(matches!(block_on(world.keys.find(&[user(ALICE).into()])).unwrap()[..], [(_, Kept::Destroyed)]));
}

#[test]
fn whoever_comes_across_an_erasure_completes_it() {
    let world = World::new();
    world.record(&append(1, user(ALICE), &says(1, "of Alice"))).unwrap();
    // Whoever recorded it was killed then.
    block_on(EventLog::record(&*world.stored, vec![erased(ALICE)])).unwrap();
    let owner = OwnerId::from(user(ALICE));
    assert!(matches!(block_on(world.keys.find(&[owner])).unwrap()[..], [(_, Kept::Wrapped(_))]));
    world.said(2);
    assert_eq!(block_on(world.keys.find(&[owner])).unwrap(), [(owner, Kept::Destroyed)]);
    assert_eq!(world.said(1), None);
}

#[test]
fn a_log_without_its_keys_says_nothing_and_can_be_read() {
    let world = World::new();
    world.record(&append(1, user(ALICE), &says(1, "hello"))).unwrap();
    let restored = World::with(Arc::clone(&world.stored), Arc::default(), Sealing::On);
    assert_eq!(restored.said(1), None);
}

#[test]
fn what_was_recorded_in_the_clear_is_read_until_its_author_is_erased() {
    let world = World::new();
    block_on(EventLog::record(&*world.stored, vec![append(1, user(ALICE), &says(1, "from before"))])).unwrap();
    assert!(world.said(1).unwrap().contains("from before"));
    world.record(&append(2, user(ALICE), &says(2, "sealed"))).unwrap();
    assert!(world.said(1).is_some() && world.said(2).is_some());
    world.record(&erased(ALICE)).unwrap();
    assert_eq!((world.said(1), world.said(2)), (None, None));
}

#[test]
fn content_that_was_tampered_with_is_corrupt_and_no_other_is() {
    let world = World::new();
    for n in [1, 2] {
        world.record(&append(n, user(ALICE), &says(n, "hello"))).unwrap();
    }
    world.stored.alter(1, |event, _| *event.content.as_mut().unwrap().last_mut().unwrap() ^= 1);
    let read = block_on(world.log.read(Position::START, 2)).unwrap();
    let error = read[0].event().unwrap_err();
    assert!(!error.is_newer(), "{error}");
    assert!(read[1].event().is_ok());
}

#[test]
fn a_retry_is_known_by_its_fingerprint_which_nobody_can_guess() {
    let world = World::new();
    let first = append(1, user(ALICE), &says(1, "yes"));
    let appended = world.record(&first).unwrap();
    assert_ne!(world.stored(1).fingerprint, first.fingerprint);
    let again = crate::recorded::Appended { repeated: true, ..appended };
    let (command, alice) = (first.command, Some(user(ALICE)));
    for node in [&world, &world.beside()] {
        assert_eq!(node.record(&first), Ok(again), "sealed with another nonce");
        assert_eq!(block_on(node.log.answer(command, alice, &first.fingerprint)).unwrap(), Some(Ok(again)));
        let mismatch = Err(AppendRefused::CommandMismatch { command });
        assert_eq!(block_on(node.log.answer(command, alice, &asked(2))).unwrap(), Some(mismatch.clone()));
        assert_eq!(node.record(&Append { fingerprint: asked(2), ..first.clone() }), mismatch);
    }
    world.record(&erased(ALICE)).unwrap();
    let gone = block_on(world.log.answer(command, alice, &first.fingerprint)).unwrap();
    assert!(matches!(gone, Some(Err(_))), "it has died with the key: {gone:?}");
}

#[test]
fn a_command_from_before_fingerprints_were_keyed_keeps_its_answer() {
    let world = World::new();
    let first = append(1, user(ALICE), &says(1, "yes"));
    block_on(EventLog::record(&*world.stored, vec![first.clone()])).unwrap();
    assert!(world.record(&first).unwrap().repeated);
    assert!(block_on(world.log.answer(first.command, Some(user(ALICE)), &first.fingerprint)).unwrap().unwrap().is_ok());
}

#[test]
fn nothing_is_sealed_while_that_is_off_and_what_is_sealed_is_read() {
    let world = World::new();
    let first = append(1, user(ALICE), &says(1, "sealed"));
    world.record(&first).unwrap();
    let off = World::with(Arc::clone(&world.stored), Arc::clone(&world.keys), Sealing::Off);
    off.record(&append(2, user(BOB), &says(2, "clear"))).unwrap();
    assert!(off.said(1).unwrap().contains("sealed"));
    assert!(String::from_utf8(off.stored(2).content.unwrap()).unwrap().contains("clear"));
    assert!(off.record(&first).unwrap().repeated, "whoever recorded it");
}

#[test]
fn a_key_is_wrapped_anew_under_another_master_key_and_opens_the_same() {
    let world = World::new();
    world.record(&append(1, user(ALICE), &says(1, "hello"))).unwrap();
    let keyring = |masters| {
        let keys = Arc::<MemoryKeys>::clone(&world.keys);
        Arc::new(Keyring::new(keys, masters, Arc::new(Chance::default()), Sealing::On, Access::Write))
    };
    let [old, new] = [[7; 32], [8; 32]];
    let both = keyring(MasterKeys::new(MasterKey::new(&new), vec![MasterKey::new(&old)]));
    assert_eq!((block_on(rotate(&both)).unwrap(), block_on(rotate(&both)).unwrap()), (1, 0));
    let wrapped = block_on(wraps(&both)).unwrap();
    assert_eq!((wrapped.by.len(), wrapped.by.get(&MasterKey::new(&new).name()), wrapped.destroyed), (1, Some(&1), 0));
    let alone = keyring(MasterKeys::new(MasterKey::new(&new), Vec::new()));
    let log = SealedLog::new(Arc::<FakeLog>::clone(&world.stored), Arc::clone(&alone));
    assert!(block_on(log.read(Position::START, 1)).unwrap()[0].content().is_some());
    assert!(block_on(alone.check()).is_ok());
    let former = keyring(MasterKeys::new(MasterKey::new(&old), Vec::new()));
    assert!(block_on(former.check()).unwrap_err().in_full().contains("content.accepted_keys"));
    block_on(alone.destroy(user(ALICE))).unwrap();
    assert_eq!(block_on(wraps(&alone)).unwrap().destroyed, 1);
}

#[test]
fn keys_go_where_their_log_goes_and_nothing_that_was_destroyed_comes_back() {
    let [master, other] = [[7; 32], [8; 32]];
    let keyring = |accepted: &[[u8; 32]]| {
        let masters = MasterKeys::new(MasterKey::new(&master), accepted.iter().map(MasterKey::new).collect());
        Keyring::new(Arc::new(MemoryKeys::default()), masters, Arc::new(Chance::default()), Sealing::On, Access::Write)
    };
    let owners: Vec<_> = (1..=4).map(|n| OwnerId::from(user(n))).collect();
    let theirs = MasterKeys::new(MasterKey::new(&other), Vec::new());
    let (here, there) = (keyring(&[other]), keyring(&[other]));
    let wrapped: Vec<_> = owners.iter().map(|owner| (*owner, theirs.make(*owner, &Chance::default()))).collect();
    block_on(there.keys().keep(&wrapped)).unwrap();
    block_on(there.keys().destroy(owners[1])).unwrap();
    // What is destroyed here, and what is kept here, under a master key of its own.
    block_on(here.keys().destroy(owners[2])).unwrap();
    let same = here.masters().rewrap(owners[3], &wrapped[3].1, &Chance::default()).unwrap().unwrap();
    block_on(here.keys().keep(&[(owners[3], same)])).unwrap();

    let (lines, last) = block_on(transfer::export(&there, None)).unwrap();
    assert_eq!((lines.len(), last), (4, None));
    let take = |keyring: &Keyring, lines: &[String]| {
        let mut import = Import::new(keyring);
        block_on(import.take(lines)).map(|()| import.transferred())
    };
    assert_eq!(take(&here, &lines).unwrap(), Transferred { kept: 1, destroyed: 1, known: 2 });
    assert_eq!(take(&here, &lines).unwrap(), Transferred { kept: 0, destroyed: 0, known: 4 });
    let kept = block_on(here.keys().list(None, 10)).unwrap();
    assert!(matches!(&kept[..], [(_, Kept::Wrapped(_)), (_, Kept::Destroyed), (_, Kept::Destroyed), (_, Kept::Wrapped(_))]), "{kept:?}");

    // Another key of the same owner, an unknown master key, lines that are none or are there twice.
    let another = keyring(&[other]);
    let chance = Chance::default();
    chance.fill(&mut [0; 12]);
    block_on(another.keys().keep(&[(owners[0], another.masters().make(owners[0], &chance))])).unwrap();
    assert!(matches!(take(&another, &lines), Err(NotTransferred::Another { line: 1 })));
    assert!(matches!(take(&keyring(&[]), &lines), Err(NotTransferred::Key { line: 1, .. })));
    let cut = lines[3][..lines[3].len() - 1].to_owned();
    for bad in [cut, lines[0].clone(), String::new()] {
        assert!(matches!(take(&keyring(&[other]), &[lines[0].clone(), bad]), Err(NotTransferred::Line { line: 2 })));
    }
}

#[test]
fn a_wrapped_key_is_of_one_owner() {
    let (alice, bob, chance) = (OwnerId::from(user(ALICE)), OwnerId::from(user(BOB)), Chance::default());
    let masters = MasterKeys::new(MasterKey::new(&[7; 32]), Vec::new());
    let wrapped = masters.make(alice, &chance);
    assert!(masters.unwrap(alice, &wrapped).is_ok());
    assert!(masters.unwrap(bob, &wrapped).is_err());
    for n in 1..wrapped.len() {
        let mut altered = wrapped.clone();
        altered[n] ^= 1;
        assert!(masters.unwrap(alice, &altered).is_err(), "byte {n}");
        assert!(masters.unwrap(alice, &wrapped[..n]).is_err(), "the first {n} bytes");
    }
}

#[test]
fn a_master_key_is_32_bytes_in_base64_and_is_not_shown() {
    let text = MasterKey::generate(&Chance::default());
    let key = MasterKey::parse(&format!("{text}\n")).unwrap();
    assert!(!format!("{key:?}").contains(&text[..8]));
    for none in ["", "hunter2", "aGVsbG8=", &text[1..]] {
        assert!(MasterKey::parse(none).is_err(), "{none:?}");
    }
}
