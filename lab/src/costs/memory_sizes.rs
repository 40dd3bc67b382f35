//! Latencies by memory size.
//!
//! Lambda gives a function a whole processor while it starts. For requests it gives a share
//! in proportion to the memory size. Here a control group enforces the same shares.
//! <https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html>

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use local::settings::Settings;

use super::MeasuredRequest;
use super::stage::Stage;
use crate::{median, procfs};

/// The memory sizes that are compared, in megabytes.
pub(super) const SIZES: [u32; 4] = [128, 256, 512, 1024];

/// The memory size that comes with one whole processor, in megabytes.
const ONE_PROCESSOR: f64 = 1769.0;

/// The scheduling period: a group runs for its share of each period and is stopped for the
/// rest.
const PERIOD: Duration = Duration::from_millis(20);

/// How many warm requests each process answers.
const REQUESTS: usize = 20;

/// The names of the requests that are compared.
const COMPARED: [&str; 4] =
    ["get-task", "create-task", "list-tasks, 20 newest", "list-tasks, 1,000 by title"];

/// The folder of the control groups.
const GROUPS: &str = "/sys/fs/cgroup";

/// The latencies of a request at one memory size.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    /// The name of the measured request.
    pub request: &'static str,
    /// In megabytes.
    pub memory: u32,
    /// Milliseconds for the first request, if the function connected to DynamoDB at
    /// startup.
    pub first: f64,
    /// Milliseconds for the first request, if it did not.
    pub first_unwarmed: f64,
    /// Milliseconds for a warm request.
    pub warm: f64,
}

/// Measures some of `requests` at each memory size. The results are medians of `runs`
/// processes.
///
/// # Errors
///
/// If a function does not answer as expected, or control groups cannot be created, which
/// needs Linux and usually root.
pub async fn measure_sizes(
    settings: &Settings,
    binaries: &BTreeMap<String, PathBuf>,
    requests: &[MeasuredRequest],
    runs: usize,
    progress: impl Fn(&str),
) -> Result<Vec<Sizes>> {
    let mut all = Vec::new();
    for request in requests.iter().filter(|request| COMPARED.contains(&request.name)) {
        let binary = binaries.get(request.function).context("a binary")?;
        for memory in SIZES {
            progress(&format!("{} with {memory} MB", request.name));
            let (mut first, mut first_unwarmed, mut warm) = (Vec::new(), Vec::new(), Vec::new());
            for _ in 0..runs {
                let warmed = one(settings, request, binary, memory, true).await?;
                first.push(warmed.0);
                warm.extend(warmed.1);
                first_unwarmed.push(one(settings, request, binary, memory, false).await?.0);
            }
            all.push(Sizes {
                request: request.name,
                memory,
                first: median(first)?,
                first_unwarmed: median(first_unwarmed)?,
                warm: median(warm)?,
            });
        }
    }
    Ok(all)
}

/// Milliseconds for the first request of one process, and for warm ones.
async fn one(
    settings: &Settings,
    request: &MeasuredRequest,
    binary: &Path,
    memory: u32,
    is_warmed: bool,
) -> Result<(f64, Vec<f64>)> {
    let mut stage = Stage::new(settings, request, binary, Vec::new()).await?;
    let process = if is_warmed { stage.start().await? } else { stage.start_unwarmed().await? };
    procfs::settled(process, PERIOD).await?;
    let _group = Group::of(process, f64::from(memory) / ONE_PROCESSOR)?;
    let first = timed(&mut stage).await?;
    let mut warm = Vec::new();
    if is_warmed {
        for _ in 0..REQUESTS {
            warm.push(timed(&mut stage).await?);
        }
    }
    stage.stop().await;
    Ok((first, warm))
}

/// Milliseconds from a request to its reply. The process begins the request with its full
/// share of a period, like one that was frozen since the last request.
async fn timed(stage: &mut Stage) -> Result<f64> {
    tokio::time::sleep(2 * PERIOD).await;
    let elapsed = stage.answer().await?;
    stage.ready().await?;
    Ok(elapsed.as_secs_f64() * 1e3)
}

/// A control group with one process in it. Dropping it removes the group.
struct Group {
    folder: PathBuf,
    /// The group that the process returns to.
    parent: PathBuf,
}

impl Group {
    /// Limits `process` to this share of one processor.
    fn of(process: u32, share: f64) -> Result<Group> {
        let root = Path::new(GROUPS);
        let is_unified = root.join("cgroup.controllers").exists();
        let parent = if is_unified { root.to_owned() } else { root.join("cpu") };
        let folder = parent.join(format!("tasks-api-{process}"));
        let failed = || format!("a control group in {}", parent.display());
        fs::create_dir(&folder).with_context(failed)?;
        let group = Group { folder, parent: parent.clone() };
        let period = PERIOD.as_micros();
        let quota = (period as f64 * share) as u128;
        if is_unified {
            group.write("cpu.max", &format!("{quota} {period}")).with_context(failed)?;
        } else {
            group.write("cpu.cfs_period_us", &period.to_string()).with_context(failed)?;
            group.write("cpu.cfs_quota_us", &quota.to_string()).with_context(failed)?;
        }
        group.write("cgroup.procs", &process.to_string()).with_context(failed)?;
        Ok(group)
    }

    fn write(&self, file: &str, value: &str) -> std::io::Result<()> {
        fs::write(self.folder.join(file), value)
    }

    fn remove(&self) -> std::io::Result<()> {
        // A group with processes in it cannot be removed.
        for process in fs::read_to_string(self.folder.join("cgroup.procs"))?.lines() {
            fs::write(self.parent.join("cgroup.procs"), process)?;
        }
        fs::remove_dir(&self.folder)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // A group that cannot be removed is empty and does no harm.
        let _ = self.remove();
    }
}
