//! The processes of one function: as many as there are requests at once, from
//! none up to a cap, each with one request at a time.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use super::process::Process;
use super::{Launch, LogSink, Outcome};

/// The most processes of one function. Further requests wait for a free one.
const MAX_PROCESSES: usize = 8;

/// How long API Gateway waits for a function, including any wait for a
/// process.
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html>
const INTEGRATION_TIMEOUT: Duration = Duration::from_secs(30);

/// One function.
pub(super) struct Pool {
    launch: Launch,
    runtime_api: SocketAddr,
    logs: LogSink,
    state: Mutex<State>,
    /// Told when an instance has nothing to do, or is gone.
    changed: Notify,
}

#[derive(Default)]
struct State {
    last_instance: u64,
    instances: BTreeMap<u64, Instance>,
    queue: VecDeque<Invocation>,
    /// Whether a task looks after the deadlines.
    watched: bool,
    stopped: bool,
}

struct Instance {
    process: Process,
    slot: Slot,
    /// Whether it has ever asked for an invocation.
    initialised: bool,
}

/// What an instance is doing.
enum Slot {
    /// It will soon ask for an invocation.
    Starting,
    /// It has asked for one.
    Idle(oneshot::Sender<Assignment>),
    /// It has one.
    Busy { id: String, reply: oneshot::Sender<Outcome>, deadline: Instant },
}

/// A request that waits for an instance.
struct Invocation {
    event: Bytes,
    reply: oneshot::Sender<Outcome>,
}

/// What an instance gets to do.
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
        // The state is consistent between any two statements.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends `event` to a free instance, or queues it for the next one.
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

    /// Gives queued invocations to idle instances, and starts instances for
    /// the rest.
    fn dispatch(self: &Arc<Pool>, state: &mut State) {
        // Whoever has stopped waiting has been told that nothing was done.
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

    /// Hands `invocation` to the idle instance `id` and starts its clock.
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
        // If the instance is gone, its exit tells the caller.
        let _ = asked.send(assignment);
    }

    /// Looks after all deadlines, of which `first` is the earliest, as long as
    /// there are any. (A timer for each would wake a thread for each.)
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

    /// Starts a process. If that is not possible, the oldest waiting caller is
    /// told.
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

    /// Waits until an instance has nothing to do, and gives its process id. Starts
    /// one if there is none; `None` if that ends at once.
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

    /// What the instance is to do next; waits until there is something. `None`
    /// if there is no such instance (any more).
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

    /// The instance has answered the invocation `id`.
    pub(super) fn finish(&self, instance: u64, id: &str, outcome: Outcome) {
        let mut state = self.state();
        let Some(instance) = state.instances.get_mut(&instance) else { return };
        if let Some(reply) = instance.take_reply_if(|current, _| current == id) {
            let _ = reply.send(outcome);
        }
    }

    /// Lambda ends a process whose time is up. Tells the next deadline.
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

    /// The process of the instance has ended.
    fn exited(self: &Arc<Pool>, instance: u64) {
        let mut state = self.state();
        let Some(gone) = state.instances.remove(&instance) else { return };
        if let Slot::Busy { reply, .. } = gone.slot {
            let _ = reply.send(Outcome::Crashed);
        } else if !gone.initialised {
            // Another one would end the same way: without this, a function
            // that cannot start would be started for ever.
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

    /// Ends all processes and waits until they are gone; there will be no
    /// others.
    pub(super) async fn stop(&self) {
        self.kill_all();
        self.end_processes().await;
    }

    /// Ends all processes and waits until they are gone.
    pub(super) async fn end_processes(&self) {
        while !self.state().instances.is_empty() {
            // One may have been started meanwhile.
            self.state().kill();
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

impl State {
    fn kill(&mut self) {
        self.instances.values_mut().for_each(|instance| instance.process.kill());
    }

    /// Takes an instance that waits for something to do.
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
    /// Who waits for its invocation, if that has such an id and deadline.
    fn take_reply_if(
        &mut self,
        is_meant: impl FnOnce(&str, Instant) -> bool,
    ) -> Option<oneshot::Sender<Outcome>> {
        match std::mem::replace(&mut self.slot, Slot::Starting) {
            Slot::Busy { id, reply, deadline } if is_meant(&id, deadline) => Some(reply),
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
