//! The processes of one function: one for each concurrent request, up to a maximum. Each
//! handles one request at a time.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use super::process::Process;
use super::{Launch, LogSink, Outcome};

/// The maximum number of processes of one function. Further requests wait for a free one.
const MAX_PROCESSES: usize = 8;

/// How long API Gateway waits for a function, including the wait for a process.
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html>
const INTEGRATION_TIMEOUT: Duration = Duration::from_secs(30);

/// One function.
pub(super) struct Pool {
    launch: Launch,
    runtime_api: SocketAddr,
    logs: LogSink,
    state: Mutex<State>,
    /// Notified when an instance becomes idle or ends.
    changed: Notify,
}

#[derive(Default)]
struct State {
    last_instance: u64,
    instances: BTreeMap<u64, Instance>,
    queue: VecDeque<Invocation>,
    /// Whether a task watches the deadlines.
    watched: bool,
    stopped: bool,
}

struct Instance {
    process: Process,
    slot: Slot,
    /// Whether it has asked for an invocation at least once.
    initialised: bool,
}

/// What an instance is doing.
enum Slot {
    /// It will soon ask for an invocation.
    Starting,
    /// It waits for one.
    Idle(oneshot::Sender<Assignment>),
    /// It handles one.
    Busy { id: String, reply: oneshot::Sender<Outcome>, deadline: Instant },
}

/// A request that waits for an instance.
struct Invocation {
    event: Bytes,
    reply: oneshot::Sender<Outcome>,
}

/// An invocation as an instance receives it.
pub(super) struct Assignment {
    pub(super) id: String,
    pub(super) event: Bytes,
    pub(super) deadline: SystemTime,
}

impl Pool {
    pub(super) fn new(launch: Launch, runtime_api: SocketAddr, logs: LogSink) -> Arc<Pool> {
        Arc::new(Pool {
            launch,
            runtime_api,
            logs,
            state: Mutex::default(),
            changed: Notify::new(),
        })
    }

