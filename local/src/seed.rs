//! Fills a user's list.

use anyhow::Result;
use aws_sdk_dynamodb::Client;
use futures::{StreamExt, TryStreamExt, stream};
use shared::User;
use shared::task::{NewTask, Precondition, Priority, Timestamp, Toggle};

use crate::tables;

/// How many writes are under way at once.
const CONCURRENCY: usize = 16;

const TITLES: [&str; 12] = [
    "Buy milk",
    "Call the dentist",
    "Éclairs for Saturday",
    "Äpfel pflücken",
    "Write the report",
    "яблоки",
    "買い物",
    "Renew passport",
    "Fix the bike",
    "¿Quién paga?",
    "Water the plants",
    "Zebra crossing petition",
];

/// Creates `count` tasks for `user`: titles in several scripts, some with a
/// priority or a due date, a third of them completed. Calls `progress` after
/// each.
///
/// # Errors
///
/// If a write fails; those before it stay.
pub async fn fill(client: &Client, user: &User, count: usize, progress: impl Fn()) -> Result<()> {
    let store = tables::store(client.clone());
    let tasks = store.tasks(user);
    stream::iter(0..count)
        .map(Ok)
        .try_for_each_concurrent(CONCURRENCY, |index| {
            let progress = &progress;
            async move {
                let task = tasks.create(example(index), None).await?.task;
                if index % 3 == 0 {
                    tasks.toggle(task.id, Toggle::Set(true), &Precondition::Exists).await?;
                }
                progress();
                anyhow::Ok(())
            }
        })
        .await
}

/// The same for the same `index`.
fn example(index: usize) -> NewTask {
    let mut random = fastrand::Rng::with_seed(index as u64);
    let title = random.choice(TITLES).unwrap_or("Task");
    let due_date = random.bool().then(|| {
        let (month, day, hour) = (random.u8(1..=12), random.u8(1..=28), random.u8(8..=18));
        Timestamp::parse(&format!("2027-{month:02}-{day:02}T{hour:02}:00"))
    });
    NewTask {
        title: format!("{title} #{}", index + 1),
        description: random.bool().then(|| "What to think of, in a few words.".to_owned()),
        priority: random.choice([None, Some(Priority::Low), Some(Priority::High)]).flatten(),
        due_date: due_date.flatten(),
    }
}
