use super::*;
use crate::verify::merkle;

fn key(n: u8) -> SealKey {
    SealKey::from_random(&[n; 32])
}

fn sealable(position: u64) -> Sealable {
    let mut tree = Frontier::default();
    (0..position).for_each(|n| tree.push(merkle::leaf(&n.to_be_bytes())));
    Sealable { log: [1; 32], position: Position(position), hash: [u8::try_from(position).unwrap(); 32], tree }
}

fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_750_000_000 + second, 999).unwrap()
}

/// Seals of these positions, one after the other.
fn chain(positions: &[u64]) -> Vec<Seal> {
    let mut seals = Vec::<Seal>::new();
    for (second, position) in (0..).zip(positions) {
        seals.push(Seal::new(&sealable(*position), seals.last(), at(second), &key(1)));
    }
    seals
}

fn text(seals: &[Seal]) -> String {
    seals.iter().map(|seal| seal.to_line() + "\n").collect()
}

fn read(text: &str) -> Result<Seals, BadSeal> {
    Seals::read(text, &[key(1).public()])
}

#[test]
fn seals_are_read_as_they_were_written() {
    let seals = chain(&[1, 7, 7, 130]);
    assert_eq!(read(&text(&seals)).unwrap(), Seals { seals, torn: false });
    assert_eq!(read("").unwrap(), Seals::default());
}

#[test]
fn a_line_that_was_being_written_does_not_count() {
    let seals = chain(&[1, 7]);
    let whole = text(&seals);
    for end in text(&seals[..1]).len() + 1..whole.len() {
        assert_eq!(read(&whole[..end]).unwrap(), Seals { seals: seals[..1].to_vec(), torn: true }, "{end}");
    }
    assert_eq!(read(&whole[..10]).unwrap(), Seals { seals: vec![], torn: true });
}

#[test]
fn every_field_of_a_seal_is_signed() {
    let [_, seal] = <[Seal; 2]>::try_from(chain(&[3, 7])).unwrap();
    let other: [fn(&mut Seal); 9] = [
        |seal| seal.number += 1,
        |seal| seal.log[0] ^= 1,
        |seal| (seal.position, seal.peaks) = (Position(11), sealable(11).tree.peaks().to_vec()),
        |seal| seal.hash[31] ^= 1,
        |seal| (seal.root, seal.peaks) = (sealable(7).tree.root(), vec![[9; 32]; 3]),
        |seal| seal.at += chrono::Duration::microseconds(1),
        |seal| seal.previous[5] ^= 1,
        |seal| seal.key = key(2).public().bytes(),
        |seal| seal.signature[63] ^= 1,
    ];
    seal.check(&[key(2).public(), key(1).public()]).unwrap();
    for (n, other) in other.iter().enumerate() {
        let mut altered = seal.clone();
        other(&mut altered);
        assert!(altered.check(&[key(2).public(), key(1).public()]).is_err(), "change {n}: {altered:?}");
    }
}

#[test]
fn a_seal_of_a_tree_that_was_made_up_is_refused() {
    let mut seal = chain(&[7]).remove(0);
    seal.peaks[2][0] ^= 1;
    assert!(matches!(seal.check(&[key(1).public()]), Err(BadSeal::Tree { number: 1 })));
    // With roots that fit one another and a signature that is not of this root.
    let tree = sealable(3).tree;
    (seal.position, seal.root, seal.peaks) = (Position(3), tree.root(), tree.peaks().to_vec());
    assert!(matches!(seal.check(&[key(1).public()]), Err(BadSeal::Unsigned { number: 1 })));
}

#[test]
fn a_seal_of_somebody_else_is_refused() {
    let stranger = Seal::new(&sealable(3), None, at(0), &key(2));
    assert!(matches!(read(&text(&[stranger])), Err(BadSeal::Stranger { number: 1 })));
    assert!(matches!(Seals::read(&text(&chain(&[1])), &[]), Err(BadSeal::Stranger { number: 1 })));
}

#[test]
fn a_seal_that_is_missing_anywhere_but_at_the_end_is_missed() {
    let seals = chain(&[1, 2, 3, 4]);
    for missing in 0..3 {
        let mut rest = seals.clone();
        rest.remove(missing);
        assert!(matches!(read(&text(&rest)), Err(BadSeal::Unlinked { line, .. }) if line == missing + 1), "{missing}");
    }
    let mut swapped = seals.clone();
    swapped.swap(1, 2);
    assert!(matches!(read(&text(&swapped)), Err(BadSeal::Unlinked { number: 3, line: 2 })));
    let doubled = [seals[0].clone(), seals[0].clone()];
    assert!(matches!(read(&text(&doubled)), Err(BadSeal::Unlinked { number: 1, line: 2 })));
}

#[test]
fn one_of_another_file_in_the_place_of_a_seal_is_found_though_its_key_is_trusted() {
    let seals = chain(&[1, 2, 3]);
    // Of the same number and position, and following on something else.
    let other = chain(&[2, 2]).remove(1);
    assert!(matches!(read(&text(&[seals[0].clone(), other])), Err(BadSeal::Unlinked { number: 2, line: 2 })));
}

#[test]
fn a_seal_cannot_be_about_less_or_about_another_log() {
    let first = chain(&[7]).remove(0);
    let less = Seal::new(&sealable(6), Some(&first), at(1), &key(1));
    assert!(matches!(read(&text(&[first.clone(), less])), Err(BadSeal::Contradiction { number: 2 })));
    let another = Seal::new(&Sealable { log: [2; 32], ..sealable(9) }, Some(&first), at(1), &key(1));
    assert!(matches!(read(&text(&[first, another])), Err(BadSeal::Contradiction { number: 2 })));
}

#[test]
fn a_line_that_is_no_seal_is_named() {
    let seals = chain(&[1, 2]);
    let text = text(&seals[..1]) + "{}\n" + &text(&seals[1..]);
    assert!(matches!(read(&text), Err(BadSeal::Unreadable { line: 2, .. })));
    // Neither unknown fields nor another spelling of the same bytes.
    let line = seals[0].to_line();
    for other in [line.replacen('{', "{\"more\":1,", 1), line.to_uppercase(), line.replacen("\"log\":\"01", "\"log\":\"", 1)] {
        assert!(matches!(read(&(other + "\n")), Err(BadSeal::Unreadable { line: 1, .. })));
    }
}

#[test]
fn keys_are_read_as_they_are_written_and_by_others() {
    let pem = key(7).to_pem();
    assert!(pem.starts_with("-----BEGIN PRIVATE KEY-----"), "{pem}");
    assert_eq!(SealKey::from_pem(&pem).unwrap().public(), key(7).public());
    assert_eq!(PublicKey::from_pem(&key(7).public().to_pem()).unwrap(), key(7).public());
    assert!(SealKey::from_pem(&key(7).public().to_pem()).is_err() && PublicKey::from_pem("nonsense").is_err());
    assert!(!format!("{:?}", key(7)).contains('7'));
    // From RFC 8410, 10.
    let theirs =
        "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n-----END PRIVATE KEY-----\n";
    let public = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n";
    assert_eq!(SealKey::from_pem(theirs).unwrap().public(), PublicKey::from_pem(public).unwrap());
}
