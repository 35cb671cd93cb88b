//! `posthaste keys`: what personal content is sealed by.

use std::path::Path;

use clap::Subcommand;
use posthaste_application::content::rotate::{rotate, wraps};
use serde_json::json;

use super::Target;
use crate::cli::out::say;
use crate::compose::people::people;

/// See what the keys of content are wrapped by, and wrap them anew.
#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Count the keys by the master key that each is wrapped by
    Status(Target),
    /// Wrap every key by content.master_key that is wrapped by one of content.accepted_keys. Stopped anywhere, it can be run again
    Rotate(Target),
}

/// Does what is asked.
pub(crate) async fn run(file: Option<&Path>, command: KeysCommand) -> anyhow::Result<()> {
    let (KeysCommand::Status(target) | KeysCommand::Rotate(target)) = &command;
    let (config, json) = (target.load(file)?, target.json);
    let keyring = people(&config, false).await?.keyring;
    match command {
        KeysCommand::Status(_) => {
            let (wraps, current) = (wraps(&keyring).await?, keyring.masters().name());
            for (by, keys) in &wraps.by {
                let (said, is_current) = (by.to_string(), *by == current);
                if json {
                    say!("{}", json!({ "master_key": said, "current": is_current, "keys": keys }));
                } else {
                    say!("{said}  {keys} keys{}", if is_current { ", by content.master_key" } else { "" });
                }
            }
            if json {
                say!("{}", json!({ "destroyed": wraps.destroyed }));
            } else {
                say!("{} keys were destroyed", wraps.destroyed);
            }
        }
        KeysCommand::Rotate(_) => {
            let (rotated, by) = (rotate(&keyring).await?, keyring.masters().name().to_string());
            if json {
                say!("{}", json!({ "rotated": rotated, "master_key": by }));
            } else {
                say!("{rotated} keys were wrapped anew: all are wrapped by {by}");
            }
        }
    }
    Ok(())
}
