//! One process of a function.

use std::net::SocketAddr;
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::Command;
use tokio::sync::oneshot;

use super::{Launch, LogSink};

/// The `PATH` on Lambda.
pub const PATH: &str = "/usr/local/bin:/usr/bin:/bin:/opt/bin";

/// A running process. Dropping it ends it.
pub(super) struct Process {
    id: Option<u32>,
    kill: Option<oneshot::Sender<()>>,
}

impl Process {
    /// Starts a process as Lambda does: it inherits nothing from this environment. Calls
    /// `on_exit` after it has ended.
    pub(super) fn start(
        launch: &Launch,
        runtime_api: SocketAddr,
        instance: u64,
        logs: LogSink,
        on_exit: impl FnOnce() + Send + 'static,
    ) -> std::io::Result<Process> {
        let name = &launch.name;
        let mut command = match launch.wrapper.split_first() {
            Some((program, options)) => {
                let mut command = Command::new(program);
                command.args(options).arg(&launch.binary);
                command
            }
            None => Command::new(&launch.binary),
        };
        command
            .env_clear()
            .env("PATH", PATH)
            .env("AWS_ACCESS_KEY_ID", "local")
            .env("AWS_SECRET_ACCESS_KEY", "local")
            .env("AWS_REGION", "us-east-1")
            // Tells the fault proxy which function sends a request.
            .env("AWS_SDK_UA_APP_ID", name)
            .env("AWS_LAMBDA_FUNCTION_NAME", name)
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", launch.memory_size.to_string())
            .env("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand")
            .env("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{name}"))
            .env("AWS_LAMBDA_LOG_STREAM_NAME", format!("local/{instance}"))
            // With a scheme, it may have a path. The path identifies the instance.
            .env("AWS_LAMBDA_RUNTIME_API", format!("http://{runtime_api}/{name}/{instance}"))
            .envs(&launch.environment)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command.spawn()?;
        let id = child.id();
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let (kill, killed) = oneshot::channel();
        let name = name.clone();
        tokio::spawn(async move {
            let ended = async {
                // Also ends when the sender is dropped.
                tokio::select! {
                    _ = child.wait() => {}
                    _ = killed => { let _ = child.kill().await; }
                }
            };
            let both = async {
                let out = stdout.map(|pipe| forward(pipe, &name, &logs));
                let err = stderr.map(|pipe| forward(pipe, &name, &logs));
                tokio::join!(run(out), run(err))
            };
            tokio::join!(ended, both);
            on_exit();
        });
        Ok(Process { id, kill: Some(kill) })
    }

    /// The process id.
    pub(super) fn id(&self) -> Option<u32> {
        self.id
    }

    /// Ends the process at once.
    pub(super) fn kill(&mut self) {
        if let Some(kill) = self.kill.take() {
            let _ = kill.send(());
        }
    }
}

async fn run(future: Option<impl Future<Output = ()>>) {
    if let Some(future) = future {
        future.await;
    }
}

/// Passes lines to `logs` until the pipe closes.
async fn forward(pipe: impl AsyncRead + Unpin, function: &str, logs: &LogSink) {
    let mut lines = BufReader::new(pipe).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        logs(function, &line);
    }
}
