//! Several functions that write, an index that lags, and devices that follow the changes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use fastrand::Rng;
use local::tables;
use shared::User;
use shared::store::{Clock, Store};
use shared::task::{FeedEntry, FeedQuery, Revision, TaskId, Timestamp};

use tokio::sync::oneshot::{Receiver, Sender, channel};
use tokio::task::JoinHandle;

use super::network::{Fate, Network};
use super::replicas::{Item, Replicas};
use super::write::{Outcome, Write};

const SECOND: i64 = 1000;

/// How long a request is under way at most until it is answered.
const PATIENCE: i64 = 9 * SECOND;

/// How far the index may lag.
const LAG: i64 = 25 * SECOND;

/// How soon a device must hear of a write.
const PROMISE: i64 = 30 * SECOND;

/// A function that writes.
struct Writer {
    clock: Arc<AtomicI64>,
    skew: i64,
    store: Store,
    network: Network,
    /// When its late request arrives at the latest.
    late_until: i64,
    held: Option<Held>,
}

/// A write that is under way.
struct Held {
    until: i64,
    release: Sender<()>,
    outcome: JoinHandle<Outcome>,
}

/// That a request is under way, and that it may go on.
type Signals = (Receiver<()>, Sender<()>);

/// What the table has.
#[derive(Default)]
struct State {
    item: Item,
    /// When it was written.
    written_at: i64,
    /// Whether its last write arrived later than any that is acknowledged.
    is_late: bool,
    /// Its versions and their times, in order.
    versions: Vec<(Revision, Timestamp)>,
    /// Since when each replica does not have it.
    missing_since: [Option<i64>; 2],
}

/// A device.
#[derive(Default)]
pub(super) struct Device {
    token: Option<String>,
    tasks: BTreeMap<TaskId, Revision>,
    /// The last change of each task.
    last: BTreeMap<TaskId, FeedEntry>,
    /// When its current round began.
    began: Option<i64>,
    pub(super) changes: usize,
    pub(super) repeats: usize,
}

pub(super) struct World {
    pub(super) random: Rng,
    now: i64,
    user: User,
    replicas: &'static Replicas,
    writers: Vec<Writer>,
    /// The skew of each function that reads.
    readers: [i64; 2],
    tasks: BTreeMap<TaskId, State>,
    pub(super) devices: Vec<Device>,
    pub(super) acknowledged: usize,
    pub(super) unknown: usize,
}

impl World {
    pub(super) fn new(seed: u64, user: User, replicas: &'static Replicas) -> World {
        let mut random = Rng::with_seed(seed);
        let now = Timestamp::parse("2027-02-10").unwrap().unix_millis();
        let mut skew = || random.i64(-5 * SECOND..=5 * SECOND);
        let writer = |skew: i64| {
            let clock = Arc::new(AtomicI64::new(now + skew));
            let network = Network::default();
            let store = tables::store(network.client(&replicas.table_url()));
            let store = store.with_clock(Clock::set(clock.clone()));
            Writer { clock, skew, store, network, late_until: 0, held: None }
        };
        let writers = (0..3).map(|_| writer(skew())).collect();
        let readers = [skew(), skew()];
        let devices = (0..3).map(|_| Device::default()).collect();
        World {
            random,
            now,
            user,
            replicas,
            writers,
            readers,
            tasks: BTreeMap::new(),
            devices,
            acknowledged: 0,
            unknown: 0,
        }
    }

    /// Lets a function write. Some writes go wrong, some stay under way.
    pub(super) async fn write(&mut self) {
        let at = self.random.usize(..self.writers.len());
        if self.writers[at].held.is_some() {
            return;
        }
        let ids: Vec<TaskId> = self.tasks.keys().copied().collect();
        let write = Write::choose(&mut self.random, &ids);
        let (fates, held) = self.fates(at);
        let writer = &mut self.writers[at];
        writer.network.plan(fates);
        let running = tokio::spawn(write.run(writer.store.clone(), self.user.clone()));
        if let Some((under_way, release)) = held
            && under_way.await.is_ok()
        {
            let until = self.now + PATIENCE;
            writer.held = Some(Held { until, release, outcome: running });
            return;
        }
        let outcome = running.await.unwrap();
        self.note(outcome);
        self.observe(false).await;
    }

