//! What came of it: a table for people, one JSON object for programs.

use std::fmt::Write as _;

use posthaste_tests::Profile;
use serde_json::{Map, Value, json};

/// The figures of one run, each with its name; the name ends with the unit.
#[derive(Clone, Debug, Default)]
pub(crate) struct Figures(Vec<(String, f64)>);

impl Figures {
    /// Adds one.
    pub(crate) fn add(&mut self, name: impl Into<String>, value: f64) {
        self.0.push((name.into(), value));
    }

    /// Adds those of another kind.
    pub(crate) fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// The one of this name.
    pub(crate) fn get(&self, name: &str) -> Option<f64> {
        self.0.iter().find(|(own, _)| own == name).map(|(_, value)| *value)
    }
}

/// The figures of all runs of a scenario.
#[derive(Debug)]
pub(crate) struct Report {
    scenario: &'static str,
    profile: Profile,
    parameters: Vec<(&'static str, Value)>,
    runs: Vec<Figures>,
}

impl Report {
    /// Of no run yet.
    pub(crate) fn new(scenario: &'static str, profile: Profile, parameters: Vec<(&'static str, Value)>) -> Self {
        Self { scenario, profile, parameters, runs: Vec::new() }
    }

    /// Adds a run.
    pub(crate) fn add(&mut self, figures: Figures) {
        self.runs.push(figures);
    }

    /// Lowest, median and highest of every figure.
    fn summary(&self) -> Vec<(&str, [f64; 3])> {
        let names = self.runs.first().into_iter().flat_map(|run| run.0.iter().map(|(name, _)| name.as_str()));
        let of = |name: &str| {
            let mut values: Vec<_> = self.runs.iter().filter_map(|run| run.get(name)).collect();
            values.sort_by(f64::total_cmp);
            let last = values.len() - 1;
            [values[0], f64::midpoint(values[last / 2], values[last.div_ceil(2)]), values[last]]
        };
        names.map(|name| (name, of(name))).collect()
    }

    /// The median of a figure.
    pub(crate) fn median(&self, name: &str) -> Option<f64> {
        self.summary().into_iter().find(|(own, _)| *own == name).map(|(_, [_, median, _])| median)
    }

    /// For people.
    pub(crate) fn table(&self) -> String {
        let parameters: Vec<_> = self.parameters.iter().map(|(name, value)| format!("{name} {value}")).collect();
        let mut table = format!("{}, {}: {}\n", self.scenario, name_of(self.profile), parameters.join(", "));
        let _ = writeln!(table, "  {:<34} {:>14} {:>14} {:>14}", format!("of {} runs", self.runs.len()), "median", "lowest", "highest");
        for (name, [lowest, median, highest]) in self.summary() {
            let _ = writeln!(table, "  {name:<34} {:>14} {:>14} {:>14}", number(median), number(lowest), number(highest));
        }
        table
    }

    /// For programs: the medians by name, and the others under `lowest` and `highest`.
    pub(crate) fn json(&self) -> Value {
        let mut object = Map::new();
        object.insert("scenario".to_owned(), json!(self.scenario));
        object.insert("profile".to_owned(), json!(name_of(self.profile)));
        object.extend(self.parameters.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        object.insert("runs".to_owned(), json!(self.runs.len()));
        let (mut lows, mut highs) = (Map::new(), Map::new());
        for (name, [lowest, median, highest]) in self.summary() {
            object.insert(name.to_owned(), json!(rounded(median)));
            lows.insert(name.to_owned(), json!(rounded(lowest)));
            highs.insert(name.to_owned(), json!(rounded(highest)));
        }
        object.insert("lowest".to_owned(), Value::Object(lows));
        object.insert("highest".to_owned(), Value::Object(highs));
        Value::Object(object)
    }
}

/// As it is written on the command line.
pub(crate) const fn name_of(profile: Profile) -> &'static str {
    match profile {
        Profile::Embedded => "embedded",
        Profile::Distributed => "distributed",
    }
}

fn rounded(value: f64) -> f64 {
    (value * 1_000.0).round() / 1_000.0
}

/// With as many digits as mean something, and thousands apart.
fn number(value: f64) -> String {
    if value.abs() < 100.0 {
        return format!("{value:.2}");
    }
    let digits = format!("{value:.0}");
    let mut apart = String::new();
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n) % 3 == 0 && digit != '-' {
            apart.push(',');
        }
        apart.push(digit);
    }
    apart
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_told_with_the_lowest_and_the_highest() {
        let mut report = Report::new("pairs", Profile::Embedded, vec![("pairs", json!(3))]);
        for (rate, lag) in [(30_000.0, 1.0), (10_000.0, 2.0), (20_000.0, 9.0)] {
            let mut figures = Figures::default();
            figures.add("messages_per_s", rate);
            figures.add("lag", lag);
            report.add(figures);
        }
        let json = report.json();
        assert_eq!((&json["messages_per_s"], &json["lowest"]["messages_per_s"]), (&json!(20_000.0), &json!(10_000.0)));
        assert_eq!((&json["lag"], &json["highest"]["lag"], &json["pairs"]), (&json!(2.0), &json!(9.0), &json!(3)));
        let table = report.table();
        assert!(table.contains("20,000") && table.contains("9.00"), "{table}");
    }

    #[test]
    fn of_two_runs_the_median_is_between() {
        let mut report = Report::new("pairs", Profile::Embedded, Vec::new());
        for rate in [1.0, 4.0] {
            let mut figures = Figures::default();
            figures.add("rate", rate);
            report.add(figures);
        }
        assert_eq!(report.median("rate"), Some(2.5));
    }
}
