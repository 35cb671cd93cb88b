//! What can be configured: one type for each profile, so that a combination that makes no sense cannot be written.

mod auth;
mod content;
mod gateway;
mod limits;
mod mail;
mod oidc;
mod readiness;
mod relay;
mod rules;
mod seals;
mod secret;
mod server;
mod telemetry;
mod webhooks;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use config::builder::DefaultState;
use config::{ConfigBuilder, ConfigError, Environment, File, FileFormat, Value, ValueKind};
use posthaste_application::login::Lifetimes;
use posthaste_infrastructure::http::Registration;
use serde::{Deserialize, Serialize};

pub(crate) use self::auth::AuthConfig;
pub(crate) use self::content::ContentConfig;
use self::gateway::GatewayConfig;
use self::limits::LimitsConfig;
pub(crate) use self::mail::{MailConfig, Transport};
pub(crate) use self::oidc::{OidcConfig, OidcProviderConfig};
use self::readiness::ReadinessConfig;
use self::relay::RelayConfig;
use self::rules::RulesConfig;
pub(crate) use self::seals::SealsConfig;
pub(crate) use self::secret::Secret;
use self::server::ServerConfig;
pub(crate) use self::telemetry::TelemetryConfig;
pub(crate) use self::webhooks::{WebhookConfig, WebhookDeliveryConfig};

