//! `log seal`, `log verify --seals`, `log prove`, `log check-proof`, and the seals that a server writes.

use std::fs;
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use posthaste_application::port::SealStore;
use posthaste_infrastructure::file::SealFile;
use posthaste_tests::actor::User;
use posthaste_tests::services::Scratch;
use posthaste_tests::{Node, NodeSettings, Profile};
use serde_json::{Value, json};
use tokio::time::{Duration, Instant, sleep};

use super::sealed::Sealed;
use super::{run_in, run_with};

mod file {
    use super::{Arc, Scratch, SealFile, SealStore};

    posthaste_application::seals_contract!(fresh);

    async fn fresh(_test: &str) -> (Arc<dyn SealStore>, Scratch) {
        let folder = Scratch::new().expect("a folder");
        (Arc::new(SealFile::new(&folder.path().join("seals.jsonl"))), folder)
    }
}

fn lines(sealed: &Sealed) -> anyhow::Result<Vec<String>> {
    Ok(fs::read_to_string(sealed.path("seals.jsonl"))?.lines().map(ToOwned::to_owned).collect())
}

#[tokio::test]
async fn a_key_is_made_once_and_for_its_owner_alone() -> anyhow::Result<()> {
    let folder = Scratch::new()?;
    let said = run_in(folder.path(), &["log", "seal", "--generate-key", "k", "--json"], &[]).await?.ok()?;
    ensure!(serde_json::from_str::<Value>(&said)? == json!({ "key_file": "k", "public_key": "k.pub" }), "{said}");
    let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(folder.path().join("k"))?.permissions());
    ensure!(mode & 0o777 == 0o600, "{mode:o}");
    let before = fs::read(folder.path().join("k"))?;
    run_in(folder.path(), &["log", "seal", "--generate-key", "k"], &[]).await?.refused(&["cannot make a key in k"])?;
    ensure!(fs::read(folder.path().join("k"))? == before);
    ensure!(!said.contains("PRIVATE"));
    Ok(())
}

#[tokio::test]
async fn seals_that_were_tampered_with_are_refused() -> anyhow::Result<()> {
    let sealed = Sealed::of_sixty(Profile::Embedded).await?;
    let seals = lines(&sealed)?;
    let write = |lines: &[&str]| fs::write(sealed.path("seals.jsonl"), lines.iter().map(|line| format!("{line}\n")).collect::<String>());
    let [first, second, third] = [&seals[0], &seals[1], &seals[2]].map(String::as_str);
    let altered = second.replace("\"position\":40", "\"position\":41");
    ensure!(altered != second);
    let signature = second.find("\"signature\":\"").context("a signature")? + 13;
    let unsigned = format!("{}{}{}", &second[..signature], "0".repeat(128), &second[signature + 128..]);
    for (lines, complaint) in [
        (vec![first, third], "does not follow"),
        (vec![second, third], "does not follow"),
        (vec![second, first, third], "does not follow"),
        (vec![first, &altered, third], "does not say what was signed"),
        (vec![first, &unsigned], "does not say what was signed"),
        (vec![first, "", second], "line 2 is not a seal"),
        (vec![], "no seals"),
    ] {
        write(&lines)?;
        sealed.verify(true, &[]).await?.refused(&[complaint]).with_context(|| complaint.to_owned())?;
    }
    // Those of somebody else prove nothing, and whose seals count must be said.
    write(&[first, second, third])?;
    run_in(sealed.folder.path(), &["log", "seal", "--generate-key", "other"], &[]).await?.ok()?;
    let other = ["log", "verify", "--seals", "seals.jsonl", "--public-key", "other.pub"];
    sealed.run(&other).await?.refused(&["not trusted"])?;
    sealed.run(&other[..4]).await?.refused(&["--public-key"])?;
    sealed.verify(true, &[]).await?.ok().map(drop)
}

#[tokio::test]
async fn what_is_found_while_sealing_is_told_in_json_as_well() -> anyhow::Result<()> {
    let sealed = Sealed::new(Profile::Embedded).await?;
    sealed.grow(20).await?;
    sealed.seal().await?;
    sealed.grow(40).await?;
    sealed.tamper(&["UPDATE events SET content = NULL WHERE position = 30"]).await?;
    let ran = sealed.run(&["log", "seal", "--seals", "seals.jsonl", "--key", "seal.key", "--json"]).await?;
    let found: Value = serde_json::from_str(&ran.said).with_context(|| format!("{ran:?}"))?;
    ensure!(found["log"] == "broken" && found["position"] == 30 && found["reason"].is_string(), "{found}");
    ran.refused(&["was not sealed: first bad position 30"])
}

