//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use aws_sdk_dynamodb::Client;
use clap::{Args, Parser, Subcommand};
use local::cli::BuildArgs;
use local::dynamodb::Data;
use local::faults::Rates;
use local::settings::Settings;
use local::tables;
use shared::config::Aws;
use shared::store;
use shared::task::Format;

use crate::folder;

/// The Tasks API on this machine.
#[derive(Parser)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) serve: Serve,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Runs the API (the default command)
    Serve(Serve),
    /// Prints a token for a user, signed with the local secret
    Token {
        /// The user id: the token's `sub`
        user: String,
        /// How long the token is valid, such as 15m or 30days
        #[arg(long, default_value = "1day", value_parser = humantime::parse_duration)]
        expires_in: Duration,
        /// What the token is for, such as tasks:read for reading only
        #[arg(long)]
        scope: Option<String>,
        /// Sign with the key of `serve --jwks` instead
        #[arg(long)]
        jwks: bool,
        /// The port of the API that was started with --jwks
        #[arg(long, default_value_t = 8000, requires = "jwks")]
        port: u16,
        /// The data folder of that API [default: .local in the repository]
        #[arg(long, value_name = "DIR", requires = "jwks")]
        data: Option<PathBuf>,
    },
    /// Sends one event to one function and prints the reply
    Invoke {
        /// The function, such as get-task
        name: String,
        /// The file that holds the event, or - for standard input [default: events/NAME.json]
        event: Option<PathBuf>,
        #[command(flatten)]
        backend: BackendArgs,
    },
    /// Fills users' lists with tasks, the same ones each time; resumes an
    /// interrupted run
    Seed {
        /// The user whose list it is
        #[arg(long)]
        user: String,
        /// Fill the lists of this many users, with a number added to the name
        #[arg(long, default_value_t = 1)]
        users: u32,
        /// How many tasks each user has in the end
        #[arg(long)]
        tasks: u32,
        #[command(flatten)]
        backend: BackendArgs,
    },
    /// Rewrites the tasks in a table that this version would store otherwise, while the
    /// table stays in use; continues an interrupted run (docs/data-model.md)
    Rewrite(Rewrite),
    /// Writes a file of all tasks of a user, with those in the trash
    Export(Export),
    /// Deletes all tasks of a user for good; continues an interrupted run
    Erase(Erase),
    /// Stores the tasks of a file for a user: of an export, or the to-dos of a calendar. Stores
    /// none twice, so it continues an interrupted run
    Import(Import),
}

/// Which table.
#[derive(Args)]
pub(crate) struct Place {
    /// The name of the table. AWS_REGION, AWS_ACCESS_KEY_ID and so on say whose it is
    #[arg(long, value_name = "NAME")]
    pub(crate) table: String,
    /// A DynamoDB that checks no credentials, such as http://127.0.0.1:8001, instead of AWS's
    #[arg(long, value_name = "URL")]
    pub(crate) endpoint: Option<String>,
}

impl Place {
    /// Returns a client of the DynamoDB that has the table, and where that is.
    pub(crate) fn connect(&self, settings: &Settings) -> anyhow::Result<(Client, String)> {
        let endpoint = self.endpoint.as_deref().or(settings.get("AWS_ENDPOINT_URL_DYNAMODB"));
        if let Some(url) = endpoint {
            return Ok((tables::client(url), url.to_owned()));
        }
        let aws = Aws::from_lookup(|name| settings.get(name).map(str::to_owned));
        let aws = aws.context(
            "`aws configure export-credentials --format env` prints your credentials; \
             --endpoint reaches a DynamoDB that needs none",
        )?;
        Ok((store::client_at_aws(&aws), aws.region))
    }
}

/// Whose tasks.
#[derive(Args)]
pub(crate) struct Owner {
    /// The user id: the `sub` of the user's tokens
    #[arg(long)]
    pub(crate) user: String,
    #[command(flatten)]
    pub(crate) place: Place,
}

/// A file of a user's tasks.
#[derive(Args)]
pub(crate) struct File {
    /// The file, or - for standard output or input
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) owner: Owner,
    /// json, csv or ics [default: as the file's extension says]
    #[arg(long, value_parser = format)]
    pub(crate) format: Option<Format>,
}

#[derive(Args)]
pub(crate) struct Export {
    #[command(flatten)]
    pub(crate) file: File,
    /// Replace the file if it exists
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Args)]
pub(crate) struct Erase {
    #[command(flatten)]
    pub(crate) owner: Owner,
    /// Delete them, instead of only counting
    #[arg(long)]
    pub(crate) yes: bool,
}

#[derive(Args)]
pub(crate) struct Import {
    #[command(flatten)]
    pub(crate) file: File,
    /// Only read the file, and list what cannot be imported
    #[arg(long)]
    pub(crate) dry_run: bool,
}

fn format(name: &str) -> Result<Format, &'static str> {
    Format::parse(name).ok_or("must be json, csv or ics")
}

#[derive(Args)]
pub(crate) struct Rewrite {
    #[command(flatten)]
    pub(crate) place: Place,
    /// How many request units to use per second, reads and writes together
    #[arg(long, value_name = "N", default_value_t = 200,
          value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) units_per_second: u32,
    /// The file that holds the progress while there is something left to do
    /// [default: rewrite-NAME.json in the current folder]
    #[arg(long, value_name = "FILE")]
    pub(crate) state: Option<PathBuf>,
    /// Only count: read everything, write nothing
    #[arg(long, conflicts_with = "state")]
    pub(crate) dry_run: bool,
}

#[derive(Args)]
pub(crate) struct Serve {
    /// The port of the API; 0 for any free one
    #[arg(long, default_value_t = 8000)]
    pub(crate) port: u16,
    /// Accept tokens signed with a key, and publish its key set, instead of
    /// tokens signed with a secret
    #[arg(long)]
    pub(crate) jwks: bool,
    /// Inject faults between the functions and DynamoDB, such as
    /// lost-reply=0.2,UpdateItem:throttle=0.1
    #[arg(long, value_name = "RATES")]
    pub(crate) faults: Option<Rates>,
    #[command(flatten)]
    pub(crate) backend: BackendArgs,
}

#[derive(Args)]
pub(crate) struct BackendArgs {
    /// The port of the embedded DynamoDB; 0 for any free one
    #[arg(long, default_value_t = 8001)]
    pub(crate) dynamodb_port: u16,
    /// The data folder [default: .local in the repository]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Keep the data in memory only
    #[arg(long, conflicts_with = "data")]
    pub(crate) in_memory: bool,
    #[command(flatten)]
    pub(crate) build: BuildArgs,
}

impl BackendArgs {
    pub(crate) fn data(&self) -> Data {
        if self.in_memory { Data::Memory } else { folder(self.data.clone()) }
    }

    /// The DynamoDB of a local server that is already running, if it has the data that is
    /// asked for: two processes cannot open the same folder.
    pub(crate) async fn running(&self) -> Option<String> {
        if self.dynamodb_port == 0 || self.in_memory || self.data.is_some() {
            return None;
        }
        let url = format!("http://127.0.0.1:{}", self.dynamodb_port);
        tables::has_tasks(&tables::client(&url)).await.then_some(url)
    }
}
