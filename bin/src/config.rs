//! What can be configured: one type for each profile, so that a combination that makes no sense cannot be written.

use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use config::builder::DefaultState;
use config::{ConfigBuilder, ConfigError, Environment, File, FileFormat, Value, ValueKind};
use posthaste_application::deliver::Window;
use posthaste_application::relay::RelayTiming;
use posthaste_infrastructure::ws::GatewaySettings;
use serde::{Deserialize, Serialize};

/// Every key with its default, documented.
const DEFAULTS: &str = include_str!("../config.default.toml");
/// Variables that the command line reads itself.
const NO_CONFIGURATION: [&str; 2] = ["POSTHASTE_CONFIG", "POSTHASTE_LOG"];
/// The one that holds a list, separated by commas.
const ORIGINS: &str = "POSTHASTE_GATEWAY__ORIGINS";

/// Text that is never shown.
#[derive(Clone, Deserialize, Serialize)]
#[serde(from = "String", into = "String")]
pub(crate) struct Secret(String);

impl Secret {
    /// The text itself.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<Secret> for String {
    /// Serialised for people to read, so without the secret.
    fn from(_: Secret) -> Self {
        "(hidden)".to_owned()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(hidden)")
    }
}

/// The configuration of a process.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "profile", rename_all = "lowercase")]
pub(crate) enum Config {
    /// One process, one file.
    Embedded(EmbeddedConfig),
    /// Many processes over PostgreSQL, RabbitMQ and Redis.
    Distributed(DistributedConfig),
}

/// The embedded profile.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EmbeddedConfig {
    pub(crate) embedded: DataConfig,
    pub(crate) server: ServerConfig,
    pub(crate) auth: AuthConfig<Option<Secret>>,
    pub(crate) gateway: GatewayConfig,
    pub(crate) relay: RelayConfig,
}

/// The distributed profile.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DistributedConfig {
    pub(crate) postgres: PostgresConfig,
    pub(crate) rabbitmq: RabbitMqConfig,
    pub(crate) redis: RedisConfig,
    pub(crate) server: ServerConfig,
    pub(crate) auth: AuthConfig<Secret>,
    pub(crate) gateway: GatewayConfig,
    pub(crate) relay: RelayConfig,
}

/// Where the embedded profile keeps everything.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DataConfig {
    pub(crate) data: PathBuf,
}

/// PostgreSQL.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PostgresConfig {
    pub(crate) url: Secret,
    pub(crate) owner_url: Option<Secret>,
    #[serde(default = "PostgresConfig::connections")]
    pub(crate) connections: usize,
}

impl PostgresConfig {
    const fn connections() -> usize {
        16
    }
}

/// RabbitMQ.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RabbitMqConfig {
    pub(crate) url: Secret,
}

/// Redis.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RedisConfig {
    pub(crate) url: Secret,
    #[serde(default = "RedisConfig::prefix")]
    pub(crate) prefix: String,
}

impl RedisConfig {
    fn prefix() -> String {
        "posthaste:".to_owned()
    }
}

/// Where the server listens.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ServerConfig {
    pub(crate) listen: SocketAddr,
}

/// Who is who.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AuthConfig<S> {
    pub(crate) secret: S,
    pub(crate) access_token_s: u64,
    pub(crate) password_memory_kib: u32,
    pub(crate) password_passes: u32,
    pub(crate) password_lanes: u32,
}

/// How sockets are treated.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GatewayConfig {
    pub(crate) heartbeat_s: u64,
    pub(crate) window_events: usize,
    pub(crate) window_bytes: usize,
    pub(crate) sockets_per_user: usize,
    pub(crate) origins: Vec<String>,
}

impl GatewayConfig {
    /// As the gateway takes it.
    pub(crate) fn settings(&self) -> GatewaySettings {
        GatewaySettings {
            heartbeat: Duration::from_secs(self.heartbeat_s),
            window: Window { events: self.window_events, bytes: self.window_bytes },
            sockets_per_user: self.sockets_per_user,
            origins: self.origins.clone(),
            ..GatewaySettings::default()
        }
    }
}

/// How the relay holds its lease.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RelayConfig {
    pub(crate) lease_s: u64,
    pub(crate) checkpoint_ms: u64,
}

impl RelayConfig {
    /// As the relay takes it.
    pub(crate) fn timing(&self) -> RelayTiming {
        RelayTiming {
            lease: Duration::from_secs(self.lease_s),
            checkpoint: Duration::from_millis(self.checkpoint_ms),
            ..RelayTiming::default()
        }
    }
}

