//! What the dashboard, the alerts and the documentation name exists, and what can raise an alarm is explained.

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context as _, ensure};
use posthaste_application::meter::{ENDPOINT, Kind, METRICS, Metric, Series};
use posthaste_tests::metadata::root;
use serde_json::Value;

fn read(path: &str) -> anyhow::Result<String> {
    fs::read_to_string(root().join(path)).with_context(|| path.to_owned())
}

/// A mention of a metric: the metric, and what is said between the braces behind it.
struct Mention {
    metric: &'static Metric,
    labels: String,
}

/// Every mention of something that is called like a metric.
fn mentions(text: &str) -> anyhow::Result<Vec<Mention>> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices("posthaste_") {
        let end =
            text[at..].find(|character: char| !(character.is_ascii_alphanumeric() || character == '_')).map_or(text.len(), |end| at + end);
        let (name, after) = (&text[at..end], &text[end..]);
        // Roles of the database and a crate are called like metrics.
        if ["posthaste_server", "posthaste_owner", "posthaste_application", "posthaste_restored"].contains(&name) {
            continue;
        }
        let metric = METRICS.iter().find(|metric| {
            let part = name.strip_prefix(metric.name);
            part == Some("") || (metric.kind == Kind::Histogram && matches!(part, Some("_bucket" | "_sum" | "_count")))
        });
        let labels = after.strip_prefix('{').and_then(|labels| labels.split_once('}')).map(|(labels, _)| labels.to_owned());
        found.push(Mention { metric: metric.with_context(|| format!("there is no metric {name}"))?, labels: labels.unwrap_or_default() });
    }
    Ok(found)
}

impl Mention {
    /// The labels it has are those of the metric, and so are their values.
    fn check(&self) -> anyhow::Result<()> {
        let Self { metric, labels } = self;
        for (label, values) in selectors(labels) {
            let known: &[&str] = match metric.series {
                Series::Of(known, values) if known == label => values,
                Series::PerEndpoint if label == ENDPOINT => continue,
                Series::One | Series::Of(..) | Series::PerEndpoint => anyhow::bail!("{} has no label {label}", metric.name),
            };
            let unknown: Vec<_> = values.iter().filter(|value| !known.contains(&value.as_str())).collect();
            ensure!(unknown.is_empty(), "{} has no {label} {unknown:?}", metric.name);
        }
        Ok(())
    }
}

/// Labels with the values they are compared to: `reason=~"a|b"`.
fn selectors(labels: &str) -> Vec<(String, Vec<String>)> {
    let selector = |selector: &str| {
        let (label, values) = selector.split_once('"')?;
        let values = values.trim_end_matches('"').split('|').map(str::to_owned).collect();
        Some((label.trim().trim_end_matches(['=', '~', '!']).to_owned(), values))
    };
    labels.split(',').filter_map(selector).collect()
}

/// The names of the alerts, with their expressions.
fn alerts() -> anyhow::Result<Vec<(String, String)>> {
    let text = read("docs/operations/alerts.yml")?;
    let value = |line: &str, key: &str| line.trim().trim_start_matches("- ").strip_prefix(key).map(|value| value.trim().to_owned());
    let names: Vec<_> = text.lines().filter_map(|line| value(line, "alert:")).collect();
    let expressions: Vec<_> = text.lines().filter_map(|line| value(line, "expr:")).collect();
    ensure!(names.len() == expressions.len() && names.len() > 10, "{names:?}, {expressions:?}");
    Ok(names.into_iter().zip(expressions).collect())
}

fn expressions_of_dashboard() -> anyhow::Result<Vec<String>> {
    let dashboard: Value = serde_json::from_str(&read("docs/operations/grafana.json")?)?;
    let panels = dashboard["panels"].as_array().context("panels")?;
    let targets = panels.iter().flat_map(|panel| panel["targets"].as_array().into_iter().flatten());
    targets.map(|target| Ok(target["expr"].as_str().context("an expression")?.to_owned())).collect()
}

#[test]
fn every_metric_that_is_named_anywhere_exists_with_its_labels() -> anyhow::Result<()> {
    let mut named = 0;
    let alerts = alerts()?.into_iter().map(|(_, expression)| expression);
    for text in alerts.chain(expressions_of_dashboard()?).chain([read("docs/OPERATIONS.md")?]) {
        for mention in mentions(&text)? {
            mention.check().with_context(|| text.lines().next().unwrap_or_default().to_owned())?;
            named += 1;
        }
    }
    ensure!(named > METRICS.len(), "only {named} metrics are named");
    Ok(())
}

#[test]
fn every_metric_is_on_the_dashboard() -> anyhow::Result<()> {
    let mut missing: BTreeSet<_> = METRICS.iter().map(|metric| metric.name).collect();
    for expression in expressions_of_dashboard()? {
        for mention in mentions(&expression)? {
            missing.remove(mention.metric.name);
        }
    }
    ensure!(missing.is_empty(), "not on the dashboard: {missing:?}");
    Ok(())
}

#[test]
fn every_alert_has_a_section_that_says_what_to_do_and_every_section_an_alert() -> anyhow::Result<()> {
    let guide = read("docs/OPERATIONS.md")?;
    let sections: Vec<_> = guide.split("\n### ").skip(1).filter(|section| section.starts_with("Posthaste")).collect();
    let titles: BTreeSet<_> = sections.iter().filter_map(|section| section.lines().next()).collect();
    let alerts = alerts()?;
    let names: BTreeSet<_> = alerts.iter().map(|(name, _)| name.as_str()).collect();
    ensure!(names.len() == alerts.len(), "an alert twice");
    ensure!(titles == names, "alerts without a section or sections without an alert: {:?}", titles.symmetric_difference(&names));
    for section in sections {
        ensure!(section.lines().skip(1).map(str::len).sum::<usize>() > 120, "that is no help: {section}");
    }
    Ok(())
}

#[test]
fn every_expression_closes_what_it_opens() -> anyhow::Result<()> {
    for expression in alerts()?.into_iter().map(|(_, expression)| expression).chain(expressions_of_dashboard()?) {
        for (open, close) in [('(', ')'), ('{', '}'), ('[', ']')] {
            let count = |bracket| expression.matches(bracket).count();
            ensure!(count(open) == count(close), "{expression}");
        }
    }
    Ok(())
}

#[test]
fn a_metric_that_does_not_exist_is_found() {
    assert!(mentions("rate(posthaste_nothing_total[5m])").is_err());
    assert!(mentions("posthaste_sockets_bucket").is_err());
    let wrong = mentions("posthaste_closes_total{reason=~\"bye|tired\"}").unwrap();
    assert!(wrong[0].check().is_err());
    assert!(mentions("posthaste_sockets{reason=\"bye\"}").unwrap()[0].check().is_err());
    assert!(mentions("posthaste_check{check!~\"redis|draining\"} == 0").unwrap()[0].check().is_ok());
}
