//! What the processes of a run take of the machine, as `/proc` tells.

use std::collections::BTreeMap;
use std::fs;
use std::process;
use std::time::Instant;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Ticks of the processor time in `/proc`, on every Linux there is.
const TICKS_PER_S: f64 = 100.0;

/// What the processes of one kind have taken.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    /// Processor time, in seconds.
    pub(crate) cpu_s: f64,
    /// Memory, in KiB. What several processes share is counted once.
    pub(crate) memory_kib: f64,
}

/// A look at every process of ours.
#[derive(Debug)]
pub(crate) struct Look {
    /// When.
    pub(crate) at: Instant,
    /// Of each kind.
    pub(crate) usage: BTreeMap<&'static str, Usage>,
}

impl Look {
    /// Takes one: at this process, and at everything it has started.
    pub(crate) fn take() -> Self {
        let mut usage: BTreeMap<_, Usage> = BTreeMap::new();
        let own = process::id();
        for id in family(own) {
            let Some((cpu_s, kind)) = of(id, own) else { continue };
            let sum = usage.entry(kind).or_default();
            sum.cpu_s += cpu_s;
            sum.memory_kib += memory(id, kind);
        }
        Self { at: Instant::now(), usage }
    }
}

/// The processor time of a process, and what kind it is.
fn of(id: u32, own: u32) -> Option<(f64, &'static str)> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let (begin, end) = (stat.find('(')?, stat.rfind(')')?);
    let serves = || fs::read(format!("/proc/{id}/cmdline")).is_ok_and(|line| line.split(|byte| *byte == 0).nth(1) == Some(b"serve"));
    let kind = match &stat[begin + 1..end] {
        _ if id == own => "generator",
        _ if serves() => "server",
        "postgres" => "postgresql",
        "beam.smp" => "rabbitmq",
        "redis-server" => "redis",
        _ => return None,
    };
    let fields: Vec<_> = stat[end + 2..].split(' ').collect();
    // From the third field on: user and system time are the 14th and 15th.
    let ticks = |n: usize| fields.get(n - 3)?.parse::<f64>().ok();
    Some(((ticks(14)? + ticks(15)?) / TICKS_PER_S, kind))
}

/// The resident memory of a process; of PostgreSQL's many, each one's share of it.
fn memory(id: u32, kind: &str) -> f64 {
    let (file, field) = if kind == "postgresql" { ("smaps_rollup", "Pss:") } else { ("status", "VmRSS:") };
    let text = fs::read_to_string(format!("/proc/{id}/{file}")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(field));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}

/// A process and everything it has started, and those have.
fn family(root: u32) -> Vec<u32> {
    let parents: Vec<(u32, u32)> = fs::read_dir("/proc").into_iter().flatten().flatten().filter_map(|entry| parent(&entry)).collect();
    let mut found = vec![root];
    let mut next = 0;
    while let Some(&parent) = found.get(next) {
        found.extend(parents.iter().filter(|(_, of)| *of == parent).map(|(id, _)| *id));
        next += 1;
    }
    found
}

fn parent(entry: &fs::DirEntry) -> Option<(u32, u32)> {
    let id = entry.file_name().to_str()?.parse().ok()?;
    let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
    let parent = stat[stat.rfind(')')? + 2..].split(' ').nth(1)?.parse().ok()?;
    Some((id, parent))
}

/// The memory of the kernel that is not any process's, in KiB: what it keeps for sockets, above all.
pub(crate) fn kernel_kib() -> f64 {
    let meminfo = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let field = |name: &str| -> f64 {
        let line = meminfo.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
    };
    let sockstat = fs::read_to_string("/proc/net/sockstat").unwrap_or_default();
    let pages = sockstat.lines().find(|line| line.starts_with("TCP:")).and_then(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
    field("Slab:") + 4.0 * pages.unwrap_or_default()
}

/// Raises the number of files that this process, and those it starts, may have open. A limit that cannot be raised shows when it is reached.
pub(crate) fn open_many_files() {
    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
}
