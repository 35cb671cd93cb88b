//! What every store of sessions does, as tests that any adapter runs; see [`crate::sessions_contract`].
#![allow(missing_docs, reason = "the names of the tests are sentences")]

use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures::future::join_all;
use posthaste_domain::text::SessionName;
use posthaste_domain::{FactorId, SessionId, UserId};
use uuid::Uuid;

use super::{Digest, FORGOTTEN, Proof, Session, Sessions, TokenFamily};

/// One `#[tokio::test]` for each behaviour of the contract. Takes the path of an async function from the name of the test to an empty
/// store of its own (`Arc<dyn Sessions>`) and whatever must live as long as the store.
#[macro_export]
macro_rules! sessions_contract {
    ($fresh:path) => {
        $crate::sessions_contract! { $fresh =>
            a_session_comes_back_as_it_was
            nobody_has_a_session_at_first
            a_session_is_found_by_whose_it_is_and_by_no_one_else
            the_sessions_of_a_user_come_with_the_one_used_last_first
            a_session_is_replaced_by_its_next_revision_and_by_no_other
            of_many_changes_at_once_one_is_made
            what_was_removed_is_not_brought_back_by_a_change
            what_is_removed_is_gone_and_the_rest_stays
            those_that_have_run_out_are_forgotten_as_others_begin
        }
    };
    ($fresh:path => $($behaviour:ident)+) => {
        $(
            #[tokio::test]
            async fn $behaviour() {
                let (sessions, _alive) = $fresh(stringify!($behaviour)).await;
                $crate::port::sessions::contract::$behaviour(sessions).await;
            }
        )+
    };
}

fn user(n: u64) -> UserId {
    UserId::new(Uuid::from_u64_pair(2, n))
}

fn id(n: u64) -> SessionId {
    SessionId::new(Uuid::from_u64_pair(3, n))
}

fn at(second: u64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000 + i64::try_from(second).expect("a few seconds"), 123_456_000).expect("a time")
}

fn digest(kind: u8, n: u64) -> Digest {
    let mut digest = [kind; 32];
    digest[..8].copy_from_slice(&n.to_be_bytes());
    digest
}

fn session(n: u64, whose: u64, used: u64) -> Session {
    Session {
        id: id(n),
        user: user(whose),
        name: Some(SessionName::parse("A laptop").expect("a name")),
        agent: Some("Browser/1.0 (é)".to_owned()),
        created_at: at(0),
        used_at: at(used),
        expires_at: at(1_000),
        proof: Some(Proof { at: at(used), factor: Some(FactorId::new(Uuid::from_u64_pair(4, n))) }),
        revision: 1,
        tokens: TokenFamily::new(digest(1, n), digest(2, n)),
    }
}

async fn create(sessions: &dyn Sessions, session: &Session) {
    sessions.create(session).await.expect("the store takes the session");
}

async fn of_user(sessions: &dyn Sessions, whose: u64) -> Vec<Session> {
    sessions.of_user(user(whose)).await.expect("the store can be read")
}

pub async fn a_session_comes_back_as_it_was(sessions: Arc<dyn Sessions>) {
    let full = session(1, 1, 7);
    let mut bare = Session { name: None, agent: None, proof: None, ..session(2, 2, 0) };
    bare.tokens.used = Some(digest(3, 2));
    bare.tokens.offered = (0..TokenFamily::OFFERED as u64).map(|n| digest(4, n)).collect();
    let proved = Session { proof: Some(Proof { at: at(5), factor: None }), ..session(3, 3, 5) };
    for session in [full, bare, proved] {
        create(&*sessions, &session).await;
        assert_eq!(of_user(&*sessions, session.user.uuid().as_u64_pair().1).await, std::slice::from_ref(&session));
        assert_eq!(sessions.find(session.user, session.id).await.expect("read"), Some(session.clone()));
        assert_eq!(sessions.of_family(&session.tokens.id).await.expect("read"), Some(session));
    }
}

pub async fn nobody_has_a_session_at_first(sessions: Arc<dyn Sessions>) {
    assert_eq!(of_user(&*sessions, 1).await, []);
    assert_eq!(sessions.find(user(1), id(1)).await.expect("read"), None);
    assert_eq!(sessions.of_family(&digest(1, 1)).await.expect("read"), None);
    assert!(!sessions.replace(&Session { revision: 2, ..session(1, 1, 0) }).await.expect("answered"));
    sessions.remove(user(1), &[id(1)]).await.expect("nothing to remove is no error");
    assert_eq!(of_user(&*sessions, 1).await, []);
}

