//! The commands that measure.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail};
use indicatif::ProgressBar;
use local::dynamodb::Data;
use local::faults::Faults;
use local::lambda::to_standard_error;
use local::settings::{Settings, repository};
use local::{Options, Server, bench, cost, load};

use crate::arguments::{Bench, Cost, Load};
use crate::{say, task_bar};

/// What lists cost.
pub(crate) async fn lists(settings: Settings, arguments: Bench) -> Result<()> {
    let binaries = arguments.build.binaries(&[bench::FUNCTION])?;
    let folder = arguments.data.unwrap_or_else(|| repository().join(".local/bench"));
    let data = Data::Folder(folder);
    let mut sizes = arguments.tasks;
    sizes.sort_unstable();
    let bar = task_bar(sizes.iter().copied().map(u64::from).sum())?;
    bench::seed(&data, &settings, &sizes, |done| bar.set_position(done)).await?;
    bar.finish();

    let server = Server::start(&Options {
        faults: Some(Arc::new(Faults::metered())),
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
    let report = bench::measure(&server, &settings, &sizes, &progress).await?;
    spinner.finish_and_clear();
    server.stop().await;

    say(&report.tables());
    if arguments.write {
        bench::write(&report, &repository().join("docs"))?;
    }
    let over = report.over_target();
    if !over.is_empty() {
        bail!("more items are read than may be:\n{}", over.join("\n"));
    }
    Ok(())
}

/// How many requests the API answers.
pub(crate) async fn throughput(settings: Settings, arguments: Load) -> Result<()> {
    let server = Server::start(&Options {
        faults: None,
        issuer: None,
        port: 0,
        dynamodb_port: 0,
        data: Data::Memory,
        binaries: arguments.build.binaries(&load::Endpoint::ALL.map(load::Endpoint::function))?,
        logs: Arc::new(|_, _| {}),
        settings: settings.clone(),
    })
    .await?;
    let mut concurrency: Vec<usize> = arguments.concurrency.into_iter().map(usize::from).collect();
    concurrency.sort_unstable();
    concurrency.dedup();
    let plan = load::Plan { concurrency, duration: Duration::from_secs(arguments.seconds) };
    let spinner = ProgressBar::new_spinner();
    let progress = |what: &str| spinner.set_message(what.to_owned());
    let report = load::run(&server, &settings, &plan, &progress).await?;
    spinner.finish_and_clear();
    server.stop().await;

    say(&report.table());
    let errors = report.errors();
    if !errors.is_empty() {
        bail!("some replies were not as expected:\n{}", errors.join("\n"));
    }
    if arguments.write {
        load::write(&report, &repository().join("docs"))?;
    }
    Ok(())
}

/// What functions cost.
pub(crate) async fn costs(arguments: Cost) -> Result<()> {
    // Nobody's own, with which the events would not be answered.
    let settings = Settings::default();
    let mut subjects = cost::subjects();
    if !arguments.functions.is_empty() {
        let is_one = |name: &String| subjects.iter().any(|subject| subject.function == name);
        if let Some(unknown) = arguments.functions.iter().find(|name| !is_one(name)) {
            bail!("there is no function {unknown}");
        }
        subjects.retain(|subject| arguments.functions.iter().any(|it| it == subject.function));
    }
    let names: BTreeSet<&str> = subjects.iter().map(|subject| subject.function).collect();
    let names = Vec::from_iter(names);
    let binaries = arguments.build.binaries(&names)?;
    let plan = cost::Plan {
        runs: arguments.runs as usize,
        counts_instructions: !arguments.no_instructions,
        profiles: arguments.profiles,
    };
    let spinner = ProgressBar::new_spinner();
    let progress = |what: &str| spinner.set_message(what.to_owned());
    let costs = cost::measure(&settings, &binaries, &subjects, &plan, progress).await?;
    let sizes = match arguments.memory_sizes {
        false => Vec::new(),
        true => cost::measure_sizes(&settings, &binaries, &subjects, plan.runs, progress).await?,
    };
    spinner.finish_and_clear();

    let folder = repository().join("docs");
    let report = cost::Report::new(costs, sizes, &folder)?;
    say(&report.cost_table());
    if arguments.memory_sizes {
        say(&report.size_table());
    }
    say(&report.changes());
    if arguments.write {
        cost::write(&report, &folder)?;
    }
    let over = cost::over_budget(&report.costs);
    if !over.is_empty() {
        bail!("more than the budget (local/src/cost/budget.rs):\n{}", over.join("\n"));
    }
    Ok(())
}
