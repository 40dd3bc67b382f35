//! The API that gets the load, and whether it may.

use std::fmt;
use std::net::IpAddr;

use anyhow::{Context, Result, bail, ensure};
use reqwest::Url;

use super::{ORDER, Plan};
use crate::markdown::human;

/// Dollars for a million requests of the load: the mean of its endpoints in `docs/scale.md`.
const DOLLARS_PER_MILLION: f64 = 5.05;

/// The URL of an API.
#[derive(Clone, Debug)]
pub struct Target {
    base: String,
    host: String,
}

impl Target {
    /// Checks that an API at `url` may get a load by `plan`. Any host but this machine has
    /// to be confirmed by its name.
    ///
    /// # Errors
    ///
    /// If `url` is not that of an API, or its host is not confirmed.
    pub fn new(url: &str, confirmed: Option<&str>, plan: &Plan) -> Result<Target> {
        let parsed = Url::parse(url).with_context(|| format!("{url} is not a URL"))?;
        let host = parsed.host_str().with_context(|| format!("{url} has no host"))?;
        let is_local = is_loopback(host);
        let is_plain = parsed.username().is_empty() && parsed.password().is_none();
        ensure!(
            is_plain && parsed.query().is_none() && parsed.fragment().is_none(),
            "{host}: the URL of an API is a host and perhaps a path"
        );
        match parsed.scheme() {
            "https" => {}
            "http" if is_local => {}
            _ => bail!("{url} is not https: anybody on the way could read the token"),
        }
        if !is_local && confirmed != Some(host) {
            bail!("{}", question(host, plan));
        }
        let base = parsed.as_str().trim_end_matches('/').to_owned();
        Ok(Target { base, host: host.to_owned() })
    }

    /// The host.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.base)
    }
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// What the load would do to `host`, and how to agree to it.
fn question(host: &str, plan: &Plan) -> String {
    let Plan { requests, duration, concurrency } = plan;
    let dollars = f64::from(*requests) * DOLLARS_PER_MILLION / 1e6;
    let cost = match dollars < 0.01 {
        true => "less than a cent".to_owned(),
        false => format!("about ${dollars:.2}"),
    };
    format!(
        "{host} is not this machine. The load would send it up to {} requests in up to {} s, \
         {concurrency} at once, for {cost} on AWS; create up to {} tasks, and delete them \
         afterwards. If that is what you want, add --confirm {host}",
        human(*requests),
        duration.as_secs(),
        human(requests / ORDER.len() as u32),
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const PLAN: Plan =
        Plan { requests: 10_000, duration: Duration::from_secs(90), concurrency: 20 };

    fn refusal(url: &str, confirmed: Option<&str>) -> String {
        Target::new(url, confirmed, &PLAN).unwrap_err().to_string()
    }

    #[test]
    fn this_machine_needs_no_confirmation() {
        for url in [
            "http://127.0.0.1:8000",
            "http://127.9.9.9",
            "http://localhost:8000/",
            "https://localhost",
            "http://[::1]:8000",
        ] {
            let target = Target::new(url, None, &PLAN).unwrap();
            assert_eq!(target.to_string(), url.trim_end_matches('/'));
        }
    }

    #[test]
    fn any_other_host_has_to_be_confirmed_by_its_name() {
        for url in [
            "https://api.example.com",
            "https://localhost.example.com",
            "https://127.0.0.1.example.com",
            "https://10.0.0.1",
            "https://[2001:db8::1]:8000",
        ] {
            let refused = refusal(url, None);
            let (_, host) = refused.rsplit_once("--confirm ").unwrap();
            assert_eq!(refusal(url, Some("other.example.com")), refused);
            assert_eq!(Target::new(url, Some(host), &PLAN).unwrap().host(), host);
        }
    }

    #[test]
    fn the_refusal_says_what_would_happen() {
        let refused = refusal("https://api.example.com/v1", None);
        for part in [
            "up to 10,000 requests in up to 90 s, 20 at once, for about $0.05",
            "up to 833 tasks",
            "add --confirm api.example.com",
        ] {
            assert!(refused.contains(part), "{refused}");
        }
    }

    #[test]
    fn a_token_is_not_sent_where_others_can_read_it() {
        let refused = refusal("http://api.example.com", Some("api.example.com"));
        assert!(refused.contains("is not https"), "{refused}");
        for url in ["https://me@api.example.com", "https://api.example.com?stage=prod", "nonsense"]
        {
            refusal(url, Some("api.example.com"));
        }
    }
}
