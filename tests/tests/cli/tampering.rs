//! Whatever is done to a log is found, on both profiles: by the chain alone what contradicts itself, by the seals everything that was
//! sealed.

use anyhow::{Context as _, ensure};
use posthaste_tests::Profile;
use serde_json::Value;

use super::Ran;
use super::sealed::Sealed;

/// What is done to a log of 60 events that was sealed at 20, 40 and 55; and the first position that is named as bad without the seals
/// and with them. None: nothing is found.
const CASES: &[(&[&str], Option<u64>, Option<u64>)] = &[
    (&["UPDATE events SET facts = '{}' WHERE position = 12"], Some(12), Some(12)),
    (&["UPDATE events SET content = (SELECT content FROM events WHERE position = 14) WHERE position = 13"], Some(13), Some(13)),
    (&["UPDATE events SET content = NULL WHERE position = 57"], Some(57), Some(57)),
    (&["UPDATE events SET actor = stream_id WHERE position = 14"], Some(14), Some(14)),
    (&["UPDATE events SET recorded_at = (SELECT recorded_at FROM events WHERE position = 1) WHERE position = 25"], Some(25), Some(25)),
    (&["UPDATE events SET hash = (SELECT hash FROM events WHERE position = 30) WHERE position = 31"], Some(31), Some(31)),
    (&["DELETE FROM events WHERE position = 16"], Some(16), Some(16)),
    (&["DELETE FROM events WHERE position = 1"], Some(1), Some(1)),
    // Deleted, and closed up.
    (
        &[
            "DELETE FROM events WHERE position = 17",
            "UPDATE events SET position = position + 1000 WHERE position > 17",
            "UPDATE events SET position = position - 1001 WHERE position > 17",
            "UPDATE log_head SET position = 59",
        ],
        Some(17),
        Some(17),
    ),
    // Two that changed places.
    (
        &[
            "UPDATE events SET position = 100 WHERE position = 18",
            "UPDATE events SET position = 18 WHERE position = 44",
            "UPDATE events SET position = 44 WHERE position = 100",
        ],
        Some(18),
        Some(18),
    ),
    // The tail cut off: alone; with the position of the head; with the head made to fit.
    (&["DELETE FROM events WHERE position > 50"], Some(51), Some(51)),
    (&["DELETE FROM events WHERE position > 50", "UPDATE log_head SET position = 50"], Some(50), Some(51)),
    (
        &[
            "DELETE FROM events WHERE position > 50",
            "UPDATE log_head SET position = 50, hash = (SELECT hash FROM events WHERE position = 50)",
        ],
        None,
        Some(51),
    ),
    // What was not sealed yet can be cut off unseen.
    (
        &[
            "DELETE FROM events WHERE position > 55",
            "UPDATE log_head SET position = 55, hash = (SELECT hash FROM events WHERE position = 55)",
        ],
        None,
        None,
    ),
    // Everything.
    (&["DELETE FROM events"], Some(1), Some(1)),
];

async fn found(ran: Ran, position: Option<u64>) -> anyhow::Result<()> {
    let Some(position) = position else { return ran.ok().map(drop) };
    let report: Value = serde_json::from_str(ran.said.trim()).with_context(|| format!("{ran:?}"))?;
    ensure!(report["log"] == "broken" && report["position"] == position, "{position} was to be found: {ran:?}");
    ran.refused(&[&format!("first bad position {position}:")])
}

/// Verifies it both ways.
async fn expect(sealed: &Sealed, alone: Option<u64>, with_seals: Option<u64>) -> anyhow::Result<()> {
    let (by_itself, by_seals) = tokio::join!(sealed.verify(false, &["--json"]), sealed.verify(true, &["--json"]));
    found(by_itself?, alone).await.context("without the seals")?;
    found(by_seals?, with_seals).await.context("with the seals")
}

async fn whatever_is_done_is_found(profile: Profile) -> anyhow::Result<()> {
    let sealed = Sealed::of_sixty(profile).await?;
    expect(&sealed, None, None).await.context("nothing was done")?;
    for (statements, alone, with_seals) in CASES {
        sealed.tamper(statements).await?;
        expect(&sealed, *alone, *with_seals).await.with_context(|| format!("{statements:?}"))?;
        sealed.restore("now").await?;
    }

    // Everything, and the head as it was at first.
    let genesis = format!("UPDATE log_head SET position = 0, hash = {}", if sealed.sandbox().is_some() { "'\\x" } else { "x'" });
    let genesis = format!("{genesis}{}'", "00".repeat(32));
    let everything = if sealed.sandbox().is_some() { "TRUNCATE events" } else { "DELETE FROM events" };
    sealed.tamper(&[everything, &genesis]).await?;
    expect(&sealed, None, Some(1)).await.context("everything, and the head")?;
    sealed.restore("now").await?;

    // Altered, and every hash after it made to fit.
    for (position, with_seals) in [(1, Some(1)), (2, Some(1)), (30, Some(21)), (40, Some(21)), (55, Some(41)), (56, None)] {
        sealed.rewrite(position).await?;
        expect(&sealed, None, with_seals).await.with_context(|| format!("rewritten from {position} on"))?;
        sealed.restore("now").await?;
    }

    // An old copy in the place of the log, which then goes on.
    sealed.restore("at_50").await?;
    expect(&sealed, None, Some(51)).await.context("an old copy")?;
    sealed.grow(60).await?;
    expect(&sealed, None, Some(41)).await.context("an old copy that has grown again")?;
    let ran = sealed.run(&["log", "seal", "--seals", "seals.jsonl", "--key", "seal.key"]).await?;
    ran.refused(&["first bad position", "was not sealed"])
}

#[tokio::test]
async fn whatever_is_done_to_a_file_is_found() -> anyhow::Result<()> {
    whatever_is_done_is_found(Profile::Embedded).await
}

#[tokio::test]
async fn whatever_is_done_to_a_database_is_found() -> anyhow::Result<()> {
    whatever_is_done_is_found(Profile::Distributed).await
}
