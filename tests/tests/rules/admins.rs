//! Admins who give and take, and those they suspend, all at once on several nodes.

use posthaste_application::execute::AdminCommand;
use posthaste_domain::user::ServiceRole;

use super::*;

/// How often each asks.
const EACH: usize = 40;

pub(crate) async fn whoever_acts_may_and_an_admin_remains(profile: Profile) -> anyhow::Result<()> {
    let cast = Cast::assemble(profile, 0, 0).await?;
    let everybody = [cast.alice, cast.bob, cast.carol, cast.dave];
    for user in [cast.alice, cast.bob] {
        cast.nodes.administer(0, None, AdminCommand::GrantRole { user, role: ServiceRole::Admin }).await?;
    }
    let tally = Mutex::new(Tally::new());
    let asking = (0..ASKING).map(|who| {
        let (cast, tally) = (&cast, &tally);
        async move {
            let mut random = StdRng::seed_from_u64(cast.seed.wrapping_add(who as u64));
            for _ in 0..EACH {
                let mut anybody = || *everybody.choose(&mut random).expect("there are four");
                let (by, user) = (anybody(), anybody());
                let role = ServiceRole::Admin;
                let (what, outcome) = match random.random_range(0..6) {
                    0 => ("grant", cast.nodes.administer(who, Some(by), AdminCommand::GrantRole { user, role }).await),
                    1 => ("withdraw", cast.nodes.administer(who, Some(by), AdminCommand::WithdrawRole { user, role }).await),
                    2 => ("suspend", cast.nodes.administer(who, Some(by), AdminCommand::Suspend { user, reason: None }).await),
                    3 => ("reinstate", cast.nodes.administer(who, Some(by), AdminCommand::Reinstate { user }).await),
                    _ => ("post", cast.nodes.ask(who, by, post(cast.group, None)).await),
                };
                let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
                let (yes, no) = tally.entry(what).or_default();
                match outcome {
                    Ok(executed) => *yes += usize::from(!executed.repeated),
                    Err(ExecuteError::Refused(_)) => *no += 1,
                    Err(error) => bail!("{what}: {error}"),
                }
            }
            Ok(())
        }
    });
    try_join_all(asking).await?;
    let tally = tally.into_inner().unwrap_or_else(PoisonError::into_inner);
    let all = ["grant", "withdraw", "suspend", "reinstate", "post"];
    ensure!(has_met(&tally, &all, &all), "seed {}: too little has met: {tally:?}", cast.seed);
    let log = cast.nodes.recorded().await?;
    // Among the rules: whoever acts is an admin at that position, is not suspended, and still is one afterwards.
    let breaches = breaches(&log);
    ensure!(breaches.is_empty(), "seed {}: {} of {} events break the rules: {breaches:#?}", cast.seed, breaches.len(), log.len());
    println!("{} events of {tally:?}", log.len());
    Ok(())
}
