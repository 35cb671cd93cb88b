use super::*;

pub(super) fn load(file: &str, variables: &[(&str, &str)]) -> anyhow::Result<Config> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("posthaste.toml");
    std::fs::write(&path, file).unwrap();
    let variables = variables.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    Config::from_sources(Some(&path), variables)
}

const DISTRIBUTED: [(&str, &str); 7] = [
    ("POSTHASTE_PROFILE", "distributed"),
    ("POSTHASTE_POSTGRES__URL", "postgres://db/posthaste"),
    ("POSTHASTE_RABBITMQ__URL", "amqp://mq"),
    ("POSTHASTE_REDIS__URL", "redis://cache"),
    ("POSTHASTE_AUTH__SIGNING_KEY", "MC4CAQAwBQYDK2VwBCIEILom6DSXToIY3b9//ny6gfzunSZQZSoP2oxQC96XthEs"),
    ("POSTHASTE_AUTH__FACTOR_KEY", "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="),
    ("POSTHASTE_CONTENT__MASTER_KEY", "VGhlIG1hc3RlciBrZXkgdGhhdCB0ZXN0cyB1c2Ugb24="),
];

#[test]
fn nothing_given_is_the_embedded_profile() {
    assert!(matches!(load("", &[]).unwrap(), Config::Embedded(config) if config.server.listen.port() == 8080));
}

#[test]
fn the_environment_selects_the_distributed_profile() {
    let Config::Distributed(config) = load("", &DISTRIBUTED).unwrap() else { panic!("not distributed") };
    assert_eq!(config.postgres.url.reveal(), "postgres://db/posthaste");
    assert_eq!((config.postgres.connections, config.redis.prefix.as_str()), (16, "posthaste:"));
}

#[test]
fn the_environment_wins_over_the_file_and_the_file_over_the_defaults() {
    let config = load("[gateway]\nheartbeat_s = 7\nwindow_events = 3", &[("POSTHASTE_GATEWAY__HEARTBEAT_S", "9")]).unwrap();
    assert_eq!((config.gateway().heartbeat_s.get(), config.gateway().window_events, config.relay().lease_s), (9, 3, 5));
}

#[test]
fn only_where_there_are_other_processes_balancers_are_given_time_to_notice_a_stop() {
    let seconds = |variables: &[(&str, &str)]| load("", variables).unwrap().drain_grace().as_secs();
    assert_eq!((seconds(&[]), seconds(&DISTRIBUTED), seconds(&[("POSTHASTE_SERVER__DRAIN_GRACE_S", "9")])), (0, 5, 9));
}

#[test]
fn an_unknown_key_is_refused_by_name() {
    let error = format!("{:#}", load("[gateway]\nheartbeet_s = 7", &[]).unwrap_err());
    assert!(error.contains("heartbeet_s"), "{error}");
    assert!(load("", &[("POSTHASTE_TYPO", "1")]).is_err());
}

#[test]
fn the_distributed_profile_has_no_default_secret_and_no_default_services() {
    for missing in &DISTRIBUTED[1..] {
        let given = DISTRIBUTED.into_iter().filter(|variable| variable != missing).collect::<Vec<_>>();
        let error = format!("{:#}", load("", &given).unwrap_err());
        let key = missing.0.trim_start_matches("POSTHASTE_").to_lowercase();
        assert!(error.contains(key.split("__").next().unwrap()) || error.contains(key.split("__").last().unwrap()), "{key}: {error}");
    }
}

#[test]
fn variables_of_the_command_line_are_no_configuration() {
    load("", &[("POSTHASTE_LOG", "debug"), ("POSTHASTE_CONFIG", "elsewhere.toml"), ("PATH", "/bin")]).unwrap();
}

#[test]
fn a_value_of_the_wrong_kind_is_refused_with_its_key() {
    let error = format!("{:#}", load("", &[("POSTHASTE_GATEWAY__HEARTBEAT_S", "soon")]).unwrap_err());
    assert!(error.contains("gateway.heartbeat_s"), "{error}");
    let error = format!("{:#}", load("", &[("POSTHASTE_GATEWAY__ACK_TIMEOUT_S", "0")]).unwrap_err());
    assert!(error.contains("gateway.ack_timeout_s"), "{error}");
    let error = format!("{:#}", load("", &[("POSTHASTE_PROFILE", "hybrid")]).unwrap_err());
    assert!(error.contains("hybrid"), "{error}");
}

#[test]
fn a_secret_of_digits_is_a_text_like_any_other() {
    let secret = "0123456789012345678901234567890123456789";
    let given = DISTRIBUTED.into_iter().chain([("POSTHASTE_AUTH__SIGNING_KEY", secret)]).collect::<Vec<_>>();
    let Config::Distributed(config) = load("", &given).unwrap() else { panic!("not distributed") };
    assert_eq!(config.auth.signing_key.reveal(), secret);
}

#[test]
fn origins_are_a_list() {
    let config = load("", &[("POSTHASTE_GATEWAY__ORIGINS", "https://a.example,https://b.example")]).unwrap();
    assert_eq!(config.gateway().origins, ["https://a.example", "https://b.example"]);
    assert_eq!(load("", &[("POSTHASTE_GATEWAY__ORIGINS", "https://a.example")]).unwrap().gateway().origins, ["https://a.example"]);
}

#[test]
fn further_keys_are_a_list_and_not_shown() {
    let keys = "MCowBQYDK2VwAyEAaaaa,file:/etc/posthaste/old.pub";
    let given = DISTRIBUTED.into_iter().chain([("POSTHASTE_AUTH__ACCEPTED_KEYS", keys)]).collect::<Vec<_>>();
    let Config::Distributed(config) = load("", &given).unwrap() else { panic!("not distributed") };
    let revealed: Vec<_> = config.auth.accepted_keys.iter().map(Secret::reveal).collect();
    assert_eq!(revealed, keys.split(',').collect::<Vec<_>>());
    assert!(!format!("{config:?}").contains("aaaa"));
}