/// Every key with its default, documented.
const DEFAULTS: &str = include_str!("../config.default.toml");
/// Variables that the command line reads itself.
const NO_CONFIGURATION: [&str; 2] = ["POSTHASTE_CONFIG", "POSTHASTE_LOG"];
/// Those that hold a list, separated by commas, with their keys.
const LISTS: [(&str, &str); 4] = [
    ("POSTHASTE_AUTH__ACCEPTED_KEYS", "auth.accepted_keys"),
    ("POSTHASTE_CONTENT__ACCEPTED_KEYS", "content.accepted_keys"),
    ("POSTHASTE_GATEWAY__ORIGINS", "gateway.origins"),
    ("POSTHASTE_SERVER__TRUSTED_PROXIES", "server.trusted_proxies"),
];

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
    pub(crate) content: ContentConfig<Option<Secret>>,
    pub(crate) rules: RulesConfig,
    pub(crate) limits: LimitsConfig,
    pub(crate) gateway: GatewayConfig,
    pub(crate) relay: RelayConfig,
    pub(crate) readiness: ReadinessConfig,
    pub(crate) seals: SealsConfig,
    pub(crate) telemetry: TelemetryConfig,
    pub(crate) mail: MailConfig,
    pub(crate) oidc: OidcConfig,
    #[serde(default)]
    pub(crate) webhooks: Vec<WebhookConfig>,
    pub(crate) webhook_delivery: WebhookDeliveryConfig,
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
    pub(crate) content: ContentConfig<Secret>,
    pub(crate) rules: RulesConfig,
    pub(crate) limits: LimitsConfig,
    pub(crate) gateway: GatewayConfig,
    pub(crate) relay: RelayConfig,
    pub(crate) readiness: ReadinessConfig,
    pub(crate) seals: SealsConfig,
    pub(crate) telemetry: TelemetryConfig,
    pub(crate) mail: MailConfig,
    pub(crate) oidc: OidcConfig,
    #[serde(default)]
    pub(crate) webhooks: Vec<WebhookConfig>,
    pub(crate) webhook_delivery: WebhookDeliveryConfig,
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
            .and_then(|config| {
                let (webhooks, delivery) = config.webhooks();
                let checked = webhooks::check(webhooks, delivery).and_then(|()| config.seals().check());
                let checked = checked.and_then(|()| config.mail().check()).and_then(|()| config.oidc().check());
                checked.map_err(ConfigError::Message).map(|()| config)
            })
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

    /// How long a process that is being stopped still takes connections. The embedded profile is one process: there is no other that people
    /// could be sent to.
    pub(crate) const fn drain_grace(&self) -> Duration {
        let usual = match self {
            Self::Embedded(_) => 0,
            Self::Distributed(_) => 5,
        };
        match self.server().drain_grace_s {
            Some(seconds) => Duration::from_secs(seconds),
            None => Duration::from_secs(usual),
        }
    }

    /// How long logins are good for.
    pub(crate) const fn lifetimes(&self) -> Lifetimes {
        match self {
            Self::Embedded(config) => config.auth.lifetimes(),
            Self::Distributed(config) => config.auth.lifetimes(),
        }
    }

    /// Whether anybody may become a user.
    pub(crate) const fn registration(&self) -> Registration {
        match self {
            Self::Embedded(config) => config.auth.registration(),
            Self::Distributed(config) => config.auth.registration(),
        }
    }

    /// What users may do with each other.
    pub(crate) const fn rules(&self) -> &RulesConfig {
        match self {
            Self::Embedded(config) => &config.rules,
            Self::Distributed(config) => &config.rules,
        }
    }

    /// How often what may be done.
    pub(crate) const fn limits(&self) -> &LimitsConfig {
        match self {
            Self::Embedded(config) => &config.limits,
            Self::Distributed(config) => &config.limits,
        }
    }

    /// The domain that passkeys are made for, if any are, and what the service is called by them.
    pub(crate) fn passkeys(&self) -> (Option<&str>, &str) {
        match self {
            // Whoever tries the embedded profile does so on their own machine.
            Self::Embedded(config) => (config.auth.passkey_domain.as_deref().or(Some("localhost")), &config.auth.passkey_name),
            Self::Distributed(config) => (config.auth.passkey_domain.as_deref(), &config.auth.passkey_name),
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

    /// Where and how often the log is sealed.
    pub(crate) const fn seals(&self) -> &SealsConfig {
        match self {
            Self::Embedded(config) => &config.seals,
            Self::Distributed(config) => &config.seals,
        }
    }

    /// Where spans go.
    pub(crate) const fn telemetry(&self) -> &TelemetryConfig {
        match self {
            Self::Embedded(config) => &config.telemetry,
            Self::Distributed(config) => &config.telemetry,
        }
    }

    /// How mail is sent, and on what terms.
    pub(crate) const fn mail(&self) -> &MailConfig {
        match self {
            Self::Embedded(config) => &config.mail,
            Self::Distributed(config) => &config.mail,
        }
    }

    /// Where else somebody can have an account to log in with.
    pub(crate) const fn oidc(&self) -> &OidcConfig {
        match self {
            Self::Embedded(config) => &config.oidc,
            Self::Distributed(config) => &config.oidc,
        }
    }

    /// When a process says that it is not ready.
    pub(crate) const fn readiness(&self) -> &ReadinessConfig {
        match self {
            Self::Embedded(config) => &config.readiness,
            Self::Distributed(config) => &config.readiness,
        }
    }

    /// Whose servers are told what, and how.
    pub(crate) fn webhooks(&self) -> (&[WebhookConfig], &WebhookDeliveryConfig) {
        match self {
            Self::Embedded(config) => (&config.webhooks, &config.webhook_delivery),
            Self::Distributed(config) => (&config.webhooks, &config.webhook_delivery),
        }
    }
}

/// The variables that are configuration, as they stand: what looks like a number may be a password.
fn add_environment(given: ConfigBuilder<DefaultState>, mut variables: HashMap<String, String>) -> ConfigBuilder<DefaultState> {
    variables.retain(|key, _| !NO_CONFIGURATION.contains(&key.as_str()));
    let lists = LISTS.iter().filter_map(|(name, _)| variables.remove_entry(*name)).collect::<HashMap<_, _>>();
    let environment = |variables| Environment::with_prefix("POSTHASTE").prefix_separator("_").separator("__").source(Some(variables));
    let lists = environment(lists).try_parsing(true).list_separator(",");
    let lists = LISTS.iter().fold(lists, |lists, (_, key)| lists.with_list_parse_key(key));
    given.add_source(environment(variables)).add_source(lists)
}

#[cfg(test)]
mod tests;
