//! The kernel's statistics of a running process (Linux).
//! <https://www.kernel.org/doc/html/latest/filesystems/proc.html>

use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// The processor time of all running threads of `process`, in nanoseconds.
///
/// # Errors
///
/// If there is no such process, or this is not Linux.
pub(crate) fn processor_time(process: u32) -> Result<u64> {
    let mut total = 0;
    for thread in fs::read_dir(folder(process).join("task")).context("needs Linux")? {
        let statistics = match fs::read_to_string(thread?.path().join("schedstat")) {
            // The thread has just ended.
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            statistics => statistics?,
        };
        let spent = statistics.split(' ').next().unwrap_or_default();
        total += spent.parse::<u64>().context("schedstat")?;
    }
    Ok(total)
}

/// The peak memory of `process` so far, in kilobytes.
///
/// # Errors
///
/// As [`processor_time`].
pub(crate) fn peak_memory(process: u32) -> Result<u64> {
    status(process, "VmHWM:")
}

/// How many threads `process` has.
///
/// # Errors
///
/// As [`processor_time`].
pub(crate) fn threads(process: u32) -> Result<u64> {
    status(process, "Threads:")
}

/// The timeout for a process that should become idle.
const BUSY: Duration = Duration::from_secs(60);

/// Waits until `process` has been idle for the time `quiet`, so that all earlier work is
/// finished. Returns its processor time.
///
/// # Errors
///
/// As [`processor_time`], or if it is still busy after a minute.
pub(crate) async fn settled(process: u32, quiet: Duration) -> Result<u64> {
    let began = Instant::now();
    let mut spent = processor_time(process)?;
    while began.elapsed() < BUSY {
        tokio::time::sleep(quiet).await;
        let now = processor_time(process)?;
        if now == spent {
            return Ok(spent);
        }
        spent = now;
    }
    bail!("process {process} does not become idle")
}

/// Parses a number in the status file.
fn status(process: u32, name: &str) -> Result<u64> {
    let status = fs::read_to_string(folder(process).join("status")).context("needs Linux")?;
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|line| line.split_whitespace().next());
    Ok(number.with_context(|| name.to_owned())?.parse()?)
}

fn folder(process: u32) -> PathBuf {
    PathBuf::from(format!("/proc/{process}"))
}
