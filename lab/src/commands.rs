//! The commands.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail};
use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressStyle};
use lab::lists::Table;
use lab::{account_data, batches, costs, lists, load, soak, throughput};
use local::cli::{say, stop_signal, task_bar};
use local::dynamodb::Data;
use local::faults::ProxyOptions;
use local::lambda::to_standard_error;
use local::settings::{Settings, repository};
use local::{Options, Server};

use crate::arguments::{AccountData, Batches, Costs, Lists, Load, Soak, Throughput};

/// Runs the soak.
pub(crate) async fn soak(settings: Settings, arguments: Soak) -> Result<()> {
    let template = settings.template()?;
    let server = Server::start(&Options {
        proxy: Some(ProxyOptions {
            rates: arguments.faults.unwrap_or_default(),
            ..ProxyOptions::default()
        }),
        issuer: None,
        port: 0,
        dynamodb_port: 0,
        data: Data::Memory,
        binaries: arguments.build.binaries(&template.names())?,
        logs: Arc::new(|_, _| {}),
        settings: settings.clone(),
    })
    .await?;
    let plan = soak::Plan {
        duration: Duration::from_secs(arguments.seconds),
        users: arguments.users,
        kill_every: arguments.kill_every,
    };
    let report = Arc::new(soak::Report::default());
    let bar = ProgressBar::new(arguments.seconds)
        .with_style(ProgressStyle::with_template("{wide_bar} {pos}/{len} s  {msg}")?);
    let progress = async {
        loop {
            let (requests, unknown) = (report.requests(), report.unknown());
            bar.set_position(bar.elapsed().as_secs().min(arguments.seconds));
            bar.set_message(format!("{requests} requests, {unknown} unknown"));
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    };
    tokio::select! {
        result = soak::run(&server, &settings, &plan, &report) => result?,
        () = progress => {}
    }
    bar.finish();
    let faults = server.backend().proxy().map(|proxy| proxy.faults().made());
    for (fault, count) in faults.unwrap_or_default() {
        say(&format!("{count:>9}  fault: {fault}"));
    }
    say(&report.to_string());
    server.stop().await;
    let violations = report.violations();
    for violation in violations.iter().take(20) {
        say(violation);
    }
    if !violations.is_empty() {
        bail!("the stored tasks differ from what was acknowledged");
    }
    Ok(())
}

/// Measures what lists cost.
pub(crate) async fn lists(settings: Settings, arguments: Lists) -> Result<()> {
    let binaries = arguments.build.binaries(&lists::FUNCTIONS)?;
    let folder = arguments.data.unwrap_or_else(|| repository().join(".local/lists"));
    let data = Data::Folder(folder);
    let mut sizes = arguments.tasks;
    let tables = match arguments.tables.as_slice() {
        [] => Table::value_variants(),
        some => some,
    };
    sizes.sort_unstable();
    let bar = task_bar(sizes.iter().copied().map(u64::from).sum())?;
    lists::seed(&data, &settings, &sizes, |done| bar.set_position(done)).await?;
    bar.finish();

    let server = Server::start(&Options {
        proxy: Some(ProxyOptions { is_metered: true, ..ProxyOptions::default() }),
        issuer: None,
        port: 0,
        dynamodb_port: 0,
        data,
        binaries,
        logs: to_standard_error(),
        settings: settings.clone(),
    })
    .await?;
    let spinner = ProgressBar::new_spinner();
    let progress = |what: &str| spinner.set_message(what.to_owned());
    let report = lists::measure(&server, &settings, &sizes, tables, &progress).await?;
    spinner.finish_and_clear();
    server.stop().await;

    for table in tables {
        say(&match table {
            Table::Lists => report.tables(),
            Table::Changes => report.changes_table(),
            Table::Filters => report.filters_table(),
        });
    }
    if arguments.write {
        lists::write(&report, &repository().join("docs"))?;
    }
    let over = report.over_target();
    if !over.is_empty() {
        bail!("these pages read too many items:\n{}", over.join("\n"));
    }
    Ok(())
}

/// Starts a server without data that counts what DynamoDB is asked and charged. Its replies
/// take `latency` longer than they need.
async fn metered(
    settings: &Settings,
    binaries: BTreeMap<String, PathBuf>,
    latency: Duration,
) -> Result<Server> {
    Server::start(&Options {
        proxy: Some(ProxyOptions { is_metered: true, latency, ..ProxyOptions::default() }),
        issuer: None,
        port: 0,
        dynamodb_port: 0,
        data: Data::Memory,
        binaries,
        logs: Arc::new(|_, _| {}),
        settings: settings.clone(),
    })
    .await
}

/// Measures what a batch saves.
pub(crate) async fn batches(settings: Settings, arguments: Batches) -> Result<()> {
    let binaries = arguments.build.binaries(&batches::FUNCTIONS)?;
    let server = metered(&settings, binaries, arguments.latency).await?;
    let spinner = ProgressBar::new_spinner();
    let progress = |what: &str| spinner.set_message(what.to_owned());
    let rounds = usize::from(arguments.rounds);
    let report = batches::measure(&server, &settings, rounds, &progress).await?;
    spinner.finish_and_clear();
    server.stop().await;
    say(&report.to_string());
    Ok(())
}

/// Measures exports, erasures and imports.
pub(crate) async fn account_data(settings: Settings, arguments: AccountData) -> Result<()> {
    let binaries = arguments.build.binaries(&account_data::FUNCTIONS)?;
    let server = metered(&settings, binaries, Duration::ZERO).await?;
    let spinner = ProgressBar::new_spinner();
    let progress = |what: &str| spinner.set_message(what.to_owned());
    let report = account_data::measure(&server, &settings, &arguments.tasks, &progress).await?;
    spinner.finish_and_clear();
    server.stop().await;
    say(&report.to_string());
    Ok(())
}

/// Measures throughput and latency.
pub(crate) async fn throughput(settings: Settings, arguments: Throughput) -> Result<()> {
    let server = Server::start(&Options {
        proxy: None,
        issuer: None,
        port: 0,
        dynamodb_port: 0,
        data: Data::Memory,
        binaries: arguments
            .build
            .binaries(&throughput::Endpoint::ALL.map(throughput::Endpoint::function))?,
        logs: Arc::new(|_, _| {}),
        settings: settings.clone(),
    })
    .await?;
    let mut concurrency: Vec<usize> = arguments.concurrency.into_iter().map(usize::from).collect();
    concurrency.sort_unstable();
    concurrency.dedup();
    let plan = throughput::Plan { concurrency, duration: Duration::from_secs(arguments.seconds) };
    let spinner = ProgressBar::new_spinner();
    let progress = |what: &str| spinner.set_message(what.to_owned());
    let report = throughput::run(&server, &settings, &plan, &progress).await?;
    spinner.finish_and_clear();
    server.stop().await;

    say(&report.table());
    let errors = report.errors();
    if !errors.is_empty() {
        bail!("unexpected replies:\n{}", errors.join("\n"));
    }
    if arguments.write {
        throughput::write(&report, &repository().join("docs"))?;
    }
    Ok(())
}

/// Sends a load to a running API.
pub(crate) async fn load(settings: &Settings, arguments: &Load) -> Result<()> {
    let plan = load::Plan {
        requests: arguments.requests,
        duration: Duration::from_secs(arguments.seconds),
        concurrency: usize::from(arguments.concurrency),
    };
    let target = load::Target::new(&arguments.url, arguments.confirm.as_deref(), &plan)?;
    let identity = load::Identity::from_settings(settings)?;
    let spinner = ProgressBar::new_spinner();
    let progress = |what: &str| spinner.set_message(what.to_owned());
    let stop = async || {
        if stop_signal().await.is_err() {
            // Without signals, Ctrl-C ends the process.
            std::future::pending().await
        }
    };
    let report = load::run(&target, &identity, &plan, stop, &progress).await?;
    spinner.finish_and_clear();
    say(&report.table());
    if !report.left.is_empty() {
        bail!("not all tasks could be deleted:\n{}", report.left.join("\n"));
    }
    if report.was_stopped {
        bail!("interrupted; all tasks that it made are deleted");
    }
    Ok(())
}

/// Measures what functions cost.
pub(crate) async fn costs(arguments: Costs) -> Result<()> {
    // Not the developer's: the tokens of the events need the defaults.
    let settings = Settings::default();
    let mut requests = costs::measured_requests();
    if !arguments.functions.is_empty() {
        let is_known = |name: &String| requests.iter().any(|request| request.function == name);
        if let Some(unknown) = arguments.functions.iter().find(|name| !is_known(name)) {
            bail!("there is no function {unknown}");
        }
        requests.retain(|request| arguments.functions.iter().any(|it| it == request.function));
    }
    let names: BTreeSet<&str> = requests.iter().map(|request| request.function).collect();
    let names = Vec::from_iter(names);
    let binaries = arguments.build.binaries(&names)?;
    let plan = costs::Plan {
        runs: arguments.runs as usize,
        counts_instructions: !arguments.no_instructions,
        profiles: arguments.profiles,
    };
    let spinner = ProgressBar::new_spinner();
    let progress = |what: &str| spinner.set_message(what.to_owned());
    let costs = costs::measure(&settings, &binaries, &requests, &plan, progress).await?;
    let sizes = match arguments.memory_sizes {
        false => Vec::new(),
        true => costs::measure_sizes(&settings, &binaries, &requests, plan.runs, progress).await?,
    };
    spinner.finish_and_clear();

    let folder = repository().join("docs");
    let report = costs::Report::new(costs, sizes, &folder)?;
    say(&report.cost_table());
    if arguments.memory_sizes {
        say(&report.size_table());
    }
    say(&report.changes());
    if arguments.write {
        costs::write(&report, &folder)?;
    }
    let over = costs::over_budget(&report.costs);
    if !over.is_empty() {
        bail!("over budget (lab/src/costs/requests.rs):\n{}", over.join("\n"));
    }
    Ok(())
}
