use uuid::Uuid;

use super::*;

fn take(user: u128) -> ClaimCommand {
    ClaimCommand::Take { claim: ClaimId::new(Uuid::from_u128(9)), by: UserId::new(Uuid::from_u128(user)) }
}

#[test]
fn the_first_to_claim_a_name_holds_it() {
    let claim = Claim::replay(&Claim::default().decide(take(1)).unwrap()).unwrap();
    assert_eq!(claim.holder(), Some(UserId::new(Uuid::from_u128(1))));
    assert_eq!(claim.decide(take(2)), Err(ClaimRefusal::Taken));
}

#[test]
fn claiming_what_one_holds_changes_nothing() {
    let claim = Claim::replay(&Claim::default().decide(take(1)).unwrap()).unwrap();
    assert_eq!(claim.decide(take(1)), Ok(vec![]));
}
