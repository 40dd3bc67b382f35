//! Requests lists, and measures the function that answers.

use std::time::Instant;

use anyhow::{Result, bail};
use local::Server;
use reqwest::header::{AUTHORIZATION, LINK};

use crate::procfs;

/// A reply, and what it has cost the function.
pub(super) struct Answer {
    pub(super) body: String,
    /// The path of the next page.
    pub(super) next: Option<String>,
    /// Processor time, in microseconds.
    pub(super) processor: f64,
    /// In microseconds.
    pub(super) latency: f64,
}

/// Sends requests to one function on behalf of one user.
pub(super) struct ListClient<'a> {
    pub(super) function: &'static str,
    pub(super) server: &'a Server,
    pub(super) client: &'a reqwest::Client,
    pub(super) token: &'a str,
}

impl ListClient<'_> {
    pub(super) async fn ask(&self, path: &str) -> Result<Answer> {
        let url = format!("{}{path}", self.server.url());
        let before = self.processor_time()?;
        let start = Instant::now();
        let request = self.client.get(url).header(AUTHORIZATION, format!("Bearer {}", self.token));
        let reply = request.send().await?;
        let status = reply.status();
        let link = reply.headers().get(LINK).and_then(|link| link.to_str().ok());
        let target = link.and_then(|link| link.strip_prefix('<')?.split_once('>'));
        let next = target.map(|(path, _)| path.to_owned());
        let body = reply.text().await?;
        let latency = start.elapsed().as_secs_f64() * 1e6;
        if !status.is_success() {
            bail!("{status}: {body}");
        }
        let processor = (self.processor_time()? - before) / 1000.0;
        Ok(Answer { body, next, processor, latency })
    }

    /// The processor time of all processes of the function, in nanoseconds.
    fn processor_time(&self) -> Result<f64> {
        let processes = self.server.backend().lambda().processes(self.function);
        let times = processes.into_iter().map(procfs::processor_time);
        Ok(times.sum::<Result<u64>>()? as f64)
    }

    /// The peak memory of the function's only process, in kilobytes.
    pub(super) fn peak_memory(&self) -> Result<u64> {
        let processes = self.server.backend().lambda().processes(self.function);
        let [process] = processes.as_slice() else { bail!("{} processes", processes.len()) };
        procfs::peak_memory(*process)
    }
}
