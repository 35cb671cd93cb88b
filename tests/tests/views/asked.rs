//! Every question there is, put to the folds and to the tables.

use posthaste_application::recorded::Position;
use posthaste_application::view::{
    AccountFilter, Direction, FriendState, MemberPage, Page, Search, ThreadFilter, TimelineEntry, TimelinePage, Views,
};
use posthaste_domain::user::ServiceRole;
use posthaste_domain::{ThreadId, UserId};
use posthaste_infrastructure::embedded::MemoryViews;
use posthaste_infrastructure::postgres::PgViews;
use posthaste_tests::histories::{History, USERS, at, user};

const TEXTS: [&str; 9] = ["", "al", "alpha", "beta", "user_", "_", "%", "\\", "a\0"];
const SEARCHES: [&str; 6] = ["a", "alpha", "beta alph", "gamma s", "ÄLTER 日", "nowhere"];

/// Asks both the same, and gives what they agree on.
macro_rules! same {
    ($asked:expr, |$views:ident| $question:expr) => {{
        let $views = $asked.folds;
        let meant = $question.await.unwrap();
        let $views = $asked.tables;
        let found = $question.await.unwrap();
        assert_eq!(meant, found, "folds first: {}", stringify!($question));
        meant
    }};
}

/// Walks through a list page by page in both, and also begins where nothing ends.
macro_rules! same_pages {
    ($asked:expr, |$views:ident, $page:ident| $question:expr, |$entry:ident| $key:expr) => {{
        let $page = Page { before: None, limit: usize::MAX };
        let whole = same!($asked, |$views| $question);
        let mut before = None;
        for limit in $asked.pages.iter().cycle().copied().take(whole.len() + 1) {
            let $page = Page { before, limit };
            before = same!($asked, |$views| $question).last().map(|$entry| $key).or(before);
        }
        for before in [Position(0), Position($asked.head.0 / 2), Position(u64::MAX)] {
            let $page = Page { before: Some(before), limit: 3 };
            same!($asked, |$views| $question);
        }
    }};
}

/// Those who are asked, about what.
pub(crate) struct Asked<'a> {
    pub(crate) folds: &'a MemoryViews,
    pub(crate) tables: &'a PgViews,
    pub(crate) history: &'a History,
    pub(crate) head: Position,
    pub(crate) pages: &'a [usize],
}

pub(crate) async fn ask_everything(asked: &Asked<'_>) {
    for matching in TEXTS.map(Some).into_iter().chain([None]) {
        same_pages!(asked, |views, page| views.discover(matching, page), |entry| entry.created);
    }
    for thread in asked.history.threads.iter().copied() {
        ask_of_thread(asked, thread).await;
    }
    let everybody: Vec<_> = asked.history.threads.iter().flat_map(|thread| (0..=USERS).map(|who| (*thread, user(who)))).collect();
    for most in [0, 2, 3, u32::MAX] {
        same!(asked, |views| views.earshot(&everybody, most));
    }
    for (message, _) in asked.history.messages.iter().copied() {
        same_pages!(asked, |views, page| views.reactions(message, page), |entry| entry.position);
    }
    // One more than there are, who is never registered.
    let everybody: Vec<_> = (0..=USERS).map(user).collect();
    let pairs: Vec<_> = everybody.iter().flat_map(|looker| everybody.iter().map(|other| (*looker, *other))).collect();
    same!(asked, |views| views.privacy(&everybody));
    same!(asked, |views| views.census());
    for due in [0, 20, 45].map(at) {
        let first = same!(asked, |views| views.deletions(None, due, 1)).pop();
        same!(asked, |views| views.deletions(first, due, usize::MAX));
    }
    for (suspended, role) in [(None, None), (Some(true), None), (Some(false), Some(ServiceRole::Admin)), (None, Some(ServiceRole::Auditor))]
    {
        for matching in [None, Some("al"), Some("a\0")] {
            let filter = &AccountFilter { matching: matching.map(str::to_owned), suspended, role };
            same_pages!(asked, |views, page| views.accounts(filter, page), |entry| entry.person.registered);
        }
    }
    same!(asked, |views| views.glimpses(&pairs));
    for who in everybody {
        ask_of_user(asked, who).await;
        for thread in asked.history.threads.iter().copied() {
            ask_of_both(asked, who, thread).await;
        }
        for (message, _) in asked.history.messages.iter().copied() {
            same!(asked, |views| views.message(who, message));
        }
    }
}