impl Config {
    /// Reads the defaults, then the file if there is one, then the environment.
    pub(crate) fn load(file: Option<&Path>) -> anyhow::Result<Self> {
        let variables = std::env::vars_os().filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?)));
        Self::from_sources(file, variables.collect())
    }

    fn from_sources(file: Option<&Path>, variables: HashMap<String, String>) -> anyhow::Result<Self> {
        let mut given = config::Config::builder();
        if let Some(file) = file {
            given = given.add_source(File::from(file).format(FileFormat::Toml));
        }
        let given = add_environment(given, variables).build().context("the configuration cannot be read")?;
        let mut defaults: toml::Table = DEFAULTS.parse().context("the defaults cannot be read")?;
        // The section of the other profile is no part of this one, and giving it is a mistake.
        if given.get_string("profile").is_ok_and(|profile| profile == "distributed") {
            defaults.remove("embedded");
        }
        let defaults = toml::to_string(&defaults).context("the defaults cannot be written")?;
        let whole = config::Config::builder().add_source(File::from_str(&defaults, FileFormat::Toml)).add_source(given).build();
        whole
            .and_then(Self::from_whole)
            .context("the configuration is not right: see bin/config.default.toml or `posthaste config print` for every key")
    }

    /// By hand, because a tagged enum reads a value before it knows its type: then a mistake has no key, and a number is no text.
    fn from_whole(whole: config::Config) -> Result<Self, ConfigError> {
        let mut sections = whole.cache.into_table()?;
        let profile = sections.remove("profile").ok_or_else(|| ConfigError::NotFound("profile".to_owned()))?.into_string()?;
        let sections = Value::new(None, ValueKind::Table(sections));
        match profile.as_str() {
            "embedded" => EmbeddedConfig::deserialize(sections).map(Self::Embedded),
            "distributed" => DistributedConfig::deserialize(sections).map(Self::Distributed),
            _ => Err(ConfigError::Message(format!("the profile `{profile}` is neither `embedded` nor `distributed`"))),
        }
    }

    /// Where to listen.
    pub(crate) const fn server(&self) -> &ServerConfig {
        match self {
            Self::Embedded(config) => &config.server,
            Self::Distributed(config) => &config.server,
        }
    }

    /// Where to listen, to be changed.
    pub(crate) const fn server_mut(&mut self) -> &mut ServerConfig {
        match self {
            Self::Embedded(config) => &mut config.server,
            Self::Distributed(config) => &mut config.server,
        }
    }

    /// How long an access token is good for.
    pub(crate) const fn access_token(&self) -> Duration {
        match self {
            Self::Embedded(config) => Duration::from_secs(config.auth.access_token_s),
            Self::Distributed(config) => Duration::from_secs(config.auth.access_token_s),
        }
    }

    /// How to treat sockets.
    pub(crate) const fn gateway(&self) -> &GatewayConfig {
        match self {
            Self::Embedded(config) => &config.gateway,
            Self::Distributed(config) => &config.gateway,
        }
    }

    /// How to relay.
    pub(crate) const fn relay(&self) -> &RelayConfig {
        match self {
            Self::Embedded(config) => &config.relay,
            Self::Distributed(config) => &config.relay,
        }
    }
}

/// The variables that are configuration, as they stand: what looks like a number may be a password.
fn add_environment(given: ConfigBuilder<DefaultState>, mut variables: HashMap<String, String>) -> ConfigBuilder<DefaultState> {
    variables.retain(|key, _| !NO_CONFIGURATION.contains(&key.as_str()));
    let lists = variables.remove_entry(ORIGINS).into_iter().collect::<HashMap<_, _>>();
    let environment = |variables| Environment::with_prefix("POSTHASTE").prefix_separator("_").separator("__").source(Some(variables));
    given
        .add_source(environment(variables))
        .add_source(environment(lists).try_parsing(true).list_separator(",").with_list_parse_key("gateway.origins"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(file: &str, variables: &[(&str, &str)]) -> anyhow::Result<Config> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("posthaste.toml");
        std::fs::write(&path, file).unwrap();
        let variables = variables.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Config::from_sources(Some(&path), variables)
    }

    const DISTRIBUTED: [(&str, &str); 5] = [
        ("POSTHASTE_PROFILE", "distributed"),
        ("POSTHASTE_POSTGRES__URL", "postgres://db/posthaste"),
        ("POSTHASTE_RABBITMQ__URL", "amqp://mq"),
        ("POSTHASTE_REDIS__URL", "redis://cache"),
        ("POSTHASTE_AUTH__SECRET", "0123456789abcdef0123456789abcdef"),
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
        assert_eq!((config.gateway().heartbeat_s, config.gateway().window_events, config.relay().lease_s), (9, 3, 5));
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
        let error = format!("{:#}", load("", &[("POSTHASTE_PROFILE", "hybrid")]).unwrap_err());
        assert!(error.contains("hybrid"), "{error}");
    }

    #[test]
    fn a_secret_of_digits_is_a_text_like_any_other() {
        let secret = "0123456789012345678901234567890123456789";
        let given = DISTRIBUTED.into_iter().chain([("POSTHASTE_AUTH__SECRET", secret)]).collect::<Vec<_>>();
        let Config::Distributed(config) = load("", &given).unwrap() else { panic!("not distributed") };
        assert_eq!(config.auth.secret.reveal(), secret);
    }

    #[test]
    fn origins_are_a_list() {
        let config = load("", &[("POSTHASTE_GATEWAY__ORIGINS", "https://a.example,https://b.example")]).unwrap();
        assert_eq!(config.gateway().origins, ["https://a.example", "https://b.example"]);
        assert_eq!(load("", &[("POSTHASTE_GATEWAY__ORIGINS", "https://a.example")]).unwrap().gateway().origins, ["https://a.example"]);
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
        assert!(!shown.contains("0123456789abcdef") && !shown.contains("//db"), "{shown}");
    }
}
