use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn settings() -> GatewaySettings {
    GatewaySettings { heartbeat: SECOND * 25, write: SECOND * 10, ack: SECOND * 60, feed: SECOND * 10, ..GatewaySettings::default() }
}

/// A connection with nothing wrong, in seconds since it began.
struct Life {
    liveness: Liveness,
    began: Instant,
    seen: Seen,
}

impl Life {
    fn begin() -> Self {
        let began = Instant::now();
        let (served, head) = (Position(5), Position(5));
        let seen = Seen { listening: true, unwritten: Duration::ZERO, outbox_full: false, window_full: false, served, head, news: 0 };
        Self { liveness: Liveness::new(&settings(), served, began), began, seen }
    }

    /// Looks at it every second from one to another, while the client talks and the node hears of the log.
    fn goes_on(&mut self, seconds: std::ops::RangeInclusive<u32>) -> Vec<u64> {
        let beats = seconds.filter_map(|second| {
            self.liveness.heard(self.began + SECOND * second);
            self.seen.news += 1;
            self.look(second).unwrap_or_else(|close| panic!("after {second} s: {close:?}"))
        });
        beats.collect()
    }

    fn look(&mut self, second: u32) -> Result<Option<u64>, Close> {
        self.liveness.look(&settings(), self.seen, self.began + SECOND * second)
    }
}

#[test]
fn heartbeats_come_at_their_time() {
    assert_eq!(Life::begin().goes_on(1..=100), [1, 2, 3, 4]);
}

#[test]
fn a_client_that_is_silent_for_two_heartbeats_is_let_go_and_one_that_is_not_listened_to_is_not() {
    let mut life = Life::begin();
    life.goes_on(1..=10);
    for second in 11..65 {
        life.seen.news += 1;
        assert!(life.look(second).is_ok(), "after {second} s");
    }
    let mut unheard = Life { liveness: life.liveness, ..life };
    unheard.seen.listening = false;
    unheard.seen.news += 1;
    assert!(unheard.look(65).is_ok());
    unheard.seen.listening = true;
    for second in 66..120 {
        unheard.seen.news += 1;
        assert!(unheard.look(second).is_ok(), "after {second} s");
    }
    unheard.seen.news += 1;
    assert_eq!(unheard.look(120), Err(Close::HeartbeatTimeout));
}

#[test]
fn a_window_may_be_full_for_a_while_however_long_it_had_room_before() {
    let mut life = Life::begin();
    life.goes_on(1..=300);
    life.seen.window_full = true;
    life.goes_on(301..=360);
    assert_eq!(life.look(361), Err(Close::AckStalled));
}

#[test]
fn an_ack_begins_the_time_of_a_full_window_again() {
    let mut life = Life::begin();
    life.seen.window_full = true;
    life.goes_on(1..=50);
    life.liveness.acked();
    life.goes_on(51..=110);
    assert_eq!(life.look(111), Err(Close::AckStalled));
}

#[test]
fn a_socket_that_takes_nothing_is_let_go() {
    let mut life = Life::begin();
    life.goes_on(1..=5);
    life.seen.unwritten = SECOND * 9;
    life.goes_on(6..=6);
    life.seen.unwritten = SECOND * 10;
    assert_eq!(life.look(7), Err(Close::WriteTimeout));
}

#[test]
fn a_socket_that_is_not_served_while_the_log_moves_on_is_let_go() {
    let mut life = Life::begin();
    life.goes_on(1..=5);
    life.seen.head = Position(6);
    life.goes_on(6..=14);
    life.seen.news += 1;
    assert_eq!(life.look(15), Err(Close::FeedStalled));
}

#[test]
fn a_socket_that_is_served_slowly_or_holds_itself_up_is_kept() {
    let mut life = Life::begin();
    life.seen.head = Position(100);
    for half in 1..50_u64 {
        let second = u32::try_from(half).unwrap() * 9;
        life.seen.served = Position(5 + half);
        life.goes_on(second..=second);
    }
    life.seen.outbox_full = true;
    life.goes_on(450..=500);
    (life.seen.outbox_full, life.seen.window_full) = (false, true);
    life.goes_on(501..=550);
}

#[test]
fn a_socket_of_a_node_that_hears_nothing_of_the_log_is_let_go() {
    let mut life = Life::begin();
    life.goes_on(1..=5);
    for second in 6..15 {
        assert!(life.look(second).is_ok(), "after {second} s");
    }
    assert_eq!(life.look(15), Err(Close::FeedStalled));
}

#[test]
fn looks_are_as_frequent_as_the_shortest_limit_needs() {
    assert_eq!(period(&settings()), SECOND * 2);
    let impatient = GatewaySettings { ack: SECOND, ..settings() };
    assert_eq!(period(&impatient), SECOND / 5);
}
