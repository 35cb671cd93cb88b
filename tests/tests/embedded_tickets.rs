//! The tickets of the embedded profile.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, Utc};
use posthaste_application::port::secrets::Access;
use posthaste_application::port::tickets::{Kind, Pass, TICKET_TTL};
use posthaste_application::port::{Clock, Tickets};
use posthaste_application::tickets_contract;
use posthaste_domain::{SessionId, UserId};
use posthaste_infrastructure::embedded::InProcessTickets;
use tokio::task::JoinSet;
use uuid::Uuid;

tickets_contract!(in_process);

async fn in_process(_test: &str) -> (Arc<dyn Tickets>, ()) {
    (Arc::new(InProcessTickets::new(Arc::new(ManualClock::default()))), ())
}

#[tokio::test]
async fn a_ticket_runs_out_after_its_time() -> anyhow::Result<()> {
    let clock = Arc::new(ManualClock::default());
    let tickets: Arc<dyn Tickets> = Arc::new(InProcessTickets::new(clock.clone()));
    tickets.store("in time", &pass()).await?;
    tickets.store("too late", &pass()).await?;

    clock.pass(TICKET_TTL - Duration::from_secs(1));
    assert_eq!(tickets.redeem("in time").await?, Some(pass()));
    clock.pass(Duration::from_secs(1));
    assert_eq!(tickets.redeem::<Pass>("too late").await?, None);
    Ok(())
}

#[tokio::test]
async fn tickets_beyond_the_bound_are_refused_until_others_have_run_out() -> anyhow::Result<()> {
    let clock = Arc::new(ManualClock::default());
    let tickets: Arc<dyn Tickets> = Arc::new(InProcessTickets::new(clock.clone()));
    let mut stored = 0;
    while tickets.store(&format!("ticket-{stored}"), &pass()).await.is_ok() {
        stored += 1;
        anyhow::ensure!(stored <= 1_000_000, "no bound");
    }
    assert!(tickets.store("one more", &pass()).await.is_err());
    tickets.keep(Kind::SignIn, "one more", String::new()).await?;
    assert_eq!(tickets.redeem("ticket-0").await?, Some(pass()), "those that were taken are kept");

    clock.pass(TICKET_TTL);
    tickets.store("one more", &pass()).await?;
    assert_eq!(tickets.redeem("one more").await?, Some(pass()));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_threads_one_redeems_a_ticket() -> anyhow::Result<()> {
    let (tickets, ()) = in_process("").await;
    for round in 0..200 {
        tickets.store("ticket", &pass()).await?;
        let mut redeeming = JoinSet::new();
        for _ in 0..50 {
            let tickets = Arc::clone(&tickets);
            redeeming.spawn(async move { tickets.redeem::<Pass>("ticket").await });
        }
        let redeemed = redeeming.join_all().await.into_iter().filter(|redeemed| matches!(redeemed, Ok(Some(_)))).count();
        assert_eq!(redeemed, 1, "round {round}");
    }
    Ok(())
}

fn pass() -> Pass {
    let expires_at = DateTime::from_timestamp(2_000_000_000, 0).expect("a time");
    Pass { access: Access { user: UserId::new(Uuid::from_u128(1)), session: SessionId::new(Uuid::from_u128(2)), expires_at }, device: None }
}

/// A clock that moves when it is told to.
#[derive(Default)]
struct ManualClock(Mutex<DateTime<Utc>>);

impl ManualClock {
    fn pass(&self, time: Duration) {
        *self.0.lock().expect("not poisoned") += time;
    }
}

impl Clock for ManualClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().expect("not poisoned")
    }
}
