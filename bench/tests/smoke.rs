//! Every scenario, as small as it can be, with the server that was built for the tests: each proves by itself that nothing is missing.
//! What is asserted is what came, never how fast.

use std::env;
use std::process::Command;

use serde_json::Value;

/// Runs every scenario of a profile and gives the reports.
fn every_scenario(profile: &str) -> Vec<Value> {
    let server = env::var("POSTHASTE_BIN").expect("POSTHASTE_BIN names the server: run tests/run");
    let mut bench = Command::new(env!("CARGO_BIN_EXE_posthaste-bench"));
    bench.args(["all", "--tiny", "--json", "--no-floor", "--runs", "1", "--seconds", "0.2", "--warm-up", "0.1"]);
    let output = bench.args(["--profile", profile, "--server", &server]).output().expect("the benchmark starts");
    let (said, complained) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}: {said}{complained}", output.status);
    let last = said.lines().last().expect("it says something");
    let mut object: Value = serde_json::from_str(last).expect("the last line is one object");
    let Value::Array(reports) = object["reports"].take() else { panic!("{object}") };
    reports
}

/// The report of a scenario.
fn report<'a>(reports: &'a [Value], scenario: &str) -> &'a Value {
    let found = reports.iter().find(|report| report["scenario"] == scenario);
    found.unwrap_or_else(|| panic!("{scenario} is not among {reports:?}"))
}

/// What every profile has.
fn check(reports: &[Value], profile: &str) {
    // Each message has come to every device of its thread, the author's own included; of the rooms', to three each.
    for (scenario, devices) in [("pairs", 2.0), ("room", 5.0), ("rooms", 3.0), ("hot", 1.0), ("backlog", 2.0), ("growth", 2.0)] {
        let report = report(reports, scenario);
        assert_eq!(report["profile"], profile);
        let proved = |what: &str| report[what].as_f64().unwrap_or_default();
        assert!(proved("proved_messages") > 0.0, "{report}");
        assert!((proved("proved_arrivals") - devices * proved("proved_messages")).abs() < 0.5, "{report}");
    }
    assert!(report(reports, "append")["proved_events"].as_f64() > Some(0.0), "{reports:?}");
    assert_eq!(report(reports, "resume")["missed"], 3);
    assert_eq!(report(reports, "idle")["connections"], 10);
    let sizes = |scenario: &str, size: &str| -> Vec<Value> {
        reports.iter().filter(|report| report["scenario"] == scenario).map(|report| report[size].clone()).collect()
    };
    assert_eq!(sizes("growth", "events"), [70, 700, 7_000]);
    // First as they are, then as they grow.
    assert_eq!(sizes("pairs", "pairs"), [2, 2, 1, 2, 4]);
    assert_eq!(sizes("rooms", "rooms"), [4, 1, 2, 4]);
    for scenario in ["verify", "rebuild"] {
        assert!(report(reports, scenario)["events_per_s"].as_f64() > Some(0.0), "{reports:?}");
    }
}

#[test]
fn every_scenario_runs_on_the_embedded_profile() {
    check(&every_scenario("embedded"), "embedded");
}

#[test]
fn every_scenario_runs_on_the_distributed_profile() {
    let reports = every_scenario("distributed");
    check(&reports, "distributed");
    let nodes: Vec<_> = reports.iter().filter(|report| report["scenario"] == "nodes").map(|report| report["nodes"].clone()).collect();
    assert_eq!(nodes, [1, 2]);
}
