//! Pairs of things that must not meet.

use posthaste_domain::text::Emoji;

use super::*;

pub(crate) async fn nobody_posts_who_was_removed(profile: Profile) -> anyhow::Result<()> {
    let cast = Cast::assemble(profile, 0, 0).await?;
    cast.ask(0, cast.carol, post(cast.group, None)).await?;
    let asked = cast.wishes(&["remove", "add", "post", "reply"], &["post"], |cast, random| match random.random_range(0..10) {
        0 => ("remove", cast.bob, Command::RemoveMember { thread: cast.group, user: cast.carol }),
        1 | 2 => ("add", cast.alice, Command::AddMembers { thread: cast.group, users: vec![cast.carol] }),
        3 => ("reply", cast.carol, post(cast.group, Some(cast.message(random)))),
        4 => ("delete", cast.carol, Command::DeleteMessage { message: cast.message(random) }),
        _ => ("post", cast.carol, post(cast.group, None)),
    });
    asked.await
}

pub(crate) async fn nobody_posts_to_who_blocked_them(profile: Profile) -> anyhow::Result<()> {
    let cast = Cast::assemble(profile, 0, 0).await?;
    let (alice, carol) = (cast.alice, cast.carol);
    let asked = cast.wishes(&["block", "unblock", "accept", "post"], &["post"], |cast, random| match random.random_range(0..16) {
        0 => ("block", alice, Command::BlockUser { user: carol }),
        1..=4 => ("unblock", alice, Command::UnblockUser { user: carol }),
        5..=7 => ("request", alice, Command::RequestFriendship { user: carol }),
        8..=10 => ("accept", carol, Command::AcceptFriendship { user: alice }),
        11 => ("post", alice, post(cast.direct, None)),
        _ => ("post", carol, post(cast.direct, None)),
    });
    asked.await
}

pub(crate) async fn nobody_who_is_banned_gets_in(profile: Profile) -> anyhow::Result<()> {
    let cast = Cast::assemble(profile, 0, 0).await?;
    let (thread, dave) = (cast.group, cast.dave);
    let asked = cast.wishes(&["ban", "unban", "join", "invite"], &["add", "join"], |cast, random| match random.random_range(0..9) {
        0 | 1 => ("ban", cast.bob, Command::BanUser { thread, user: dave }),
        2 => ("unban", cast.alice, Command::UnbanUser { thread, user: dave }),
        3 => ("add", cast.bob, Command::AddMembers { thread, users: vec![dave] }),
        4 => ("invite", cast.carol, Command::InviteUser { thread, user: dave, expires_in_seconds: None }),
        5 => ("accept", dave, Command::JoinThread { thread, invite: None, passcode: None }),
        6 => ("join", dave, Command::JoinThread { thread, invite: Some(cast.link), passcode: None }),
        7 => ("leave", dave, Command::LeaveThread { thread }),
        _ => ("post", dave, post(thread, None)),
    });
    asked.await
}

pub(crate) async fn a_full_thread_takes_nobody(profile: Profile) -> anyhow::Result<()> {
    // Alice, Bob, Carol, Dave, and so many that there are two places left.
    let cast = Cast::assemble(profile, 12, 250).await?;
    let thread = cast.group;
    let asked = cast.wishes(&["join", "leave"], &["join"], |cast, random| {
        let somebody = *cast.others.choose(random).expect("there are others");
        match random.random_range(0..6) {
            0 => ("leave", somebody, Command::LeaveThread { thread }),
            1 => ("add", cast.bob, Command::AddMembers { thread, users: cast.others.sample(random, 2).copied().collect() }),
            _ => ("join", somebody, Command::JoinThread { thread, invite: Some(cast.link), passcode: None }),
        }
    });
    asked.await
}

pub(crate) async fn what_is_deleted_is_not_pinned_nor_more_than_fifty(profile: Profile) -> anyhow::Result<()> {
    let cast = Cast::assemble(profile, 0, 0).await?;
    let thread = cast.group;
    for _ in 0..49 {
        cast.ask(0, cast.carol, post(thread, None)).await?;
        let message = *cast.messages.lock().unwrap().last().unwrap();
        cast.ask(0, cast.alice, Command::PinMessage { thread, message }).await?;
    }
    cast.ask(0, cast.carol, post(thread, None)).await?;
    let asked = cast.wishes(&["delete", "delete together", "pin"], &["pin"], |cast, random| {
        let message = cast.message(random);
        match random.random_range(0..12) {
            0 => ("delete", cast.carol, Command::DeleteMessage { message }),
            1 => ("delete together", cast.bob, Command::DeleteMessages { thread, messages: vec![message, cast.message(random)] }),
            2 => ("unpin", cast.bob, Command::UnpinMessage { thread, message }),
            3..=5 => ("post", cast.carol, post(thread, None)),
            _ => ("pin", if random.random() { cast.alice } else { cast.bob }, Command::PinMessage { thread, message }),
        }
    });
    asked.await
}

pub(crate) async fn nobody_reacts_to_what_is_deleted(profile: Profile) -> anyhow::Result<()> {
    let cast = Cast::assemble(profile, 0, 0).await?;
    let thread = cast.group;
    cast.ask(0, cast.carol, post(thread, None)).await?;
    let asked = cast.wishes(&["delete", "delete together", "react", "unreact"], &["react"], |cast, random| {
        let message = cast.message(random);
        let emoji = Emoji::parse(["👍", "🎈"].choose(random).expect("there are two")).unwrap();
        match random.random_range(0..20) {
            0 => ("delete", cast.carol, Command::DeleteMessage { message }),
            1 => ("delete together", cast.bob, Command::DeleteMessages { thread, messages: vec![message, cast.message(random)] }),
            2..=7 => ("unreact", cast.dave, Command::Unreact { message, emoji }),
            8..=10 => ("post", cast.carol, post(thread, None)),
            _ => ("react", cast.dave, Command::React { message, emoji }),
        }
    });
    asked.await
}
