use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use reqwest::Url;

use super::browser::{Browser, sent_to};
use super::{CLIENT, SECRET, redirect_uri};
use crate::metadata::root;
use crate::services::{Port, Process, Scratch};

/// How long it may take to start, on a busy machine.
const START: Duration = Duration::from_secs(60);

/// `oidc-provider`, which is certified to do as the standard says: a process of its own, in which everybody has an account.
#[derive(Debug)]
pub struct Certified {
    port: Port,
    _process: Process,
    _scratch: Scratch,
}

impl Certified {
    /// Starts one that sends browsers back to the provider of this name. The first one ever is installed by npm, in the versions of
    /// `tests/oidc-provider/package-lock.json`, into the target folder.
    ///
    /// # Errors
    /// It cannot be installed, or does not start.
    pub async fn start(provider: &str) -> anyhow::Result<Self> {
        let (port, scratch) = (Port::reserve()?, Scratch::new()?);
        let program = root().join("tests/oidc-provider/provider.mjs");
        let mut command = Command::new("node");
        command.current_dir(installed().await?).arg(program).args([&port.number().to_string(), CLIENT, SECRET, &redirect_uri(provider)]);
        let mut process = Process::spawn("oidc-provider", command, &scratch.path().join("log"))?;
        let about = format!("http://127.0.0.1:{}/.well-known/openid-configuration", port.number());
        process.ready(START, || async { Ok(reqwest::get(&about).await?.error_for_status()?) }).await?;
        Ok(Self { port, _process: process, _scratch: scratch })
    }

    /// What it calls itself.
    #[must_use]
    pub fn issuer(&self) -> String {
        format!("http://127.0.0.1:{}", self.port.number())
    }

    /// Walks a browser that was sent to it through its pages as somebody, and gives where it sends the browser back to.
    ///
    /// # Errors
    /// Its pages are not as they were.
    pub async fn log_in(&self, browser: &mut Browser, url: &Url, name: &str) -> anyhow::Result<Url> {
        let login = sent_to(browser.open(url.as_str()).await?).await?;
        ensure!(browser.open(&self.at(&login)).await?.text().await?.contains("name=\"login\""), "no form at {login}");
        let form = [("prompt", "login"), ("login", name), ("password", "anything")];
        let on = sent_to(browser.send(&self.at(&login), &form).await?).await?;
        let consent = sent_to(browser.open(&self.at(&on)).await?).await?;
        let on = sent_to(browser.send(&self.at(&consent), &[("prompt", "consent")]).await?).await?;
        Ok(Url::parse(&sent_to(browser.open(&self.at(&on)).await?).await?)?)
    }

    fn at(&self, location: &str) -> String {
        if location.starts_with('/') { format!("{}{location}", self.issuer()) } else { location.to_owned() }
    }
}

/// The folder in which it is installed.
async fn installed() -> anyhow::Result<PathBuf> {
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    let folder = target.join("oidc-provider");
    tokio::task::spawn_blocking({
        let folder = folder.clone();
        move || prepare(&folder)
    })
    .await??;
    Ok(folder)
}

/// Installs it there unless it is: one of many processes at once.
fn prepare(folder: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(folder)?;
    let lock = File::create(folder.join("lock"))?;
    lock.lock()?;
    let source = root().join("tests/oidc-provider");
    let (wanted, there) = (fs::read(source.join("package-lock.json"))?, folder.join("installed.json"));
    if fs::read(&there).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    for file in ["package.json", "package-lock.json"] {
        fs::copy(source.join(file), folder.join(file))?;
    }
    let mut npm = Command::new("npm");
    npm.current_dir(folder).args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).stdin(Stdio::null());
    let installed = npm.output().context("npm cannot be run: apt-get install nodejs npm")?;
    ensure!(installed.status.success(), "npm ci failed: {}", String::from_utf8_lossy(&installed.stderr));
    fs::write(there, wanted)?;
    Ok(())
}