pub async fn a_session_is_found_by_whose_it_is_and_by_no_one_else(sessions: Arc<dyn Sessions>) {
    create(&*sessions, &session(1, 1, 0)).await;
    assert_eq!(sessions.find(user(1), id(1)).await.expect("read"), Some(session(1, 1, 0)));
    assert_eq!(sessions.find(user(2), id(1)).await.expect("read"), None);
    assert_eq!(sessions.find(user(1), id(2)).await.expect("read"), None);
    // What a token is is not what its family is.
    assert_eq!(sessions.of_family(&digest(2, 1)).await.expect("read"), None);
}

pub async fn the_sessions_of_a_user_come_with_the_one_used_last_first(sessions: Arc<dyn Sessions>) {
    for (n, used) in [(1, 5), (2, 9), (3, 1), (4, 5)] {
        create(&*sessions, &session(n, 1, used)).await;
    }
    create(&*sessions, &session(5, 2, 7)).await;
    let order: Vec<_> = of_user(&*sessions, 1).await.into_iter().map(|session| session.id).collect();
    assert_eq!(order, [id(2), id(4), id(1), id(3)]);
}

pub async fn a_session_is_replaced_by_its_next_revision_and_by_no_other(sessions: Arc<dyn Sessions>) {
    let first = session(1, 1, 0);
    create(&*sessions, &first).await;
    let proof = Some(Proof { at: at(61), factor: None });
    let mut second = Session { name: None, used_at: at(60), expires_at: at(2_000), proof, revision: 2, ..first.clone() };
    second.tokens.present(&digest(2, 1), digest(5, 1)).expect("the first token");
    for wrong in [1, 3] {
        assert!(!sessions.replace(&Session { revision: wrong, ..second.clone() }).await.expect("answered"), "{wrong}");
        assert_eq!(of_user(&*sessions, 1).await, std::slice::from_ref(&first));
    }
    assert!(sessions.replace(&second).await.expect("answered"));
    assert!(!sessions.replace(&second).await.expect("answered"), "once");
    assert_eq!(of_user(&*sessions, 1).await, [second]);
}

pub async fn of_many_changes_at_once_one_is_made(sessions: Arc<dyn Sessions>) {
    let first = session(1, 1, 0);
    create(&*sessions, &first).await;
    for revision in 2..12 {
        let changes: Vec<_> = (0..20_u64)
            .map(|n| {
                let name = SessionName::parse(&format!("name {revision} {n}")).expect("a name");
                Session { revision, name: Some(name), ..first.clone() }
            })
            .collect();
        let made = join_all(changes.iter().map(|change| sessions.replace(change))).await;
        let made: Vec<_> = made.into_iter().zip(&changes).filter_map(|(made, change)| made.expect("answered").then_some(change)).collect();
        let [made] = made[..] else { panic!("{} were made", made.len()) };
        assert_eq!(of_user(&*sessions, 1).await, std::slice::from_ref(made));
    }
}

pub async fn what_was_removed_is_not_brought_back_by_a_change(sessions: Arc<dyn Sessions>) {
    create(&*sessions, &session(1, 1, 0)).await;
    sessions.remove(user(1), &[id(1)]).await.expect("removed");
    assert!(!sessions.replace(&Session { revision: 2, ..session(1, 1, 0) }).await.expect("answered"));
    assert_eq!(of_user(&*sessions, 1).await, []);
}

pub async fn what_is_removed_is_gone_and_the_rest_stays(sessions: Arc<dyn Sessions>) {
    for n in 1..=4 {
        create(&*sessions, &session(n, 1 + n / 4, 0)).await;
    }
    sessions.remove(user(1), &[id(1), id(3), id(4), id(9)]).await.expect("removed");
    sessions.remove(user(1), &[]).await.expect("nothing to remove");
    assert_eq!(of_user(&*sessions, 1).await, [session(2, 1, 0)]);
    assert_eq!(of_user(&*sessions, 2).await, [session(4, 2, 0)], "it is somebody else's");
}

pub async fn those_that_have_run_out_are_forgotten_as_others_begin(sessions: Arc<dyn Sessions>) {
    let over = 2 * FORGOTTEN as u64 + 3;
    for n in 0..over {
        create(&*sessions, &Session { expires_at: at(100 + n), ..session(n, 1, 0) }).await;
    }
    let mut left = Vec::new();
    for n in 0..4 {
        // The last of them has not run out by then.
        create(&*sessions, &Session { created_at: at(100 + over - 2), ..session(100 + n, 2, 0) }).await;
        left.push(of_user(&*sessions, 1).await.len());
    }
    assert_eq!(left, [FORGOTTEN + 3, 3, 1, 1]);
    assert_eq!(of_user(&*sessions, 2).await.len(), 4);
}