#[tokio::test]
async fn a_seal_that_was_cut_off_while_it_was_written_does_no_harm() -> anyhow::Result<()> {
    let sealed = Sealed::of_sixty(Profile::Embedded).await?;
    let text = fs::read_to_string(sealed.path("seals.jsonl"))?;
    fs::write(sealed.path("seals.jsonl"), &text[..text.len() - 100])?;
    let ran = sealed.verify(true, &[]).await?;
    ensure!(ran.complained.contains("has no end") && ran.said.contains("2 seals agree"), "{ran:?}");
    ensure!(sealed.seal().await?.contains("sealed: 60 events, seal 3"));
    let ran = sealed.verify(true, &[]).await?;
    ensure!(ran.complained.is_empty() && ran.said.contains("3 seals agree") && lines(&sealed)?.len() == 3, "{ran:?}");
    Ok(())
}

#[tokio::test]
async fn a_range_says_what_it_rests_on() -> anyhow::Result<()> {
    let sealed = Sealed::of_sixty(Profile::Embedded).await?;
    sealed.tamper(&["UPDATE events SET actor = NULL WHERE position = 12"]).await?;
    let said = sealed.verify(false, &["--from", "31", "--to", "45"]).await?.ok()?;
    ensure!(said.starts_with("verified: 15 events, 31 to 45") && said.contains("stored at position 30"), "{said}");
    let report: Value = serde_json::from_str(&sealed.verify(true, &["--from", "41", "--json"]).await?.ok()?)?;
    let expected = json!({ "log": "verified", "head": 60, "from": 41, "to": 60, "rests_on": { "seal_of": 40 }, "seals": 2 });
    ensure!(report == expected, "{report}");
    sealed.verify(false, &["--from", "5", "--to", "20"]).await?.refused(&["first bad position 12:"])?;
    sealed.verify(false, &["--from", "62"]).await?.refused(&["ends at position 60"])?;
    sealed.verify(false, &["--to", "61"]).await?.refused(&["60"])?;
    sealed.verify(false, &["--from", "0"]).await?.refused(&["begin with 1"])
}

/// Proves an event and gives the proof.
async fn prove(sealed: &Sealed, position: &str, more: &[&str]) -> anyhow::Result<Value> {
    let command = ["log", "prove", position, "--seals", "seals.jsonl", "--public-key", "seal.key.pub"];
    Ok(serde_json::from_str(&sealed.run(&[&command, more].concat()).await?.ok()?)?)
}

async fn an_event_is_proven_to_whoever_has_the_public_key(profile: Profile) -> anyhow::Result<()> {
    let sealed = Sealed::of_sixty(profile).await?;
    // Somebody who has the proof and the key, and nothing else.
    let folder = Scratch::new()?;
    fs::copy(sealed.path("seal.key.pub"), folder.path().join("key"))?;
    let check = async |proof: &Value| {
        fs::write(folder.path().join("proof.json"), proof.to_string())?;
        run_in(folder.path(), &["log", "check-proof", "proof.json", "--public-key", "key"], &[]).await
    };
    for (number, sealed_at) in [(1, 20), (20, 20), (21, 40), (33, 40), (55, 55)] {
        let position = &number.to_string();
        let proof = prove(&sealed, position, &[]).await?;
        ensure!(proof["seal"]["position"] == sealed_at && proof["event"]["position"] == number, "{proof}");
        let said = check(&proof).await?.ok()?;
        ensure!(said.contains(&format!("words {position}\"")), "{said}");
        let hidden = prove(&sealed, position, &["--without-content", "--upto", "55"]).await?;
        ensure!(hidden["seal"]["position"] == 55 && !hidden.to_string().contains("words") && hidden["rest"].is_null(), "{hidden}");
        let said = check(&hidden).await?.ok()?;
        ensure!(said.contains("content not shown"), "{said}");
        let mut altered = hidden;
        altered["event"]["actor"] = json!("00000000-0000-0001-0000-00000000000f");
        check(&altered).await?.refused(&["proves nothing", "not among those"]).with_context(|| position.clone())?;
    }
    let command = ["log", "prove", "33", "--seals", "seals.jsonl", "--public-key", "seal.key.pub", "-o", "p.json", "--json"];
    let said = sealed.run(&command).await?.ok()?;
    ensure!(serde_json::from_str::<Value>(&said)? == json!({ "position": 33, "sealed": 40, "path": 4, "file": "p.json" }), "{said}");

    // What is not sealed, or not any more what was sealed, is not proven.
    let command = |position| ["log", "prove", position, "--seals", "seals.jsonl", "--public-key", "seal.key.pub"];
    sealed.run(&command("56")).await?.refused(&["no seal covers"])?;
    sealed.run(&command("0")).await?.refused(&["does not cover"])?;
    sealed.rewrite(35).await?;
    sealed.run(&command("33")).await?.refused(&["33", "40", "not those that were sealed"])
}