    pub(super) fn name(&self) -> &str {
        &self.launch.name
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // The state is consistent after every statement, so a panic cannot corrupt it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends `event` to an idle instance, or queues it for the next one.
    pub(super) async fn invoke(self: &Arc<Pool>, event: Bytes) -> Outcome {
        let (reply, outcome) = oneshot::channel();
        {
            let mut state = self.state();
            if state.stopped {
                return Outcome::Crashed;
            }
            state.queue.push_back(Invocation { event, reply });
            self.dispatch(&mut state);
        }
        match tokio::time::timeout(INTEGRATION_TIMEOUT, outcome).await {
            Ok(outcome) => outcome.unwrap_or(Outcome::Crashed),
            Err(_) => Outcome::TimedOut,
        }
    }

    /// Assigns queued invocations to idle instances, and starts instances for the rest.
    fn dispatch(self: &Arc<Pool>, state: &mut State) {
        // A caller that stopped waiting got a timeout: its invocation must not run now.
        state.queue.retain(|invocation| !invocation.reply.is_closed());
        while !state.queue.is_empty()
            && let Some(instance) = state.take_idle()
        {
            let Some(invocation) = state.queue.pop_front() else { break };
            self.assign(state, instance, invocation);
        }
        let starting = |state: &State| {
            state.instances.values().filter(|it| matches!(it.slot, Slot::Starting)).count()
        };
        while !state.stopped
            && state.instances.len() < MAX_PROCESSES
            && starting(state) < state.queue.len()
        {
            if !self.start_instance(state) {
                break;
            }
        }
    }

    /// Assigns `invocation` to the idle `instance` and sets its deadline.
    fn assign(
        self: &Arc<Pool>,
        state: &mut State,
        (instance, asked): (u64, oneshot::Sender<Assignment>),
        invocation: Invocation,
    ) {
        let id = uuid::Uuid::new_v4().to_string();
        let deadline = SystemTime::now() + self.launch.timeout;
        let assignment = Assignment { id: id.clone(), event: invocation.event, deadline };
        if let Some(instance) = state.instances.get_mut(&instance) {
            let (reply, deadline) = (invocation.reply, Instant::now() + self.launch.timeout);
            instance.slot = Slot::Busy { id, reply, deadline };
            self.watch(state, deadline);
        }
        // If the instance is gone, `exited` answers the caller.
        let _ = asked.send(assignment);
    }

    /// Watches all deadlines, of which `first` is the earliest, as long as there are any. (A
    /// timer for each deadline would wake a thread for each.)
    fn watch(self: &Arc<Pool>, state: &mut State, first: Instant) {
        if std::mem::replace(&mut state.watched, true) {
            return;
        }
        let pool = Arc::downgrade(self);
        tokio::spawn(async move {
            let mut next = Some(first);
            while let Some(deadline) = next {
                tokio::time::sleep_until(deadline).await;
                next = pool.upgrade().and_then(|pool| pool.expire());
            }
        });
    }

    /// Starts a process. If that fails, the oldest queued invocation fails.
    fn start_instance(self: &Arc<Pool>, state: &mut State) -> bool {
        state.last_instance += 1;
        let id = state.last_instance;
        let pool = self.clone();
        let on_exit = move || pool.exited(id);
        match Process::start(&self.launch, self.runtime_api, id, self.logs.clone(), on_exit) {
            Ok(process) => {
                let instance = Instance { process, slot: Slot::Starting, initialised: false };
                state.instances.insert(id, instance);
                true
            }
            Err(error) => {
                (self.logs)(&self.launch.name, &format!("cannot be started: {error}"));
                state.fail_oldest();
                false
            }
        }
    }

    /// Waits until an instance is idle, and returns its process id. Starts an instance if
    /// there is none; `None` if that one ends before it is idle.
    pub(super) async fn ready(self: &Arc<Pool>) -> Option<u32> {
        let mut started = false;
        loop {
            let changed = self.changed.notified();
            {
                let mut state = self.state();
                let mut instances = state.instances.values();
                let is_idle =
                    |it: &&Instance| matches!(&it.slot, Slot::Idle(asked) if !asked.is_closed());
                if let Some(idle) = instances.find(is_idle) {
                    return idle.process.id();
                }
                if state.stopped {
                    return None;
                }
                if state.instances.is_empty()
                    && (std::mem::replace(&mut started, true) || !self.start_instance(&mut state))
                {
                    return None;
                }
            }
            changed.await;
        }
    }

    /// Waits for the next invocation of `instance`. `None` if there is no such instance (any
    /// more).
    pub(super) async fn next(self: &Arc<Pool>, instance: u64) -> Option<Assignment> {
        let assignment = {
            let mut state = self.state();
            let asking = state.instances.get_mut(&instance)?;
            let (sender, assignment) = oneshot::channel();
            asking.slot = Slot::Idle(sender);
            asking.initialised = true;
            self.dispatch(&mut state);
            self.changed.notify_waiters();
            assignment
        };
        assignment.await.ok()
    }

    /// Records that the instance has answered the invocation `id`.
    pub(super) fn finish(&self, instance: u64, id: &str, outcome: Outcome) {
        let mut state = self.state();
        let Some(instance) = state.instances.get_mut(&instance) else { return };
        if let Some(reply) = instance.take_reply_if(|current, _| current == id) {
            let _ = reply.send(outcome);
        }
    }

    /// Ends the processes whose deadline has passed, as Lambda does. Returns the next
    /// deadline.
    fn expire(&self) -> Option<Instant> {
        let mut state = self.state();
        let now = Instant::now();
        for instance in state.instances.values_mut() {
            if let Some(reply) = instance.take_reply_if(|_, deadline| deadline <= now) {
                let _ = reply.send(Outcome::TimedOut);
                instance.process.kill();
            }
        }
        let deadlines = state.instances.values().filter_map(|instance| match instance.slot {
            Slot::Busy { deadline, .. } => Some(deadline),
            Slot::Starting | Slot::Idle(_) => None,
        });
        let next = deadlines.min();
        state.watched = next.is_some();
        next
    }

    /// Removes an instance whose process has ended.
    fn exited(self: &Arc<Pool>, instance: u64) {
        let mut state = self.state();
        let Some(gone) = state.instances.remove(&instance) else { return };
        if let Slot::Busy { reply, .. } = gone.slot {
            let _ = reply.send(Outcome::Crashed);
        } else if !gone.initialised {
            // A new one would end the same way: without this, a function that cannot
            // start would be started forever.
            state.fail_oldest();
        }
        self.dispatch(&mut state);
        self.changed.notify_waiters();
    }

    pub(super) fn processes(&self) -> Vec<u32> {
        self.state().instances.values().filter_map(|it| it.process.id()).collect()
    }

    pub(super) fn kill_all(&self) {
        let mut state = self.state();
        state.stopped = true;
        state.queue.clear();
        state.kill();
    }

    /// Ends all processes, waits until they are gone, and starts no others.
    pub(super) async fn stop(&self) {
        self.kill_all();
        self.end_processes().await;
    }

    /// Ends all processes and waits until they are gone.
    pub(super) async fn end_processes(&self) {
        while !self.state().instances.is_empty() {
            // Another one may have been started in the meantime.
            self.state().kill();
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

impl State {
    fn kill(&mut self) {
        self.instances.values_mut().for_each(|instance| instance.process.kill());
    }

    /// Takes an idle instance.
    fn take_idle(&mut self) -> Option<(u64, oneshot::Sender<Assignment>)> {
        for (id, instance) in &mut self.instances {
            if let Slot::Idle(_) = instance.slot
                && let Slot::Idle(asked) = std::mem::replace(&mut instance.slot, Slot::Starting)
                && !asked.is_closed()
            {
                return Some((*id, asked));
            }
        }
        None
    }

    fn fail_oldest(&mut self) {
        if let Some(invocation) = self.queue.pop_front() {
            let _ = invocation.reply.send(Outcome::Crashed);
        }
    }
}

impl Instance {
    /// Takes the sender of its reply, if its invocation matches.
    fn take_reply_if(
        &mut self,
        matches: impl FnOnce(&str, Instant) -> bool,
    ) -> Option<oneshot::Sender<Outcome>> {
        match std::mem::replace(&mut self.slot, Slot::Starting) {
            Slot::Busy { id, reply, deadline } if matches(&id, deadline) => Some(reply),
            other => {
                self.slot = other;
                None
            }
        }
    }
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pool").field("function", &self.launch.name).finish_non_exhaustive()
    }
}
