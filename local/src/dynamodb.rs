//! The embedded DynamoDB.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use anyhow::{Context, Result, anyhow};
use dynoxide::Database;
use tokio::sync::oneshot;

/// A DynamoDB in this process, on a port of its own. Dropping it stops it.
#[derive(Debug)]
pub struct EmbeddedDynamoDb {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<Result<()>>>,
}

/// Where the data is kept.
#[derive(Clone, Debug)]
pub enum Data {
    /// In a file in this folder, which is created if it is missing.
    Folder(PathBuf),
    /// In memory, until the process ends.
    Memory,
}

impl EmbeddedDynamoDb {
    /// Starts it on `port` of the loopback interface; 0 means any free port.
    ///
    /// # Errors
    ///
    /// If the port is in use, or the data cannot be opened.
    pub fn start(port: u16, data: &Data) -> Result<EmbeddedDynamoDb> {
        let database = open(data)?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).with_context(|| {
            format!("port {port} for DynamoDB (--dynamodb-port chooses another)")
        })?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel();
        // Its handlers block while they wait for SQLite, so it gets threads of its own.
        let serve = move || {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build()?;
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener)?;
                let shutdown = async { stopped.await.unwrap_or_default() };
                dynoxide::server::serve_with_shutdown(listener, database, shutdown)
                    .await
                    .map_err(|error| anyhow!(error))
            })
        };
        let thread = std::thread::Builder::new().name("dynamodb".into()).spawn(serve)?;
        Ok(EmbeddedDynamoDb { address, stop: Some(stop), thread: Some(thread) })
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for EmbeddedDynamoDb {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        // Waits until acknowledged writes are on disk. `drop` cannot report an error.
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn open(data: &Data) -> Result<Database> {
    let database = match data {
        Data::Memory => Database::memory(),
        Data::Folder(folder) => {
            std::fs::create_dir_all(folder)
                .with_context(|| format!("creating the folder {}", folder.display()))?;
            let file = folder.join("dynamodb.sqlite");
            return Database::new(&path(&file)?)
                .map_err(|error| anyhow!("opening {}: {error}", file.display()));
        }
    };
    database.map_err(|error| anyhow!("opening a database in memory: {error}"))
}

fn path(file: &Path) -> Result<String> {
    let text = file.to_str().with_context(|| format!("{} is not UTF-8", file.display()))?;
    Ok(text.to_owned())
}
