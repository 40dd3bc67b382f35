//! A running process as the kernel sees it (Linux).
//! <https://www.kernel.org/doc/html/latest/filesystems/proc.html>

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};

/// The time on a processor of all threads of `process` that still run, in
/// nanoseconds.
///
/// # Errors
///
/// If there is no such process, or this is not Linux.
pub fn processor_time(process: u32) -> Result<u64> {
    let mut total = 0;
    for thread in fs::read_dir(folder(process).join("task")).context("needs Linux")? {
        let statistics = fs::read_to_string(thread?.path().join("schedstat"))?;
        let spent = statistics.split(' ').next().unwrap_or_default();
        total += spent.parse::<u64>().context("schedstat")?;
    }
    Ok(total)
}

/// The most memory that `process` has had so far, in kilobytes.
///
/// # Errors
///
/// As [`processor_time`].
pub fn peak_memory(process: u32) -> Result<u64> {
    status(process, "VmHWM:")
}

/// How many threads `process` has.
///
/// # Errors
///
/// As [`processor_time`].
pub fn threads(process: u32) -> Result<u64> {
    status(process, "Threads:")
}

/// Waits until `process` has done nothing for the time `quiet`: it waits for
/// something, and has finished what came before. Gives its processor time.
///
/// # Errors
///
/// As [`processor_time`].
pub async fn settled(process: u32, quiet: Duration) -> Result<u64> {
    let mut spent = processor_time(process)?;
    loop {
        tokio::time::sleep(quiet).await;
        let now = processor_time(process)?;
        if now == spent {
            return Ok(spent);
        }
        spent = now;
    }
}

/// A number in the status file.
fn status(process: u32, name: &str) -> Result<u64> {
    let status = fs::read_to_string(folder(process).join("status")).context("needs Linux")?;
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|line| line.split_whitespace().next());
    Ok(number.with_context(|| name.to_owned())?.parse()?)
}

fn folder(process: u32) -> PathBuf {
    PathBuf::from(format!("/proc/{process}"))
}