    /// Decides what becomes of a write, and returns the signals of one that is held.
    fn fates(&mut self, at: usize) -> (Vec<Fate>, Option<Signals>) {
        let random = &mut self.random;
        let is_free = !self.writers[at].network.has_late();
        match random.u32(..100) {
            0..12 => (vec![Fate::LostReply], None),
            12..18 => (vec![Fate::Lost], None),
            // As a function that is killed: whatever it would have sent again is not sent.
            18..22 => (vec![Fate::LostReply, Fate::Lost, Fate::Lost, Fate::Lost, Fate::Lost], None),
            22..34 if is_free => {
                let minutes = random.u32(..8) == 0;
                let most = if minutes { 14 * 60 * SECOND } else { 60 * SECOND };
                self.writers[at].late_until = self.now + random.i64(0..most);
                let all = (0..5).map(|_| Fate::Late);
                let only_the_first = random.bool();
                (all.take(if only_the_first { 1 } else { 5 }).collect(), None)
            }
            34..60 => {
                let ((sent, under_way), (release, go_on)) = (channel(), channel());
                (vec![Fate::Held(sent, go_on)], Some((under_way, release)))
            }
            _ => (vec![], None),
        }
    }

    fn note(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Acknowledged => self.acknowledged += 1,
            Outcome::Refused => {}
            Outcome::Unknown => self.unknown += 1,
        }
    }

    /// Notices what was written.
    async fn observe(&mut self, is_late: bool) {
        for (id, item) in self.replicas.items(&self.user).await {
            let state = self.tasks.entry(id).or_default();
            if state.item == item {
                continue;
            }
            let text = |name: &str| item[name].as_s().unwrap().clone();
            let revision = Revision::parse(&text("revision")).unwrap();
            let time = Timestamp::parse(&text("updated_at")).unwrap();
            state.versions.push((revision, time));
            (state.item, state.written_at, state.is_late) = (item, self.now, is_late);
            state.missing_since = state.missing_since.map(|since| since.or(Some(self.now)));
        }
    }

    /// Lets some items arrive in the index.
    pub(super) async fn replicate(&mut self) {
        let all = self.random.u32(..4) == 0;
        for state in self.tasks.values_mut() {
            for (replica, missing_since) in state.missing_since.iter_mut().enumerate() {
                if missing_since.is_some() && (all || self.random.bool()) {
                    self.replicas.put(replica, &state.item).await;
                    *missing_since = None;
                }
            }
        }
    }

    /// Lets time pass, and everything happen that does by then.
    pub(super) async fn advance(&mut self, millis: i64) {
        let end = self.now + millis;
        while let Some(next) = self.deadlines().min().filter(|next| *next <= end) {
            self.set_time(next.max(self.now));
            self.meet_deadlines().await;
        }
        self.set_time(end);
    }

    fn set_time(&mut self, now: i64) {
        self.now = now;
        for writer in &self.writers {
            writer.clock.store(now + writer.skew, Ordering::Relaxed);
        }
    }

    fn deadlines(&self) -> impl Iterator<Item = i64> {
        let missing = self.tasks.values().flat_map(|state| state.missing_since).flatten();
        let late = self.writers.iter().filter(|writer| writer.network.has_late());
        let held = self.writers.iter().filter_map(|writer| writer.held.as_ref());
        missing
            .map(|since| since + LAG)
            .chain(late.map(|writer| writer.late_until))
            .chain(held.map(|held| held.until))
    }

    async fn meet_deadlines(&mut self) {
        let now = self.now;
        for at in 0..self.writers.len() {
            let writer = &mut self.writers[at];
            if writer.network.has_late() && writer.late_until <= now {
                writer.network.deliver().await;
                self.observe(true).await;
            }
            if let Some(held) = self.writers[at].held.take_if(|held| held.until <= now) {
                self.release(held).await;
            }
        }
        for state in self.tasks.values_mut() {
            for (replica, since) in state.missing_since.iter_mut().enumerate() {
                if since.is_some_and(|since| since + LAG <= now) {
                    self.replicas.put(replica, &state.item).await;
                    *since = None;
                }
            }
        }
    }

    /// Lets a write arrive that was under way, or kills its function before.
    pub(super) async fn release_one(&mut self) {
        let at = self.random.usize(..self.writers.len());
        if let Some(held) = self.writers[at].held.take() {
            self.release(held).await;
        }
    }

    async fn release(&mut self, held: Held) {
        let is_killed = self.random.u32(..6) == 0;
        if is_killed {
            held.outcome.abort();
            let _ = held.outcome.await;
        } else {
            // It may have given up, if the machine is slow.
            let _ = held.release.send(());
            let outcome = held.outcome.await.unwrap();
            self.note(outcome);
        }
        self.observe(false).await;
    }

    /// Lets a device read one page, or until it is up to date.
    pub(super) async fn poll(&mut self, device: usize, to_the_end: bool) {
        loop {
            let limit = [1, 2, 5, 1000][self.random.usize(..4)];
            let replica = self.random.usize(..2);
            let reader = Clock::set(Arc::new(AtomicI64::new(
                self.now + self.readers[self.random.usize(..2)],
            )));
            let store = self.replicas.lagging(replica).with_clock(reader);
            let device = &mut self.devices[device];
            let began = *device.began.get_or_insert(self.now);
            let query = FeedQuery { since: device.token.clone(), limit };
            let mut page = Vec::new();
            let take = |entry: &FeedEntry| {
                page.push(entry.clone());
                true
            };
            let rest = store.tasks(&self.user).changes(&query, take).await.unwrap();
            if !to_the_end && self.random.u32(..10) == 0 {
                // The reply got lost.
                return;
            }
            for entry in page {
                device.learn(&entry, &self.tasks);
            }
            device.token = Some(rest.next);
            if !rest.more {
                device.began = None;
                let promised =
                    |state: &State| !state.is_late && state.written_at + PROMISE <= began;
                check(device, &self.tasks, promised);
                return;
            }
            if !to_the_end {
                return;
            }
        }
    }

    /// Lets everything happen that is still to come, and checks that all devices get it.
    pub(super) async fn finish(&mut self) {
        self.advance(15 * 60 * SECOND).await;
        for device in 0..self.devices.len() {
            self.poll(device, true).await;
            check(&self.devices[device], &self.tasks, |state| !state.is_late);
        }
        self.advance(15 * 60 * SECOND + LAG + 1).await;
        for device in 0..self.devices.len() {
            self.poll(device, true).await;
            check(&self.devices[device], &self.tasks, |_| true);
        }
    }
}

