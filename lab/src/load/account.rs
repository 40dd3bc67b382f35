//! A user who sends requests, and the tasks that the requests have made.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use axum::http::{Method, StatusCode};
use futures::{StreamExt, stream};
use serde_json::{Value, json};
use shared::task::TaskId;

use super::http::{Call, Http, Reply};
use crate::endpoint::Endpoint;

/// How long to go on cleaning up after the last success.
const PATIENCE: Duration = Duration::from_secs(60);

/// The first pause of the cleanup, and the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// What the tasks of one run have, and no others: their titles begin with the run, and they
/// are due on a day that nobody else uses. So even a task is found whose creation got no
/// reply.
#[derive(Clone)]
pub(super) struct Mark {
    run: String,
    day: String,
}

impl Mark {
    /// A mark for a new run.
    pub(super) fn new() -> Mark {
        let (year, month) = (fastrand::u32(3000..9000), fastrand::u32(1..13));
        let day = format!("{year}-{month:02}-{:02}", fastrand::u32(1..28));
        Mark { run: format!("load {}", TaskId::new()), day }
    }
}

/// A user, and the tasks that were made and not yet deleted.
pub(super) struct Account {
    name: String,
    token: String,
    mark: Mark,
    tasks: Mutex<VecDeque<TaskId>>,
    sent: AtomicUsize,
    /// Whether there certainly is no task left.
    is_clean: AtomicBool,
}

impl Account {
    pub(super) fn new(name: String, token: String, mark: Mark) -> Account {
        Account {
            name,
            token,
            mark,
            tasks: Mutex::default(),
            sent: AtomicUsize::new(0),
            is_clean: AtomicBool::new(false),
        }
    }

    pub(super) fn token(&self) -> &str {
        &self.token
    }

    fn tasks(&self) -> MutexGuard<'_, VecDeque<TaskId>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Checks that the API accepts the token.
    pub(super) async fn check(&self, http: &Http) -> Result<()> {
        let call = (Method::GET, "/api/tasks?limit=1".to_owned(), None);
        let reply = http.send(&self.token, &call).await?;
        if reply.status != StatusCode::OK {
            let body = String::from_utf8_lossy(&reply.body);
            bail!("GET /api/tasks: {}: {body}", reply.status);
        }
        Ok(())
    }

    /// The next request, and the task that it is about; `None` if that needs a task and
    /// there is none.
    pub(super) fn request(&self, endpoint: Endpoint) -> Option<(TaskId, Call)> {
        let number = self.sent.fetch_add(1, Ordering::Relaxed);
        let mut tasks = self.tasks();
        let task = match endpoint {
            Endpoint::Health
            | Endpoint::List
            | Endpoint::Changes
            | Endpoint::Export
            | Endpoint::Create => TaskId::new(),
            Endpoint::Delete => tasks.pop_front()?,
            Endpoint::Get
            | Endpoint::Update
            | Endpoint::Toggle
            | Endpoint::Restore
            | Endpoint::Batch
            | Endpoint::Tools => *tasks.get(number.checked_rem(tasks.len())?)?,
        };
        let (method, path, mut body) = endpoint.request(task, number);
        // Operations change no title.
        if let Some(body) = body.as_mut().filter(|_| !endpoint.has_operations()) {
            let Mark { run, day } = &self.mark;
            body["title"] = json!(format!("{run} {number}"));
            if endpoint == Endpoint::Create {
                body["due_date"] = json!(day);
            }
        }
        Some((task, (method, path, body)))
    }

    /// Remembers what tasks there are after a request of [`Account::request`].
    pub(super) fn learn(&self, endpoint: Endpoint, task: TaskId, reply: Option<&Reply>) {
        match endpoint {
            Endpoint::Create => {
                let created = reply.filter(|reply| reply.status == StatusCode::CREATED);
                let task = created.and_then(|reply| serde_json::from_slice(&reply.body).ok());
                self.tasks().extend(task.as_ref().and_then(id));
            }
            Endpoint::Delete if !reply.is_some_and(is_gone) => self.tasks().push_back(task),
            _ => {}
        }
    }

    /// Deletes the tasks that are left, some at once, for as long as that gets on.
    pub(super) async fn clean_up(&self, http: &Http, at_once: usize) {
        let progress = Mutex::new(Instant::now());
        let in_time = || lock(&progress).elapsed() < PATIENCE;
        let mut pause = FIRST_PAUSE;
        while in_time() {
            let tasks: Vec<TaskId> = self.tasks().iter().copied().collect();
            let delete = async |task: TaskId| {
                if in_time() && self.delete(http, task).await {
                    *lock(&progress) = Instant::now();
                }
            };
            stream::iter(tasks).for_each_concurrent(at_once, delete).await;
            if let Ok(found) = self.find(http).await {
                let mut tasks = self.tasks();
                let new: Vec<TaskId> = found.into_iter().filter(|it| !tasks.contains(it)).collect();
                tasks.extend(new);
                if tasks.is_empty() {
                    self.is_clean.store(true, Ordering::Relaxed);
                    return;
                }
            }
            tokio::time::sleep(pause).await;
            pause = LONGEST_PAUSE.min(pause * 2);
        }
    }

    /// Deletes a task. Returns whether that worked.
    async fn delete(&self, http: &Http, task: TaskId) -> bool {
        let call = (Method::DELETE, format!("/api/tasks/{task}?permanent=true"), None);
        let is_done = http.send(&self.token, &call).await.is_ok_and(|reply| is_gone(&reply));
        if is_done {
            self.tasks().retain(|it| *it != task);
        }
        is_done
    }

    /// Some of the run's tasks that the API lists.
    async fn find(&self, http: &Http) -> Result<Vec<TaskId>> {
        let Mark { run, day } = &self.mark;
        let window = format!("due_after={day}T00:00:00Z&due_before={day}T12:00:00Z");
        let path = format!("/api/tasks?sort=due_date&{window}&limit=1000");
        let reply = http.send(&self.token, &(Method::GET, path, None)).await?;
        let tasks: Vec<Value> = serde_json::from_slice(&reply.body)?;
        let is_ours = |task: &&Value| task["title"].as_str().is_some_and(|it| it.starts_with(run));
        tasks.iter().filter(is_ours).map(|task| id(task).context("a task without an id")).collect()
    }

    /// What is left of the run; `None` if that is nothing.
    pub(super) fn left(&self) -> Option<String> {
        if self.is_clean.load(Ordering::Relaxed) {
            return None;
        }
        let Mark { run, day } = &self.mark;
        let known = self.tasks().len();
        Some(format!("{}: {known} tasks or more, titled \"{run} …\" and due {day}", self.name))
    }
}

fn lock(progress: &Mutex<Instant>) -> MutexGuard<'_, Instant> {
    progress.lock().unwrap_or_else(PoisonError::into_inner)
}

fn id(task: &Value) -> Option<TaskId> {
    TaskId::parse(task["id"].as_str()?)
}

/// Whether a delete found or left no task.
fn is_gone(reply: &Reply) -> bool {
    matches!(reply.status, StatusCode::NO_CONTENT | StatusCode::NOT_FOUND)
}