#[tokio::test]
async fn an_event_of_a_file_is_proven_to_whoever_has_the_public_key() -> anyhow::Result<()> {
    an_event_is_proven_to_whoever_has_the_public_key(Profile::Embedded).await
}

#[tokio::test]
async fn an_event_of_a_database_is_proven_to_whoever_has_the_public_key() -> anyhow::Result<()> {
    an_event_is_proven_to_whoever_has_the_public_key(Profile::Distributed).await
}

/// A server seals what happens, and goes on after it was killed.
async fn a_server_seals_its_log(profile: Profile) -> anyhow::Result<()> {
    let sealed = Sealed::new(profile).await?;
    // Enough that a seal is due at once.
    sealed.grow(30).await?;
    let settings = match sealed.sandbox() {
        None => NodeSettings::embedded(&sealed.path("data")),
        Some(sandbox) => NodeSettings::distributed(sandbox),
    };
    let settings = settings
        .with("SEALS__FILE", sealed.path("seals.jsonl").to_string_lossy())
        .with("SEALS__KEY_FILE", sealed.path("seal.key").to_string_lossy())
        .with("SEALS__EVERY_EVENTS", "30");
    let mut node = Node::start("a node that seals", settings.clone()).await?;
    until_sealed(&sealed, 1).await?;
    node.kill9()?;
    // As if it had been killed while it wrote.
    let text = fs::read_to_string(sealed.path("seals.jsonl"))?;
    fs::write(sealed.path("seals.jsonl"), format!("{text}{{\"number\":2,\"log\":\""))?;
    sealed.grow(60).await?;
    node.restart().await?;
    until_sealed(&sealed, 2).await?;
    let said = sealed.verify(true, &[]).await?.ok()?;
    ensure!(said.contains("2 seals agree") && said.contains("up to position 60"), "{said}");

    // Few events, and some time: as much as that is what is at stake.
    ensure!(node.terminate().await?.success());
    sealed.grow(65).await?;
    let mut node =
        Node::start("a node that seals by the clock", settings.with("SEALS__EVERY_EVENTS", "1000000").with("SEALS__EVERY_S", "1")).await?;
    until_sealed(&sealed, 3).await?;
    // While nothing happens nothing is sealed.
    User::register(&node.base(), "alice").await?;
    until_sealed(&sealed, 4).await?;
    ensure!(node.terminate().await?.success());
    let said = sealed.verify(true, &[]).await?.ok()?;
    ensure!(said.contains("4 seals agree"), "{said}");
    Ok(())
}

async fn until_sealed(sealed: &Sealed, count: usize) -> anyhow::Result<()> {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let text = fs::read_to_string(sealed.path("seals.jsonl")).unwrap_or_default();
        if text.ends_with('\n') && text.lines().count() == count {
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "{count} seals were to be written, and there is: {text}");
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_server_seals_its_file() -> anyhow::Result<()> {
    a_server_seals_its_log(Profile::Embedded).await
}

#[tokio::test]
async fn a_server_seals_its_database() -> anyhow::Result<()> {
    a_server_seals_its_log(Profile::Distributed).await
}

#[tokio::test]
async fn sealing_needs_a_key_and_a_log_that_holds_something() -> anyhow::Result<()> {
    let sealed = Sealed::new(Profile::Embedded).await?;
    let command = ["log", "seal", "--seals", "s", "--key", "seal.key"];
    sealed.run(&command).await?.refused(&["nothing to seal"])?;
    sealed.run(&command[..4]).await?.refused(&["seals.key_file"])?;
    sealed.run(&["log", "seal", "--seals", "s", "--key", "seal.key.pub"]).await?.refused(&["seal.key.pub"])?;
    run_with(&["serve"], &[("POSTHASTE_SEALS__FILE", "s")]).await?.refused(&["--generate-key"])
}
