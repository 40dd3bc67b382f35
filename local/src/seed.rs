//! Fills users' lists with tasks, the same ones each time.

use std::ops::Range;

use anyhow::{Context, Result};
use aws_sdk_dynamodb::Client;
use fastrand::Rng;
use futures::{StreamExt, TryStreamExt, stream};
use shared::User;
use shared::store::{MAX_BATCH, StoreError, Tasks};
use shared::task::{Due, NewTask, Priority, Revision, Task, TaskId, Timestamp};

use crate::settings::Settings;
use crate::{tables, token};

/// How many batches are written concurrently.
const CONCURRENCY: usize = 8;

/// Seconds between the creations of two tasks.
const INTERVAL: u32 = 7;

const TITLES: [&str; 16] = [
    "Buy milk",
    "Call the dentist",
    "Éclairs for Saturday",
    "Äpfel pflücken",
    "Write the report",
    "Купить яблоки",
    "買い物に行く",
    "Renew passport",
    "Fix the bike",
    "¿Quién paga la cuenta?",
    "Water the plants",
    "Zebra crossing petition",
    "दूध खरीदना",
    "شراء الحليب",
    "장보기",
    "fix the Bike",
];

/// Calls [`fill`] for one user after the other. `lists` holds their names and numbers of
/// tasks. Calls `progress` with the total number of tasks that are stored.
///
/// # Errors
///
/// As [`fill`], or if no token can be signed for a user.
pub async fn fill_all(
    client: &Client,
    settings: &Settings,
    lists: &[(String, u32)],
    progress: impl Fn(u64),
) -> Result<()> {
    let mut before = 0;
    for (name, count) in lists {
        let user = token::user(settings, name).await?;
        fill(client, &user, *count, |done| progress(before + u64::from(done))).await?;
        before += u64::from(*count);
    }
    Ok(())
}

/// Stores the tasks of `user` with the numbers below `count`: titles in several scripts,
/// some with a priority, a description or a due date, a third of them completed. Every run
/// generates the same tasks, so it can resume one that was interrupted. Calls `progress`
/// with the number of tasks that are stored.
///
/// # Errors
///
/// If DynamoDB cannot be reached. What is already stored remains.
pub async fn fill(client: &Client, user: &User, count: u32, progress: impl Fn(u32)) -> Result<()> {
    let first = first_missing(tables::store(client.clone()).tasks(user), user, count).await?;
    progress(first);
    insert(client, user, first..count, progress).await
}

/// Stores the tasks of `user` with these numbers, even if they exist. Calls `progress` with
/// the number after the last one that is stored.
///
/// # Errors
///
/// As [`fill`].
pub async fn insert(
    client: &Client,
    user: &User,
    numbers: Range<u32>,
    progress: impl Fn(u32),
) -> Result<()> {
    let store = tables::store(client.clone());
    let batch = u32::try_from(MAX_BATCH)?;
    let batches = stream::iter(numbers.clone().step_by(MAX_BATCH)).map(|from| {
        let store = &store;
        let to = numbers.end.min(from + batch);
        async move {
            let tasks = (from..to).map(|index| task(user, index)).collect::<Result<Vec<_>>>()?;
            store.tasks(user).insert_all(&tasks).await?;
            anyhow::Ok(to)
        }
    });
    // In order: all tasks before the reported number are stored.
    let mut done = std::pin::pin!(batches.buffered(CONCURRENCY));
    while let Some(to) = done.try_next().await? {
        progress(to);
    }
    Ok(())
}

/// The id of a task that was created then, with these other bits, of which 74 count.
///
/// # Errors
///
/// If that was before 1970.
pub fn task_id(created_at: Timestamp, random: [u8; 10]) -> Result<TaskId> {
    let millis = u64::try_from(created_at.unix_millis())?;
    let id = uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid();
    TaskId::parse(&id.to_string()).context("a UUIDv7")
}

/// The id of the task of `user` with the number `index`.
///
/// # Errors
///
/// If `index` is too large.
pub fn id(user: &User, index: u32) -> Result<TaskId> {
    Ok(task(user, index)?.id)
}

/// The number of the first task that may be missing: the first one that is not stored,
/// less the number that could have been written concurrently.
async fn first_missing(tasks: Tasks<'_>, user: &User, count: u32) -> Result<u32> {
    let (mut stored, mut missing) = (0, count);
    while stored < missing {
        let middle = stored + (missing - stored) / 2;
        match tasks.get(id(user, middle)?).await {
            Ok(_) => stored = middle + 1,
            Err(StoreError::NotFound | StoreError::Deleted) => missing = middle,
            Err(error) => return Err(error.into()),
        }
    }
    let under_way = u32::try_from(2 * CONCURRENCY * MAX_BATCH)?;
    Ok(if stored == count { count } else { stored.saturating_sub(under_way) })
}

/// The task of `user` with the number `index`.
fn task(user: &User, index: u32) -> Result<Task> {
    // An FNV-1a hash of the user id: different users have different tasks.
    let seed = user.id().bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    let mut random = Rng::with_seed(seed ^ (u64::from(index) << 32 | u64::from(index)));
    let start = Timestamp::parse("2024-01-01").context("a date")?;
    let created_at = start.after_seconds(index * INTERVAL).context("too many tasks")?;
    let mut bits = [0; 10];
    random.fill(&mut bits);
    let id = task_id(created_at, bits)?;
    let title = random.choice(TITLES).unwrap_or("Task");
    let due_date = random.bool().then(|| {
        // Leaves out some days, as weekends do.
        let (day, hour) = (random.u32(0..300) * 7 / 5, random.u32(8..18));
        Timestamp::parse("2027-01-01")?.after_seconds((day * 24 + hour) * 3600)
    });
    let new = NewTask {
        description: random.bool().then(|| "What to think of, in a few words.".to_owned()),
        priority: random.choice([None, Some(Priority::Low), Some(Priority::High)]).flatten(),
        due: due_date.flatten().map(Due::from),
        ..NewTask::titled(format!("{title} {}", index + 1))
    };
    let completed = index.is_multiple_of(3);
    let done_at = created_at.after_seconds(3600).context("too many tasks")?;
    Ok(Task {
        completed,
        completed_at: completed.then_some(done_at),
        updated_at: if completed { done_at } else { created_at },
        revision: Revision::parse(&id.to_string()).context("a revision")?,
        ..Task::with_id(id, user.id(), new)
    })
}