async fn ask_of_thread(asked: &Asked<'_>, thread: ThreadId) {
    let page = MemberPage { after: None, limit: usize::MAX };
    let whole = same!(asked, |views| views.members(thread, page));
    let mut after = None;
    for limit in asked.pages.iter().cycle().copied().take(whole.len() + 1) {
        let page = MemberPage { after, limit };
        after = same!(asked, |views| views.members(thread, page)).last().map(|member| (member.joined, member.person.user)).or(after);
    }
    same_pages!(asked, |views, page| views.bans(thread, page), |entry| entry.since);
    for now in [0, 20, 45].map(at) {
        same_pages!(asked, |views, page| views.invites(thread, now, page), |entry| entry.created);
    }
}

async fn ask_of_user(asked: &Asked<'_>, who: UserId) {
    for archived in [None, Some(true), Some(false)] {
        let filter = &ThreadFilter { archived, matching: None };
        same_pages!(asked, |views, page| views.threads(who, filter, page), |entry| entry.activity);
    }
    for matching in TEXTS {
        let filter = &ThreadFilter { archived: None, matching: Some(matching.to_owned()) };
        same_pages!(asked, |views, page| views.threads(who, filter, page), |entry| entry.activity);
        same_pages!(asked, |views, page| views.directory(who, matching, page), |entry| entry.registered);
    }
    for state in FriendState::ALL {
        same_pages!(asked, |views, page| views.friends(who, state, page), |entry| entry.since);
    }
    for now in [0, 20, 45].map(at) {
        same_pages!(asked, |views, page| views.invitations(who, now, page), |entry| entry.created);
    }
    for text in SEARCHES {
        let search = &Search::parse(text).unwrap();
        same_pages!(asked, |views, page| views.search(who, None, search, page), |entry| entry.position);
    }
}

async fn ask_of_both(asked: &Asked<'_>, who: UserId, thread: ThreadId) {
    same!(asked, |views| views.thread(who, thread));
    same_pages!(asked, |views, page| views.pins(who, thread, page), |entry| entry.0);
    let whole = walk(asked, who, thread).await;
    for micros in [0, 10, 30, 49, 60] {
        same!(asked, |views| views.position_at(who, thread, at(micros)));
    }
    if whole.is_empty() {
        return;
    }
    for text in SEARCHES {
        let search = &Search::parse(text).unwrap();
        let limit = asked.pages[0];
        let page = Page { before: None, limit };
        let first = same!(asked, |views| views.search(who, Some(thread), search, page));
        let page = Page { before: first.last().map(|entry| entry.position), limit };
        same!(asked, |views| views.search(who, Some(thread), search, page));
    }
}

/// Through a timeline, down and up again.
async fn walk(asked: &Asked<'_>, who: UserId, thread: ThreadId) -> Vec<TimelineEntry> {
    let page = TimelinePage { direction: Direction::Before(None), limit: usize::MAX };
    let whole = same!(asked, |views| views.timeline(who, thread, page));
    let (mut down, mut up) = (None, Position::START);
    for limit in asked.pages.iter().cycle().copied().take(whole.len() + 1) {
        let page = TimelinePage { direction: Direction::Before(down), limit };
        down = same!(asked, |views| views.timeline(who, thread, page)).last().map(|entry| entry.position).or(down);
        let page = TimelinePage { direction: Direction::Since(up), limit };
        up = same!(asked, |views| views.timeline(who, thread, page)).first().map_or(up, |entry| entry.position);
    }
    for beyond in [Position(asked.head.0 + 1), Position(u64::MAX)] {
        for direction in [Direction::Before(Some(beyond)), Direction::Since(beyond)] {
            let page = TimelinePage { direction, limit: 3 };
            same!(asked, |views| views.timeline(who, thread, page));
        }
    }
    whole
}
