//! `cargo run`: the whole API on this machine, and tools for working with it.

mod account;
mod arguments;

use std::io::{IsTerminal, Read};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use clap::Parser;
use local::cli::{say, stop_signal, task_bar};
use local::dynamodb::Data;
use local::faults::ProxyOptions;
use local::issuer::Issuer;
use local::lambda::{Outcome, to_standard_error};
use local::rewrite::{self, Plan};
use local::settings::{Settings, repository};
use local::{Backend, DAY, DEMO_USER, Options, Server, event_tasks, seed, tables, token};
use serde_json::Value;

use arguments::{BackendArgs, Cli, Command, Rewrite, Serve};

/// How often a long command says how far it is.
const EVERY: Duration = Duration::from_secs(10);

fn folder(data: Option<PathBuf>) -> Data {
    Data::Folder(data.unwrap_or_else(|| repository().join(".local")))
}

#[tokio::main]
async fn main() -> Result<()> {
    let cli = Cli::parse();
    let settings = Settings::from_env()?;
    match cli.command {
        None => serve(settings, cli.serve).await,
        Some(Command::Serve(arguments)) => serve(settings, arguments).await,
        Some(Command::Token { user, expires_in, scope, jwks, port, data }) => {
            let issuer = jwks.then(|| Issuer::open(&folder(data))).transpose()?;
            let settings = match &issuer {
                Some(issuer) => issuer.settings(settings, &format!("http://127.0.0.1:{port}")),
                None => settings,
            };
            let scope = scope.map(Value::from);
            let issuer = issuer.as_ref();
            say(&token::sign_scoped(&settings, issuer, &user, expires_in, scope.as_ref())?);
            Ok(())
        }
        Some(Command::Invoke { name, event, backend }) => {
            invoke(settings, &name, event, &backend).await
        }
        Some(Command::Seed { user, users, tasks, backend }) => {
            let names = match users {
                1 => vec![user],
                _ => (1..=users).map(|number| format!("{user}-{number}")).collect(),
            };
            fill(settings, &names, tasks, &backend).await
        }
        Some(Command::Rewrite(arguments)) => rewrite(&settings, arguments).await,
        Some(Command::Export(arguments)) => account::export(&settings, arguments).await,
        Some(Command::Erase(arguments)) => account::erase(&settings, arguments).await,
        Some(Command::Import(arguments)) => account::import(&settings, arguments).await,
    }
}

async fn serve(settings: Settings, arguments: Serve) -> Result<()> {
    let template = settings.template()?;
    let data = arguments.backend.data();
    let issuer = arguments.jwks.then(|| Issuer::open(&data)).transpose()?.map(Arc::new);
    let server = Server::start(&Options {
        proxy: arguments.faults.map(|rates| ProxyOptions { rates, ..ProxyOptions::default() }),
        issuer: issuer.clone(),
        port: arguments.port,
        dynamodb_port: arguments.backend.dynamodb_port,
        data,
        binaries: arguments.backend.build.binaries(&template.names())?,
        logs: to_standard_error(),
        settings: settings.clone(),
    })
    .await?;
    let backend = server.backend();
    event_tasks::load(&tables::client(&backend.embedded_url()), &settings).await?;

    let url = server.url();
    say(&format!("listening on {url}"));
    say(&format!("DynamoDB on {}", backend.embedded_url()));
    if backend.dynamodb_url() != backend.embedded_url() {
        say(&format!("the functions use the DynamoDB on {}", backend.dynamodb_url()));
    }
    match token::sign(server.settings(), issuer.as_deref(), DEMO_USER, DAY) {
        Ok(token) => {
            say(&format!("\nA token for the user {DEMO_USER}, for a day:\n\nTOKEN={token}\n"));
            say(&format!("The API's page: {url}/docs\n"));
            say(&format!("For agents (MCP): {url}/mcp\n"));
            say(&format!("Try:\n\ncurl -s {url}/api/tasks -H \"Authorization: Bearer $TOKEN\"\n"));
        }
        Err(error) => say(&format!("\nNo token for a demo user: {error:#}\n")),
    }
    say("Stop with Ctrl-C.");

    stop_signal().await?;
    server.stop().await;
    Ok(())
}

