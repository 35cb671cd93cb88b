use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use posthaste_domain::UserId;
use uuid::Uuid;

use super::allowance::Kind;
use super::*;
use crate::meter::{METRICS, Series};
use crate::port::PortError;

#[derive(Default)]
struct Buckets {
    now: AtomicI64,
    gone: AtomicBool,
    full_at: Mutex<HashMap<String, i64>>,
}

impl Buckets {
    fn pass(&self, time: Duration) {
        self.now.fetch_add(time.as_micros() as i64, Ordering::SeqCst);
    }

    fn answer(&self) -> Result<i64, PortError> {
        if self.gone.load(Ordering::SeqCst) { Err(PortError::unavailable("redis", "gone")) } else { Ok(self.now.load(Ordering::SeqCst)) }
    }
}

#[async_trait]
impl RateLimiter for Buckets {
    async fn take(&self, takes: &[Take]) -> Result<Taken, PortError> {
        let now = self.answer()?;
        let mut buckets = self.full_at.lock().unwrap();
        let before = takes.iter().map(|take| buckets.get(&take.key).copied().unwrap_or(0)).collect::<Vec<_>>();
        let after = takes.iter().zip(&before).map(|(take, before)| take.rate.after_taking(*before, now)).collect::<Option<Vec<_>>>();
        let allowed = after.is_some();
        let after = after.unwrap_or(before);
        let levels = takes.iter().zip(&after).map(|(take, full_at)| take.rate.level(*full_at, now, allowed)).collect();
        buckets.extend(takes.iter().map(|take| take.key.clone()).zip(after));
        Ok(Taken { allowed, levels })
    }

    async fn give_back(&self, takes: &[Take]) -> Result<(), PortError> {
        self.answer()?;
        let mut buckets = self.full_at.lock().unwrap();
        takes.iter().for_each(|take| *buckets.entry(take.key.clone()).or_default() -= take.rate.every_us());
        Ok(())
    }
}

struct World {
    shared: Arc<Buckets>,
    node: Arc<Buckets>,
    limiter: Limiter,
}

impl World {
    fn new() -> Self {
        let (shared, node) = (Arc::<Buckets>::default(), Arc::<Buckets>::default());
        let limits = PolicyLimits { per_ip: Some(rate(60, 10)), per_user: Some(rate(60, 5)) };
        let policies = Policies { login: limits, register: limits, search: limits, queries: limits, reset: limits, ..Policies::default() };
        Self { limiter: Limiter::new(shared.clone(), node.clone(), Some(policies)), shared, node }
    }

    async fn admitted(&self, policy: Policy, who: Who, times: usize) -> usize {
        let mut admitted = 0;
        for _ in 0..times {
            admitted += usize::from(self.limiter.admit(policy, who).await.is_ok());
        }
        admitted
    }

    /// How many wrong tries are let through, and how long the last refusal lasts.
    async fn guess(&self, from: &str, login: &str, times: usize) -> (usize, Duration) {
        let (mut tries, mut wait) = (0, Duration::ZERO);
        for _ in 0..times {
            match self.limiter.try_login(ip(from), login).await {
                Ok(_) => tries += 1,
                Err(exceeded) => wait = exceeded.retry_after,
            }
        }
        (tries, wait)
    }
}

fn rate(per_minute: u32, burst: u32) -> Rate {
    Rate::per_minute(NonZeroU32::new(per_minute).unwrap(), NonZeroU32::new(burst).unwrap())
}

fn ip(address: &str) -> IpAddr {
    address.parse().unwrap()
}

fn address(address: &str) -> Who {
    Who::Address(ip(address))
}

#[tokio::test]
async fn addresses_and_users_have_buckets_of_their_own_in_every_policy() {
    let world = World::new();
    let user = Who::User(UserId::new(Uuid::nil()));
    for policy in [Policy::Search, Policy::Queries] {
        assert_eq!(world.admitted(policy, address("192.0.2.1"), 50).await, 10);
        assert_eq!(world.admitted(policy, address("192.0.2.2"), 50).await, 10);
        assert_eq!(world.admitted(policy, user, 50).await, 5);
    }
    // What is not limited is not counted.
    assert_eq!(world.admitted(Policy::Other, user, 50).await, 50);
}

#[tokio::test]
async fn who_is_refused_learns_when_to_come_again_and_is_let_in_then() {
    let world = World::new();
    assert_eq!(world.admitted(Policy::Search, address("192.0.2.1"), 10).await, 10);
    let exceeded = world.limiter.admit(Policy::Search, address("192.0.2.1")).await.unwrap_err();
    assert_eq!(exceeded.retry_after, Duration::from_secs(1));
    assert_eq!(Problem::from(&exceeded).retry_after_ms, Some(1_000));
    assert_eq!((exceeded.quotas[0].scope, exceeded.quotas[0].level.remaining), ("ip", 0));
    world.shared.pass(exceeded.retry_after);
    assert_eq!(world.admitted(Policy::Search, address("192.0.2.1"), 10).await, 1);
}

#[tokio::test]
async fn an_ipv6_network_is_one_address_and_a_mapped_address_is_an_old_one() {
    let world = World::new();
    assert_eq!(world.admitted(Policy::Search, address("2001:db8::1"), 7).await, 7);
    assert_eq!(world.admitted(Policy::Search, address("2001:db8::ffff:1"), 7).await, 3);
    assert_eq!(world.admitted(Policy::Search, address("2001:db8:0:1::1"), 7).await, 7);
    assert_eq!(world.admitted(Policy::Search, address("192.0.2.1"), 7).await, 7);
    assert_eq!(world.admitted(Policy::Search, address("::ffff:192.0.2.1"), 7).await, 3);
}