#[test]
fn registration_is_open_unless_it_is_closed() {
    assert_eq!(load("", &[]).unwrap().registration(), Registration::Open);
    assert_eq!(load("", &[("POSTHASTE_AUTH__REGISTRATION", "closed")]).unwrap().registration(), Registration::Closed);
    let error = format!("{:#}", load("[auth]\nregistration = 'sometimes'", &[]).unwrap_err());
    assert!(error.contains("sometimes"), "{error}");
}

#[test]
fn logins_last_as_long_as_is_said() {
    assert_eq!(load("", &[]).unwrap().lifetimes(), Lifetimes::default());
    assert!(load("[auth]\nsession_idle_s = 0", &[]).is_err());
}

#[test]
fn a_profile_takes_no_section_of_the_other() {
    assert!(load("[postgres]\nurl = 'postgres://db'", &[]).is_err());
    assert!(load("[embedded]\ndata = 'x'", &DISTRIBUTED).is_err());
}

#[test]
fn secrets_are_never_shown() {
    let config = load("", &DISTRIBUTED).unwrap();
    let shown = format!("{config:?}{}", serde_json::to_string(&config).unwrap());
    assert!(!shown.contains("MDEyMzQ1"), "{shown}");
    assert!(!shown.contains("MC4CAQAwBQYDK2VwBCIEILom6DSXToIY3b9//ny6gfzunSZQZSoP2oxQC96XthEs") && !shown.contains("//db"), "{shown}");
}

#[test]
fn a_collector_is_known_by_its_endpoint_and_what_is_sent_to_it_is_secret() {
    assert!(load("", &[]).unwrap().telemetry().settings().is_none());
    let endpoint = ("POSTHASTE_TELEMETRY__ENDPOINT", "http://collector:4318/v1/traces");
    let config = load("", &[endpoint, ("POSTHASTE_TELEMETRY__HEADERS__AUTHORIZATION", "Bearer s3cret")]).unwrap();
    let shown = format!("{config:?}{}", serde_json::to_string(&config).unwrap());
    assert!(shown.contains("collector:4318") && shown.contains("authorization") && !shown.contains("s3cret"), "{shown}");
    let settings = config.telemetry().settings().unwrap();
    assert_eq!((settings.service, settings.sampling, settings.headers["authorization"].as_str()), ("posthaste", 1.0, "Bearer s3cret"));
    settings.check().unwrap();
    let wrong = [
        ("POSTHASTE_TELEMETRY__ENDPOINT", "collector:4318", "endpoint"),
        ("POSTHASTE_TELEMETRY__SAMPLING", "1.5", "1.5"),
        ("POSTHASTE_TELEMETRY__HEADERS__AUTHORIZATION", "s3cret\n", "authorization"),
    ];
    for (key, value, named) in wrong {
        let config = load("", &[endpoint, (key, value)]).unwrap();
        let error = config.telemetry().settings().unwrap().check().unwrap_err().to_string();
        assert!(error.contains(named) && !error.contains("s3cret"), "{error}");
    }
}

#[test]
fn lists_can_be_given_by_the_environment_and_hold_only_what_they_can() {
    let proxies = ("POSTHASTE_SERVER__TRUSTED_PROXIES", "10.0.0.0/8,::1");
    let config = load("", &[proxies, ("POSTHASTE_GATEWAY__ORIGINS", "https://a.example,http://b.example:3000")]).unwrap();
    let trusted = config.server().proxies().unwrap();
    assert!(trusted.is_trusted("10.1.2.3".parse().unwrap()) && trusted.is_trusted("::1".parse().unwrap()));
    assert!(!trusted.is_trusted("127.0.0.1".parse().unwrap()));
    assert!(config.gateway().origins().unwrap().list("http://b.example:3000"));
    crate::compose::check(&config).unwrap();
    for (key, wrong) in [("POSTHASTE_SERVER__TRUSTED_PROXIES", "10.0.0.0/8,proxy"), ("POSTHASTE_GATEWAY__ORIGINS", "*")] {
        let error = crate::compose::check(&load("", &[(key, wrong)]).unwrap()).unwrap_err().to_string();
        assert!(error.contains("proxy") || error.contains('*'), "{error}");
    }
}

#[test]
fn limits_can_be_changed_one_by_one_scaled_and_switched_off() {
    let changed = ("POSTHASTE_LIMITS__LOGIN__PER_IP__BURST", "7");
    let config = load("[limits.frames]\ncmd = { burst = 5, per_minute = 60 }", &[changed]).unwrap();
    let (policies, frames) = (config.limits().policies().unwrap(), config.limits().frames().unwrap());
    assert_eq!(policies.login.per_ip.map(|rate| (rate.burst.get(), rate.every)), Some((7, Duration::from_secs(1))));
    assert_eq!(policies.register.per_user, None);
    assert_eq!((frames.cmd.burst.get(), frames.cmd.every, frames.read.burst.get()), (5, Duration::from_secs(1), 120));
    let scaled = load("[limits]\nscale = 10", &[changed]).unwrap().limits().policies().unwrap();
    assert_eq!(scaled.login.per_ip.map(|rate| (rate.burst.get(), rate.every)), Some((70, Duration::from_millis(100))));
    let off = load("[limits]\nenabled = false", &[]).unwrap();
    assert!(off.limits().policies().is_none() && off.limits().frames().is_none());
}
