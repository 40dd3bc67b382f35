//! Measures times, memory and requests to DynamoDB, without a profiler.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;
use local::settings::Settings;

use super::stage::Stage;
use super::{MeasuredRequest, Native};
use crate::{median, procfs};

/// How long a process must use no processor time to count as idle.
const QUIET: Duration = Duration::from_millis(30);

/// Measures `runs` processes, one after the other.
pub(super) async fn measure(
    settings: &Settings,
    request: &MeasuredRequest,
    binary: &Path,
    runs: usize,
) -> Result<Native> {
    let mut samples = Vec::new();
    for _ in 0..runs {
        samples.push(one(settings, request, binary).await?);
    }
    let of = |value: fn(&Native) -> f64| median(samples.iter().map(value).collect());
    Ok(Native {
        init_ms: of(|it| it.init_ms)?,
        init_cpu_ms: of(|it| it.init_cpu_ms)?,
        first_cpu_ms: of(|it| it.first_cpu_ms)?,
        warm_cpu_ms: of(|it| it.warm_cpu_ms)?,
        peak_memory: of(|it| it.peak_memory as f64)? as u64,
        threads: of(|it| it.threads as f64)? as u64,
        calls: of(|it| it.calls)?,
        units: of(|it| it.units)?,
    })
}

async fn one(settings: &Settings, request: &MeasuredRequest, binary: &Path) -> Result<Native> {
    let mut stage = Stage::new(settings, request, binary, Vec::new()).await?;
    let began = Instant::now();
    let process = stage.start().await?;
    let init_ms = began.elapsed().as_secs_f64() * 1e3;
    let init = milliseconds(process).await?;
    // Excludes the requests of the startup.
    let before = stage.usage();
    stage.invoke().await?;
    let first = milliseconds(process).await?;
    let usage = stage.usage() - before;
    for _ in 0..request.warm {
        stage.invoke().await?;
    }
    let all = milliseconds(process).await?;
    let native = Native {
        init_ms,
        init_cpu_ms: init,
        first_cpu_ms: first - init,
        warm_cpu_ms: (all - first) / f64::from(request.warm),
        peak_memory: procfs::peak_memory(process)?,
        threads: procfs::threads(process)?,
        calls: usage.requests as f64,
        units: usage.units,
    };
    stage.stop().await;
    Ok(native)
}

/// Waits until the process is idle, and returns its processor time.
async fn milliseconds(process: u32) -> Result<f64> {
    Ok(procfs::settled(process, QUIET).await? as f64 / 1e6)
}
