//! What a device is told when it connects, and which of its connections is the newest.

use posthaste_domain::{Addressee, MembershipChange, ThreadId};

use super::*;
use crate::port::cursors::KnownDevice;
use crate::port::log::{MembershipWindow, Memberships};

async fn newest(cursors: &dyn Cursors, devices: &[Device]) -> Vec<(Device, Generation)> {
    let mut newest = cursors.generations(devices).await.expect("the store can be asked");
    newest.sort_unstable();
    newest
}

pub async fn every_connection_of_a_device_has_a_higher_generation(cursors: Arc<dyn Cursors>) {
    let (phone, desk) = (device(1, 1), device(1, 2));
    let first = welcome(&*cursors, phone, 0).await.generation;
    let other = welcome(&*cursors, desk, 0).await.generation;
    advance(&*cursors, &[to(phone, 7, 1)]).await;
    let second = welcome(&*cursors, phone, 0).await.generation;
    let third = welcome(&*cursors, phone, 9).await.generation;
    assert!(first == Generation::FIRST && first < second && second < third, "{first:?} {second:?} {third:?}");
    assert_eq!(newest(&*cursors, &[phone, desk]).await, [(phone, third), (desk, other)]);
}

pub async fn of_connections_at_once_each_has_a_generation_of_its_own(cursors: Arc<dyn Cursors>) {
    let welcomes = join_all((0..20).map(|_| welcome(&*cursors, device(1, 1), 0))).await;
    let mut generations: Vec<_> = welcomes.into_iter().map(|welcome| welcome.generation).collect();
    generations.sort_unstable();
    generations.dedup();
    assert_eq!(generations.len(), 20, "{generations:?}");
    assert_eq!(newest(&*cursors, &[device(1, 1)]).await, [(device(1, 1), generations[19])]);
}

pub async fn whoever_moves_a_cursor_is_told_the_newest_connection(cursors: Arc<dyn Cursors>) {
    let (phone, desk, unknown) = (device(1, 1), device(1, 2), device(1, 3));
    welcome(&*cursors, phone, 0).await;
    let moved = async |moves: &[CursorMove]| {
        let mut told = cursors.advance(moves).await.expect("the store takes the moves");
        told.sort_unstable();
        told.dedup();
        told
    };
    let first = welcome(&*cursors, phone, 0).await.generation;
    assert_eq!(moved(&[to(phone, 3, 1)]).await, [(phone, first)]);
    let second = welcome(&*cursors, phone, 0).await.generation;
    let other = welcome(&*cursors, desk, 0).await.generation;
    // Also by a move that leads nowhere new.
    let told = moved(&[to(phone, 2, 2), to(unknown, 4, 2), to(desk, 5, 2), to(desk, 6, 2)]).await;
    assert_eq!(told, [(phone, second), (desk, other)]);
    assert_eq!(moved(&[]).await, []);
}

pub async fn the_newest_connections_are_those_of_the_devices_asked_for(cursors: Arc<dyn Cursors>) {
    let mut known = Vec::new();
    for n in 1..=3 {
        known.push((device(n, 1), welcome(&*cursors, device(n, 1), 0).await.generation));
    }
    assert_eq!(newest(&*cursors, &[]).await, []);
    assert_eq!(newest(&*cursors, &[device(2, 1), device(9, 1), device(1, 2)]).await, known[1..2]);
    assert_eq!(newest(&*cursors, &[device(3, 1), device(1, 1)]).await, [known[0], known[2]]);
}

pub async fn a_device_that_claims_to_be_beyond_the_log_is_not_connected(cursors: Arc<dyn Cursors>, log: Arc<dyn EventLog>) {
    let ask = |cursor| Connect { device: device(1, 1), session: session(1), cursor: Some(Position(cursor)), at: at(0) };
    assert_eq!(connect(&*cursors, ask(1)).await, Connected::BeyondHead { head: Position::START });
    fill(&*log).await;
    assert_eq!(connect(&*cursors, ask(EVENTS + 1)).await, Connected::BeyondHead { head: Position(EVENTS) });
    assert_eq!(newest(&*cursors, &[device(1, 1)]).await, [], "it was not registered");
    let first = welcome(&*cursors, device(1, 1), EVENTS).await;
    assert_eq!(first.cursor, Position(EVENTS));
    assert_eq!(connect(&*cursors, ask(EVENTS + 1)).await, Connected::BeyondHead { head: Position(EVENTS) });
    assert_eq!(newest(&*cursors, &[device(1, 1)]).await, [(device(1, 1), first.generation)], "the older connection is still the newest");
}

pub async fn a_connection_comes_with_the_end_of_the_log_and_the_threads_of_its_user(cursors: Arc<dyn Cursors>, log: Arc<dyn EventLog>) {
    let nothing = Memberships { as_of: Position::START, windows: Vec::new() };
    assert_eq!(welcome(&*cursors, device(1, 1), 0).await.memberships, nothing);
    let threads = [1, 2].map(|n| ThreadId::new(Uuid::from_u64_pair(3, n)));
    let stream = StreamId { category: Category::Thread, id: Uuid::from_u64_pair(4, 2) };
    let changes = [
        (threads[0], Some(MembershipChange::Joined)),
        (threads[0], None),
        (threads[0], Some(MembershipChange::Left)),
        (threads[1], Some(MembershipChange::Joined)),
        (threads[0], Some(MembershipChange::Joined)),
    ];
    let event = |(version, (thread, change))| NewEvent {
        stream,
        version,
        event_type: "thread.opened".to_owned(),
        schema: 1,
        facts: "{}".to_owned(),
        content: None,
        owner: None,
        thread: Some(thread),
        addressees: vec![Addressee { user: device(1, 1).user, change }],
    };
    record(&*log, stream, (1..).zip(changes).map(event).collect()).await;
    let memberships = welcome(&*cursors, device(1, 1), 0).await.memberships;
    assert_eq!(memberships, log.memberships(device(1, 1).user).await.expect("the log can be read"));
    let window = |thread, from, until: Option<u64>| MembershipWindow { thread, from: Position(from), until: until.map(Position) };
    let windows = vec![window(threads[0], 1, Some(3)), window(threads[1], 4, None), window(threads[0], 5, None)];
    assert_eq!(memberships, Memberships { as_of: Position(5), windows });
    let nothing = Memberships { as_of: Position(5), windows: Vec::new() };
    assert_eq!(welcome(&*cursors, device(2, 1), 0).await.memberships, nothing);
}

