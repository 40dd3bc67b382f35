//! Whoever follows the changes misses none of them: random writes by functions whose
//! clocks differ, through a network that loses, delays and keeps requests, and random reads
//! of an index that lags.

mod network;
mod replicas;
mod world;
mod write;

use futures::{StreamExt, stream};

use crate::{database, new_user};
use replicas::Replicas;
use world::World;

/// How many histories there are, and how many steps each of them has.
const HISTORIES: u64 = 100;
const STEPS: usize = 50;

async fn history(seed: u64, replicas: &'static Replicas) -> World {
    let mut world = World::new(seed, new_user().await, replicas);
    for _ in 0..STEPS {
        match world.random.u32(..100) {
            0..45 => world.write().await,
            45..52 => world.release_one().await,
            52..62 => world.replicate().await,
            62..82 => {
                let device = world.random.usize(..world.devices.len());
                let to_the_end = world.random.bool();
                world.poll(device, to_the_end).await;
            }
            82..98 => {
                let millis = world.random.i64(0..12_000);
                world.advance(millis).await;
            }
            _ => {
                let millis = world.random.i64(0..20 * 60_000);
                world.advance(millis).await;
            }
        }
    }
    world.finish().await;
    world
}

#[test]
fn every_device_that_follows_the_changes_ends_up_with_the_tasks_of_the_server() {
    database().runtime.block_on(async {
        let replicas: &'static Replicas = Box::leak(Box::new(Replicas::start().await));
        let worlds = stream::iter(0..HISTORIES).map(async |seed| {
            let history = tokio::spawn(history(seed, replicas));
            history.await.unwrap_or_else(|_| panic!("the history with seed {seed} fails"))
        });
        let worlds: Vec<World> = worlds.buffer_unordered(8).collect().await;
        let sum = |count: fn(&World) -> usize| worlds.iter().map(count).sum::<usize>();
        let devices = |count: fn(&world::Device) -> usize| -> usize {
            worlds.iter().flat_map(|world| &world.devices).map(count).sum()
        };
        let (changes, repeats) = (devices(|it| it.changes), devices(|it| it.repeats));
        println!(
            "{} writes acknowledged, {} unknown; {changes} changes, {repeats} of them again",
            sum(|world| world.acknowledged),
            sum(|world| world.unknown),
        );
        assert!(sum(|world| world.acknowledged) > 1000 && sum(|world| world.unknown) > 50);
        assert!(repeats * 100 < changes, "a change rarely comes twice");
    });
}
