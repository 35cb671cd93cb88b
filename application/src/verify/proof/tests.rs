use super::super::tests::{Open, key};
use super::*;
use crate::port::EventLog as _;

/// The proof of one event of a log, by its seal.
async fn prove(log: &Open, seal: &Seal, position: u64, with_content: bool) -> Proof {
    let mut prover = Prover::new(Position(position), seal.clone()).unwrap();
    let (first, last) = prover.needs();
    // In two pages, as large ones come.
    let middle = Position(first.0.midpoint(last.0));
    for (after, upto) in [(Position(first.0 - 1), middle), (middle, last)] {
        prover.take(&Page::read(log, after, upto, true).await.unwrap());
    }
    let event = log.read(Position(position - 1), 1).await.unwrap().remove(0);
    let before = match position {
        1 => crate::chain::GENESIS,
        _ => log.read(Position(position - 2), 1).await.unwrap().remove(0).hash,
    };
    prover.finish(&event, with_content.then_some(before)).unwrap()
}

fn check(proof: &Proof) -> Result<(), Unproven> {
    proof.check(&[key().public()])
}

#[tokio::test]
async fn every_event_of_a_sealed_log_is_proven_with_and_without_its_content() {
    for events in 1..=20 {
        let log = Open::of(events);
        let seal = log.seal(None).await;
        log.grow(3);
        for position in 1..=events {
            for with_content in [true, false] {
                let proof = prove(&log, &seal, position, with_content).await;
                check(&proof).unwrap();
                let text = serde_json::to_string_pretty(&proof).unwrap();
                assert_eq!(text.contains(&format!("words {position}")), with_content && !position.is_multiple_of(3), "{text}");
                assert_eq!(serde_json::from_str::<Proof>(&text).unwrap(), proof);
            }
        }
        assert!(Prover::new(Position(events + 1), seal.clone()).is_none() && Prover::new(Position(0), seal).is_none());
    }
}

#[tokio::test]
async fn nothing_that_a_proof_shows_can_be_altered() {
    let log = Open::of(13);
    let seal = log.seal(None).await;
    let changes: [fn(&mut Proof); 20] = [
        |proof| proof.event.position = Position(9),
        |proof| proof.event.stream.id = Uuid::nil(),
        |proof| proof.event.stream.category = posthaste_domain::Category::Thread,
        |proof| proof.event.version += 1,
        |proof| proof.event.event_type.push('x'),
        |proof| proof.event.schema += 1,
        |proof| proof.event.facts.push(' '),
        |proof| proof.event.has_content = !proof.event.has_content,
        |proof| proof.event.thread = None,
        |proof| proof.event.actor = None,
        |proof| proof.event.command = CommandId::new(Uuid::nil()),
        |proof| proof.event.ordinal += 1,
        |proof| proof.event.correlation = Uuid::nil(),
        |proof| proof.event.causation = None,
        |proof| proof.event.at += chrono::Duration::microseconds(1),
        |proof| proof.hash[0] ^= 1,
        |proof| proof.path[0][0] ^= 1,
        |proof| assert!(proof.path.pop().is_some()),
        |proof| proof.seal.root[0] ^= 1,
        |proof| proof.proof.push('!'),
    ];
    for with_content in [true, false] {
        let proof = prove(&log, &seal, 8, with_content).await;
        for (n, change) in changes.iter().enumerate() {
            let mut altered = proof.clone();
            change(&mut altered);
            assert_ne!(altered, proof, "change {n}");
            assert!(check(&altered).is_err(), "change {n}: {altered:?}");
        }
    }
}

#[tokio::test]
async fn content_that_is_shown_is_that_of_the_event() {
    let log = Open::of(13);
    let seal = log.seal(None).await;
    let proof = prove(&log, &seal, 8, true).await;
    let changes: [fn(&mut Rest); 4] = [
        |rest| rest.content = Some(Content::Text("other words".to_owned())),
        |rest| rest.content = None,
        |rest| rest.fingerprint[0] ^= 1,
        |rest| rest.before[0] ^= 1,
    ];
    for change in changes {
        let mut altered = proof.clone();
        change(altered.rest.as_mut().unwrap());
        assert!(matches!(check(&altered), Err(Unproven::Rest)), "{altered:?}");
    }
}

#[tokio::test]
async fn a_proof_by_another_seal_or_for_another_key_is_refused() {
    let log = Open::of(13);
    let seal = log.seal(None).await;
    let mut proof = prove(&log, &seal, 8, true).await;
    assert!(matches!(proof.check(&[]), Err(Unproven::Seal(_))));
    log.grow(5);
    proof.seal = log.seal(Some(&seal)).await;
    assert!(matches!(check(&proof), Err(Unproven::NotIncluded)));
}

#[tokio::test]
async fn a_log_that_is_not_what_was_sealed_gives_no_proof() {
    let log = Open::of(13);
    let seal = log.seal(None).await;
    log.alter(3, |event| event.facts.push(' '));
    let mut prover = Prover::new(Position(8), seal).unwrap();
    let (first, last) = prover.needs();
    assert_eq!((first, last), (Position(1), Position(8)));
    prover.take(&Page::read(&log, Position(0), last, true).await.unwrap());
    let event = log.read(Position(7), 1).await.unwrap().remove(0);
    assert_eq!(prover.finish(&event, None), Err(NotWhatWasSealed { from: first, to: last }));
}