pub async fn a_session_that_was_revoked_is_not_connected_and_others_are(cursors: Arc<dyn Cursors>, log: Arc<dyn EventLog>) {
    let (phone, desk) = (device(1, 1), device(1, 2));
    let ask = |device, n| Connect { device, session: session(n), cursor: None, at: at(0) };
    let first = welcome(&*cursors, phone, 0).await;
    let user = phone.user;
    let stream = StreamId { category: Category::User, id: user.uuid() };
    let event = |(version, event_type, session): (u64, &str, SessionId)| NewEvent {
        stream,
        version,
        event_type: event_type.to_owned(),
        schema: 1,
        facts: format!("{{\"user\":\"{user}\",\"session\":\"{session}\"}}"),
        content: None,
        owner: None,
        thread: None,
        addressees: Vec::new(),
    };
    let events = [(1, "user.session_revoked", session(2)), (2, "user.session_revoked", session(3)), (3, "user.something_else", session(4))];
    record(&*log, stream, events.into_iter().map(event).collect()).await;
    for revoked in [2, 3] {
        assert_eq!(connect(&*cursors, ask(phone, revoked)).await, Connected::Revoked);
        assert_eq!(connect(&*cursors, ask(desk, revoked)).await, Connected::Revoked, "a device that nobody has seen");
    }
    assert_eq!(newest(&*cursors, &[phone, desk]).await, [(phone, first.generation)], "nothing has changed");
    for (device, session) in [(phone, 1), (phone, 4), (device(2, 1), 2)] {
        let connected = connect(&*cursors, ask(device, session)).await;
        assert!(matches!(connected, Connected::Welcome(_)), "{session} of {device:?}: {connected:?}");
    }
}

pub async fn whoever_is_suspended_or_erased_is_not_connected(cursors: Arc<dyn Cursors>, log: Arc<dyn EventLog>) {
    let (phone, desk) = (device(1, 1), device(1, 2));
    let ask = |device| Connect { device, session: session(1), cursor: None, at: at(0) };
    let first = welcome(&*cursors, phone, 0).await;
    for (n, (user, types)) in [
        (phone.user, vec!["user.registered", "user.suspended", "user.reinstated", "user.suspended", "user.something_else"]),
        (device(2, 1).user, vec!["user.suspended", "user.reinstated"]),
        (device(3, 1).user, vec!["user.registered", "user.erased", "user.something_else"]),
    ]
    .into_iter()
    .enumerate()
    {
        let stream = StreamId { category: Category::User, id: user.uuid() };
        let event = |(version, event_type): (u64, &str)| NewEvent {
            stream,
            version,
            event_type: event_type.to_owned(),
            schema: 1,
            facts: format!("{{\"user\":\"{user}\",\"n\":{n}}}"),
            content: None,
            owner: None,
            thread: None,
            addressees: Vec::new(),
        };
        record(&*log, stream, (1..).zip(types).map(event).collect()).await;
    }
    for device in [phone, desk, device(3, 1)] {
        assert_eq!(connect(&*cursors, ask(device)).await, Connected::Suspended);
    }
    assert_eq!(newest(&*cursors, &[phone, desk]).await, [(phone, first.generation)], "nothing has changed");
    let reinstated = connect(&*cursors, ask(device(2, 1))).await;
    assert!(matches!(reinstated, Connected::Welcome(_)), "{reinstated:?}");
}

pub async fn every_device_is_listed_with_its_newest_connection_in_pages(cursors: Arc<dyn Cursors>) {
    assert_eq!(cursors.count().await.expect("counted"), 0);
    for (user, number, session_of, second) in [(2, 1, 7, 1), (1, 2, 8, 2), (1, 1, 9, 3), (1, 1, 6, 4)] {
        let connect = Connect { device: device(user, number), session: session(session_of), cursor: Some(Position(5)), at: at(second) };
        cursors.connect(connect).await.expect("connected");
    }
    advance(&*cursors, &[to(device(1, 2), 9, 1)]).await;
    let known = |of, cursor, generation, session_of, second| KnownDevice {
        device: of,
        cursor: Position(cursor),
        generation: Generation(generation),
        session: Some(session(session_of)),
        connected_at: Some(at(second)),
    };
    let all = [known(device(1, 1), 5, 2, 6, 4), known(device(1, 2), 9, 1, 8, 2), known(device(2, 1), 5, 1, 7, 1)];
    let listed = async |user, after, limit| cursors.devices(user, after, limit).await.expect("listed");
    assert_eq!(listed(None, None, 9).await, all);
    assert_eq!(listed(None, None, 2).await, all[..2]);
    assert_eq!(listed(None, Some(device(1, 1)), 9).await, all[1..]);
    assert_eq!(listed(Some(device(1, 1).user), None, 9).await, all[..2]);
    assert_eq!(listed(Some(device(1, 1).user), Some(device(1, 1)), 9).await, all[1..2]);
    assert_eq!(listed(Some(device(3, 1).user), None, 9).await, []);
    assert_eq!(cursors.count().await.expect("counted"), 3);
}
