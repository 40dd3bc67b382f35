//! Commands for all that a user has: `export`, `erase`, `import`.

use std::fs;
use std::io::{Read, Write};
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use local::cli::{say, stop_signal, task_bar, task_counter};
use local::import;
use local::settings::Settings;
use local::token;
use shared::http;
use shared::store::Store;
use shared::task::{ExportQuery, Format, Task};
use shared::{User, config};

use crate::arguments::{Erase, Export, File, Import, Owner};

/// Writes a file of all tasks.
pub(crate) async fn export(settings: &Settings, arguments: Export) -> Result<()> {
    let Export { file: File { file, owner, format }, force } = arguments;
    let format = format_of(format, &file)?;
    ensure!(force || !file.exists(), "{} exists; --force replaces it", file.display());
    let (store, user, place) = open(settings, &owner).await?;
    let mut export = http::Export::whole(format);
    let mut count = 0_usize;
    let walk = each_task(&store, &user, |task| {
        count += usize::from(task.deleted_at.is_none() || format.has_trash());
        export.push(&task);
    });
    walk.await.with_context(|| format!("reading {place}"))?;
    let text = export.into_text();
    if file.as_os_str() == "-" {
        std::io::stdout().write_all(text.as_bytes())?;
    } else {
        write(&file, &text, force).with_context(|| format!("writing {}", file.display()))?;
        say(&format!("{count} tasks in {}", file.display()));
    }
    Ok(())
}

/// Writes a file as a whole or not at all. Only by force does it replace another: that may hold
/// what has been erased since.
fn write(path: &Path, text: &str, force: bool) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let mut file = tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))?;
    file.write_all(text.as_bytes())?;
    if force {
        file.persist(path)?
    } else {
        file.persist_noclobber(path)?
    };
    Ok(())
}

/// Deletes all tasks for good, or only counts them.
pub(crate) async fn erase(settings: &Settings, arguments: Erase) -> Result<()> {
    let Erase { owner, yes } = arguments;
    let (store, user, place) = open(settings, &owner).await?;
    let (name, table) = (&owner.user, &owner.place.table);
    let none = format!("{name} has no tasks in {place}");
    if !yes {
        let mut count = 0_usize;
        let walk = each_task(&store, &user, |_| count += 1);
        walk.await.with_context(|| format!("reading {place}"))?;
        say(&match count {
            0 => none,
            _ => {
                format!("{name} has {count} tasks in {table}. To delete them for good, add --yes.")
            }
        });
        return Ok(());
    }
    let bar = task_counter()?;
    let erasing = async {
        let mut last = None;
        loop {
            let erasure = store.tasks(&user).erase(last).await?;
            bar.inc(erasure.erased as u64);
            if !erasure.remaining {
                return anyhow::Ok(());
            }
            last = erasure.last;
        }
    };
    until_stopped(erasing).await.with_context(|| format!("erasing in {place}"))?;
    bar.finish_and_clear();
    say(&match bar.position() {
        0 => none,
        count => format!("{count} tasks of {name} are deleted for good"),
    });
    Ok(())
}

/// Passes all tasks of `user` to `take`, those in the trash too.
async fn each_task(store: &Store, user: &User, mut take: impl FnMut(Task)) -> Result<()> {
    let mut next = Some(ExportQuery::default());
    while let Some(query) = next {
        let take = |task| {
            take(task);
            true
        };
        next = store.tasks(user).export(&query, take).await?;
    }
    Ok(())
}

/// Waits for work that the same command continues if it is interrupted.
async fn until_stopped<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let result = tokio::select! {
        result = work => result,
        result = stop_signal() => result.and_then(|()| bail!("interrupted")),
    };
    result.context("not finished; run the same command again to continue")
}

/// Stores the tasks of a file.
pub(crate) async fn import(settings: &Settings, arguments: Import) -> Result<()> {
    let Import { file: File { file, owner, format }, dry_run } = arguments;
    let format = format_of(format, &file)?;
    let text = read(&file).with_context(|| format!("reading {}", file.display()))?;
    let entries = import::read(&text, format, &owner.user)
        .with_context(|| format!("reading {}", file.display()))?;
    let (mut tasks, mut rejected) = (Vec::new(), 0);
    for import::Entry { place, task, notes } in entries {
        match task {
            Ok(task) => tasks.push(task),
            Err(reason) => {
                rejected += 1;
                say(&format!("{place} is not imported: {reason}"));
            }
        }
        for note in notes {
            say(&format!("{place}: {note}"));
        }
    }
    if dry_run {
        say(&format!("{} tasks can be imported, {rejected} cannot", tasks.len()));
        return Ok(());
    }
    let (store, user, place) = open(settings, &owner).await?;
    let bar = task_bar(tasks.len() as u64)?;
    let importing = import::import(&store, &user, tasks, |done| bar.set_position(done));
    let totals = until_stopped(importing).await.with_context(|| format!("importing to {place}"))?;
    bar.finish_and_clear();
    say(&totals.to_string());
    match rejected {
        0 => Ok(()),
        _ => bail!("{rejected} entries were not imported"),
    }
}

fn read(path: &Path) -> Result<String> {
    let mut text = String::new();
    if path.as_os_str() == "-" {
        std::io::stdin().read_to_string(&mut text)?;
    } else {
        text = fs::read_to_string(path)?;
    }
    Ok(text)
}

/// Returns the store and the user, and where the table is.
async fn open(settings: &Settings, owner: &Owner) -> Result<(Store, User, String)> {
    let (client, address) = owner.place.connect(settings)?;
    let has_trash = config::has_trash(|name| settings.get(name).map(str::to_owned))?;
    let table = &owner.place.table;
    // Without the table of idempotency keys: nothing here has one.
    let store = Store::new(client, table, "").with_trash(has_trash);
    let user = token::user(settings, &owner.user).await?;
    Ok((store, user, format!("{table} in {address}")))
}

/// Returns the format that is asked for, or that of the file's extension.
fn format_of(format: Option<Format>, file: &Path) -> Result<Format> {
    let extension = file.extension().and_then(|extension| extension.to_str());
    let format = format.or_else(|| Format::parse(&extension?.to_ascii_lowercase()));
    format.context("--format must say json, csv or ics, because the file's name does not")
}