#[tokio::test]
async fn without_the_shared_store_everything_is_allowed_but_what_guards_secrets() {
    let world = World::new();
    world.shared.gone.store(true, Ordering::SeqCst);
    for open in [Policy::Search, Policy::Register] {
        assert_eq!(world.admitted(open, address("192.0.2.1"), 50).await, 50);
    }
    for guarded in [Policy::Login, Policy::Reset] {
        assert_eq!(world.admitted(guarded, address("192.0.2.1"), 50).await, 10);
    }
    assert_eq!(world.guess("192.0.2.9", "alice", 50).await.0, 5);
    assert!(!world.node.full_at.lock().unwrap().keys().any(|key| key.starts_with("search")));
}

#[tokio::test]
async fn who_guesses_waits_longer_and_longer() {
    let world = World::new();
    let (tries, mut wait) = world.guess("192.0.2.1", "alice", 50).await;
    assert_eq!((tries, wait), (5, Duration::from_secs(2)));
    let mut waits = Vec::new();
    for _ in 0..20 {
        world.shared.pass(wait);
        let (tries, longer) = world.guess("192.0.2.1", "ALICE", 3).await;
        assert_eq!(tries, 1, "it is the same account");
        wait = longer;
        waits.push(wait.as_secs());
    }
    assert!(waits.is_sorted() && *waits.last().unwrap() > 400, "{waits:?}");
    // It is nobody else's affair, nor that of another account.
    assert_eq!(world.guess("192.0.2.2", "alice", 50).await.0, 5);
    assert_eq!(world.guess("192.0.2.1", "bob", 50).await.0, 5);
    // And it passes.
    world.shared.pass(Duration::from_secs(86_400));
    assert_eq!(world.guess("192.0.2.1", "alice", 50).await.0, 5);
}

#[tokio::test]
async fn an_address_that_tries_many_accounts_waits_too() {
    let world = World::new();
    let mut tries = 0;
    for account in 0..200 {
        tries += world.guess("192.0.2.1", &format!("user{account}"), 1).await.0;
    }
    assert_eq!(tries, 40);
}

#[tokio::test]
async fn an_account_under_attack_leaves_a_try_to_every_address_and_its_owner_gets_in() {
    let world = World::new();
    let mut tries = 0;
    for bot in 0..100 {
        tries += world.guess(&format!("198.51.100.{bot}"), "alice", 20).await.0;
    }
    // Ten have had five each, and the rest one each.
    assert_eq!(tries, 50 + 90);
    for _ in 0..5 {
        let owner = world.limiter.try_login(ip("192.0.2.1"), "alice").await.unwrap();
        world.limiter.forgive(owner).await;
    }
    assert_eq!(world.guess("192.0.2.1", "alice", 10).await.0, 1);
}

#[tokio::test]
async fn a_totp_brute_force_takes_years() {
    let world = World::new();
    let user = Uuid::from_u128(7);
    let day = Duration::from_secs(86_400);
    let mut tries = 0_u64;
    let mut passed = Duration::ZERO;
    while passed < 30 * day {
        match world.limiter.try_proof(user).await {
            Ok(_) => tries += 1,
            Err(exceeded) => {
                world.shared.pass(exceeded.retry_after);
                passed += exceeded.retry_after;
            }
        }
    }
    // Three codes in a million are right at any time: so many tries find one with a chance of one in a hundred.
    assert!((2_000..3_300).contains(&tries), "{tries} in a month");
    // Another user, or session, has nothing to do with it; and what was right costs nothing.
    for _ in 0..50 {
        let right = world.limiter.try_proof(Uuid::from_u128(8)).await.unwrap();
        world.limiter.forgive(right).await;
    }
}

#[tokio::test]
async fn what_was_right_costs_nothing() {
    let world = World::new();
    for _ in 0..500 {
        let right = world.limiter.try_login(ip("192.0.2.1"), "alice").await.unwrap();
        world.limiter.forgive(right).await;
    }
    assert_eq!(world.guess("192.0.2.1", "alice", 10).await.0, 5);
}

#[tokio::test]
async fn an_account_is_the_same_however_it_is_written() {
    let world = World::new();
    let same = [("bob@example.com", "BOB@EXAMPLE.COM"), ("carol", "CAROL")];
    for (one, other) in same {
        assert_eq!(world.guess("192.0.2.2", one, 5).await.0, 5);
        assert_eq!(world.guess("192.0.2.2", other, 5).await.0, 0, "{other}");
    }
}

#[tokio::test]
async fn what_people_type_is_kept_nowhere() {
    let world = World::new();
    world.guess("192.0.2.1", "alice@example.com", 60).await;
    assert!(!world.shared.full_at.lock().unwrap().keys().any(|key| key.contains("alice")));
}

#[tokio::test]
async fn without_policies_nothing_is_limited() {
    let buckets = Arc::<Buckets>::default();
    let limiter = Limiter::new(buckets.clone(), buckets.clone(), None);
    for _ in 0..1_000 {
        limiter.admit(Policy::Login, address("192.0.2.1")).await.unwrap();
        let _wrong = limiter.try_login(ip("192.0.2.1"), "alice").await.unwrap();
    }
    assert!(buckets.full_at.lock().unwrap().is_empty());
}

#[test]
fn everything_that_is_limited_is_counted_by_its_name() {
    let metric = METRICS.iter().find(|metric| metric.name == "posthaste_rate_limited_total").unwrap();
    let Series::Of("policy", counted) = metric.series else { panic!("{metric:?}") };
    let names = Policy::ALL.iter().map(|policy| policy.name()).chain(Kind::ALL.iter().map(|kind| kind.name())).chain(["connections"]);
    assert_eq!(names.collect::<BTreeSet<_>>(), counted.iter().copied().collect());
}
