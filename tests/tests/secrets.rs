//! Password hashes, access tokens, and the keys of a server that nobody gave any.

use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use anyhow::ensure;
use chrono::{DateTime, Utc};
use futures::future::join_all;
use posthaste_application::port::secrets::{Access, TokenRefused};
use posthaste_application::port::{Clock, Ids, Passwords, PortError, Tokens};
use posthaste_domain::{SessionId, UserId};
use posthaste_infrastructure::aes_gcm::AesCipher;
use posthaste_infrastructure::argon2::{ArgonCost, ArgonPasswords};
use posthaste_infrastructure::embedded::{factor_key, token_key};
use posthaste_infrastructure::jwt::{ACCESS_LIFETIME, JwtTokens, TokenKey};
use posthaste_infrastructure::system::{SystemClock, SystemIds};
use tempfile::TempDir;
use uuid::{Uuid, Version};

const CHEAP: ArgonCost = ArgonCost { memory_kib: 64, passes: 1, lanes: 1 };

fn cheap() -> anyhow::Result<ArgonPasswords> {
    Ok(ArgonPasswords::new(CHEAP)?)
}

#[tokio::test]
async fn a_password_is_the_one_it_was_hashed_from_and_no_other() -> anyhow::Result<()> {
    let passwords = cheap()?;
    let hash = passwords.hash("correct horse".to_owned()).await?;
    ensure!(passwords.verify("correct horse".to_owned(), Some(hash.clone())).await?);
    for wrong in ["Correct horse", "correct horse ", "correct hors", ""] {
        ensure!(!passwords.verify(wrong.to_owned(), Some(hash.clone())).await?, "{wrong:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_hash_records_algorithm_and_cost_and_has_its_own_salt() -> anyhow::Result<()> {
    let passwords = ArgonPasswords::new(ArgonCost::default())?;
    let hash = passwords.hash("correct horse".to_owned()).await?;
    ensure!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
    let passwords = cheap()?;
    let (one, other) = (passwords.hash("same".to_owned()).await?, passwords.hash("same".to_owned()).await?);
    ensure!(one != other, "{one}");
    Ok(())
}

#[tokio::test]
async fn hashes_of_another_cost_are_still_good() -> anyhow::Result<()> {
    let hash = cheap()?.hash("correct horse".to_owned()).await?;
    let costlier = ArgonPasswords::new(ArgonCost { memory_kib: 128, passes: 2, lanes: 1 })?;
    ensure!(costlier.verify("correct horse".to_owned(), Some(hash)).await?);
    Ok(())
}

#[tokio::test]
async fn a_hash_is_weak_if_one_made_now_would_cost_more() -> anyhow::Result<()> {
    let cost = ArgonCost { memory_kib: 128, passes: 2, lanes: 1 };
    let now = ArgonPasswords::new(cost)?;
    for (made, weak) in [
        (cost, false),
        (ArgonCost { memory_kib: 256, ..cost }, false),
        (ArgonCost { passes: 3, ..cost }, false),
        (ArgonCost { memory_kib: 64, ..cost }, true),
        (ArgonCost { passes: 1, ..cost }, true),
        (ArgonCost { memory_kib: 256, passes: 1, lanes: 1 }, true),
    ] {
        assert_eq!(now.is_weak(&ArgonPasswords::new(made)?.hash("correct horse".to_owned()).await?), weak, "{made:?}");
    }
    let hash = now.hash("correct horse".to_owned()).await?;
    for other in ["", "hunter2", &hash.replacen("argon2id", "argon2i", 1), &hash.replacen("v=19", "v=16", 1)] {
        ensure!(now.is_weak(other), "{other}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_logins_than_can_wait_are_told_to_come_again() -> anyhow::Result<()> {
    let passwords = cheap()?;
    let hash = passwords.hash("correct horse".to_owned()).await?;
    // None of them is begun before all have come.
    let logins = (0..5_000).map(|_| passwords.verify("correct horse".to_owned(), Some(hash.clone())));
    let (mut right, mut turned_away) = (0, 0);
    for login in join_all(logins).await {
        match login {
            Ok(true) => right += 1,
            Err(PortError::Unavailable { .. }) => turned_away += 1,
            other => anyhow::bail!("{other:?}"),
        }
    }
    ensure!(right >= 1_000 && turned_away >= 1_000 && right + turned_away == 5_000, "{right} {turned_away}");
    ensure!(passwords.verify("correct horse".to_owned(), Some(hash)).await?, "and then they are let in");
    Ok(())
}

#[tokio::test]
async fn no_password_is_that_of_an_unknown_account() -> anyhow::Result<()> {
    let passwords = cheap()?;
    for password in ["", "correct horse"] {
        ensure!(!passwords.verify(password.to_owned(), None).await?, "{password:?}");
    }
    Ok(())
}

#[tokio::test]
async fn an_unknown_account_takes_as_long_as_a_wrong_password() -> anyhow::Result<()> {
    let passwords = ArgonPasswords::new(ArgonCost { memory_kib: 16 * 1024, passes: 2, lanes: 1 })?;
    let hash = passwords.hash("correct horse".to_owned()).await?;
    let fastest = async |phc: &Option<String>| {
        let mut fastest = Duration::MAX;
        for _ in 0..5 {
            let start = Instant::now();
            passwords.verify("wrong".to_owned(), phc.clone()).await?;
            fastest = fastest.min(start.elapsed());
        }
        anyhow::Ok(fastest)
    };
    let (wrong, unknown) = (fastest(&Some(hash)).await?, fastest(&None).await?);
    // Without a hash to check it would be hundreds of times faster.
    ensure!(unknown > wrong / 4 && wrong > unknown / 4, "wrong password {wrong:?}, unknown account {unknown:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wave_of_logins_is_answered_one_and_all() -> anyhow::Result<()> {
    let passwords = cheap()?;
    let hash = passwords.hash("correct horse".to_owned()).await?;
    let logins = (0..500).map(|number| {
        let (hash, right) = (hash.clone(), number % 2 == 0);
        let password = if right { "correct horse" } else { "wrong" };
        let verify = passwords.verify(password.to_owned(), Some(hash));
        async move { anyhow::Ok((right, verify.await?)) }
    });
    for login in join_all(logins).await {
        let (right, accepted) = login?;
        assert_eq!(right, accepted);
    }
    Ok(())
}

#[tokio::test]
async fn a_hash_that_is_none_is_corrupt_and_not_shown() -> anyhow::Result<()> {
    for nonsense in ["", "hunter2", "$argon2id$v=19$m=64", "$md5$x$y"] {
        let verified = cheap()?.verify("correct horse".to_owned(), Some(nonsense.to_owned())).await;
        ensure!(matches!(verified, Err(PortError::Corrupt { .. })), "{nonsense:?}: {verified:?}");
        ensure!(!format!("{verified:?}").contains("hunter2"), "{verified:?}");
    }
    Ok(())
}

#[test]
fn an_impossible_cost_is_refused() {
    for (memory_kib, passes, lanes) in [(0, 1, 1), (64, 0, 1), (64, 1, 0)] {
        assert!(ArgonPasswords::new(ArgonCost { memory_kib, passes, lanes }).is_err(), "{memory_kib} {passes} {lanes}");
    }
}

const NOW: DateTime<Utc> = DateTime::from_timestamp(1_790_000_000, 0).expect("a time");

static ACCESS: LazyLock<Access> = LazyLock::new(|| Access {
    user: UserId::new(Uuid::from_u128(1)),
    session: SessionId::new(Uuid::from_u128(2)),
    expires_at: NOW + ACCESS_LIFETIME,
});

fn tokens(key: u8) -> JwtTokens {
    JwtTokens::new(&TokenKey::from_random(&[key; 32]), "https://chat.example", Arc::new(SystemClock))
}

#[test]
fn a_token_is_good_for_its_time() -> anyhow::Result<()> {
    let tokens = tokens(1);
    let token = tokens.issue(&ACCESS)?;
    assert_eq!(tokens.verify(&token, NOW), Ok(*ACCESS));
    assert_eq!(tokens.verify(&token, ACCESS.expires_at - Duration::from_millis(1)), Ok(*ACCESS));
    assert_eq!(tokens.verify(&token, ACCESS.expires_at), Err(TokenRefused::Expired));
    assert_eq!(ACCESS_LIFETIME, Duration::from_secs(900));
    Ok(())
}

#[test]
fn a_token_signed_with_another_key_is_refused() -> anyhow::Result<()> {
    let token = tokens(2).issue(&ACCESS)?;
    assert_eq!(tokens(1).verify(&token, NOW), Err(TokenRefused::Invalid));
    Ok(())
}

#[test]
fn a_token_altered_anywhere_is_refused() -> anyhow::Result<()> {
    let tokens = tokens(1);
    let token = tokens.issue(&ACCESS)?;
    for index in 0..token.len() {
        for replacement in ["A", "z", "_", ".", ""] {
            let mut altered = token.clone();
            altered.replace_range(index..=index, replacement);
            ensure!(altered == token || tokens.verify(&altered, NOW) == Err(TokenRefused::Invalid), "{index}: {altered}");
        }
    }
    Ok(())
}

#[test]
fn an_unsigned_token_is_refused() -> anyhow::Result<()> {
    let tokens = tokens(1);
    let token = tokens.issue(&ACCESS)?;
    let [header, claims, signature] = token.split('.').collect::<Vec<_>>()[..] else { anyhow::bail!("three parts: {token}") };
    // {"typ":"at+jwt","alg":"none"} with and without a signature, in two spellings.
    for unsigned in ["eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJub25lIn0", "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJOb25lIn0"] {
        for token in [format!("{unsigned}.{claims}."), format!("{unsigned}.{claims}"), format!("{unsigned}.{claims}.{signature}")] {
            assert_eq!(tokens.verify(&token, NOW), Err(TokenRefused::Invalid), "{token}");
        }
    }
    for token in [String::new(), ".".into(), "..".into(), format!("{header}.{claims}."), format!("{header}.{claims}"), "é.é.é".into()] {
        assert_eq!(tokens.verify(&token, NOW), Err(TokenRefused::Invalid), "{token}");
    }
    Ok(())
}

#[test]
fn a_server_without_a_signing_key_makes_one_and_keeps_it() -> anyhow::Result<()> {
    let (one, other) = (TempDir::new()?, TempDir::new()?);
    // Of a release whose tokens nobody takes any more.
    std::fs::write(one.path().join("token.secret"), [1; 32])?;
    let make = || TokenKey::random().to_pem();
    let made = token_key(one.path(), make)?;
    TokenKey::parse(&made)?;
    assert_eq!(token_key(one.path(), || unreachable!("there is one"))?, made);
    ensure!(token_key(other.path(), make)? != made);

    let file = one.path().join("token.key");
    #[cfg(unix)]
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&file)?.permissions()) & 0o777, 0o600);
    let names = std::fs::read_dir(one.path())?.map(|entry| Ok(entry?.file_name())).collect::<std::io::Result<Vec<_>>>()?;
    assert_eq!(names, ["token.key"]);
    Ok(())
}

#[test]
fn a_server_without_a_key_for_second_factors_makes_one_and_keeps_it() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let made = factor_key(folder.path(), AesCipher::random_key)?;
    AesCipher::parse(&made)?;
    assert_eq!(factor_key(folder.path(), || unreachable!("there is one"))?, made);
    let file = folder.path().join("factor.key");
    #[cfg(unix)]
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&file)?.permissions()) & 0o777, 0o600);
    let names = std::fs::read_dir(folder.path())?.map(|entry| Ok(entry?.file_name())).collect::<std::io::Result<Vec<_>>>()?;
    assert_eq!(names, ["factor.key"]);
    Ok(())
}

#[test]
fn new_identifiers_are_ordered_and_of_version_7() {
    let ids: Vec<_> = (0..1_000).map(|_| SystemIds.next()).collect();
    assert!(ids.is_sorted_by(|one, next| one < next));
    assert!(ids.iter().all(|id| id.get_version() == Some(Version::SortRand)));
    assert!(SystemClock.now() > NOW - Duration::from_secs(10 * 365 * 86_400));
}