async fn invoke(
    settings: Settings,
    name: &str,
    event: Option<PathBuf>,
    arguments: &BackendArgs,
) -> Result<()> {
    settings.template()?.function(name)?;
    let event = read_event(name, event)?;
    let (settings, options) = match arguments.running().await {
        Some(url) if settings.get("AWS_ENDPOINT_URL_DYNAMODB").is_none() => {
            (settings.with("AWS_ENDPOINT_URL_DYNAMODB", &url), (0, Data::Memory))
        }
        Some(_) => (settings, (0, Data::Memory)),
        None => (settings, (arguments.dynamodb_port, arguments.data())),
    };
    let backend = Backend::start(&Options {
        proxy: None,
        issuer: None,
        port: 0,
        dynamodb_port: options.0,
        data: options.1,
        binaries: arguments.build.binaries(&[name])?,
        logs: to_standard_error(),
        settings: settings.clone(),
    })
    .await?;
    event_tasks::load(&tables::client(backend.dynamodb_url()), &settings).await?;
    let outcome = backend.lambda().invoke(name, event).await?;
    backend.lambda().stop().await;
    match outcome {
        Outcome::Reply(reply) => say(&readable(&reply)?),
        Outcome::Error(error) => bail!("the function failed: {}", String::from_utf8_lossy(&error)),
        Outcome::Crashed => bail!("the function ended without a reply"),
        Outcome::TimedOut => bail!("the function timed out"),
    }
    Ok(())
}

fn read_event(name: &str, event: Option<PathBuf>) -> Result<Bytes> {
    let path = event.unwrap_or_else(|| repository().join("events").join(format!("{name}.json")));
    let mut text = Vec::new();
    if path.as_os_str() == "-" {
        std::io::stdin().read_to_end(&mut text)?;
    } else {
        text = std::fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
    }
    serde_json::from_slice::<Value>(&text)
        .with_context(|| format!("{} is not JSON", path.display()))?;
    Ok(text.into())
}

/// The reply as indented JSON. A body that is JSON is shown as JSON, not as a string.
fn readable(reply: &[u8]) -> Result<String> {
    let mut reply: Value = serde_json::from_slice(reply)?;
    if let Some(Ok(body)) = reply["body"].as_str().map(serde_json::from_str) {
        reply["body"] = body;
    }
    Ok(serde_json::to_string_pretty(&reply)?)
}

async fn fill(
    settings: Settings,
    users: &[String],
    count: u32,
    arguments: &BackendArgs,
) -> Result<()> {
    let running = arguments.running().await;
    let embedded = match &running {
        Some(_) => None,
        None => Some(local::dynamodb::EmbeddedDynamoDb::start(
            arguments.dynamodb_port,
            &arguments.data(),
        )?),
    };
    let url = running.or_else(|| embedded.as_ref().map(|it| it.url())).unwrap_or_default();
    let client = tables::client(settings.get("AWS_ENDPOINT_URL_DYNAMODB").unwrap_or(&url));
    tables::create(&client, &settings.template()?.tables).await?;

    let all = u64::from(count) * users.len() as u64;
    let bar = task_bar(all)?;
    let lists: Vec<(String, u32)> = users.iter().map(|name| (name.clone(), count)).collect();
    seed::fill_all(&client, &settings, &lists, |done| bar.set_position(done)).await?;
    bar.finish();
    if !std::io::stderr().is_terminal() {
        // The bar is only drawn on a terminal.
        say(&format!("{all} tasks in {:.1} s", bar.elapsed().as_secs_f64()));
    }
    Ok(())
}

async fn rewrite(settings: &Settings, arguments: Rewrite) -> Result<()> {
    let Rewrite { place, units_per_second, state, dry_run } = arguments;
    let (client, address) = place.connect(settings)?;
    let table = place.table;
    let state = state.unwrap_or_else(|| PathBuf::from(format!("rewrite-{table}.json")));
    let plan = Plan {
        table: table.clone(),
        units_per_second,
        page: rewrite::PAGE,
        state: (!dry_run).then(|| state.clone()),
    };
    let rewrite = rewrite::Rewrite::open(client, plan).await?;
    let begun = match rewrite.is_continued() {
        _ if dry_run => "only counting",
        true => "continuing",
        false => "beginning",
    };
    say(&format!("{begun}: {table} in {address}"));
    let (began, mut second) = (Instant::now(), tokio::time::interval(EVERY));
    let reports = async {
        loop {
            second.tick().await;
            say(&format!("{:>6.0} s  {}", began.elapsed().as_secs_f64(), rewrite.totals()));
        }
    };
    let result = tokio::select! {
        result = rewrite.run() => result,
        () = reports => Ok(()),
        result = stop_signal() => result.and_then(|()| bail!("interrupted")),
    };
    say(&format!("{:>6.0} s  {}", began.elapsed().as_secs_f64(), rewrite.totals()));
    match result {
        Err(error) if dry_run => Err(error),
        result => result.with_context(|| {
            format!("not finished: the same command goes on from {}", state.display())
        }),
    }
}