impl Device {
    fn learn(&mut self, entry: &FeedEntry, tasks: &BTreeMap<TaskId, State>) {
        let id = entry.id();
        let old = self.last.insert(id, entry.clone());
        self.changes += 1;
        self.repeats += usize::from(old.as_ref() == Some(entry));
        let revision = |entry: &FeedEntry| match entry {
            FeedEntry::Task(task) => Some(task.revision),
            FeedEntry::Deletion { .. } => None,
        };
        let version = |revision: Revision| {
            let versions = &tasks[&id].versions;
            let index = versions.iter().position(|(known, _)| *known == revision).unwrap();
            (index, versions[index].1)
        };
        let new = revision(entry);
        if let (Some(old), Some(new)) = (old.as_ref().and_then(revision), new) {
            let ((old, old_time), (new, new_time)) = (version(old), version(new));
            // Two writes of the same time may come in any order, and the last one again.
            assert!(new >= old || old_time == new_time, "{id} goes back in time");
        }
        match new {
            Some(revision) => self.tasks.insert(id, revision),
            None => self.tasks.remove(&id),
        };
    }
}

/// Checks that the device has exactly the tasks of the table, as far as that is promised.
fn check(device: &Device, tasks: &BTreeMap<TaskId, State>, promised: impl Fn(&State) -> bool) {
    for (id, state) in tasks.iter().filter(|(_, state)| promised(state)) {
        let is_living = state.item.contains_key("completed");
        let expected = is_living.then(|| state.versions.last().unwrap().0);
        let versions = &state.versions;
        assert_eq!(device.tasks.get(id).copied(), expected, "{id}: {versions:?}");
    }
    for id in device.tasks.keys() {
        assert!(tasks.contains_key(id), "{id} does not exist");
    }
}
