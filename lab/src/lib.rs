//! Measures and stress-tests the Tasks API.
//!
//! [`lists`] measures what lists cost, [`costs`] what each function costs, and
//! [`throughput`] how many requests the API answers. [`batches`] measures what a batch saves,
//! and [`account_data`] what exports, erasures and imports cost.
//! [`soak`] compares what the API stores with its replies. All of them run the functions in
//! the emulator of the crate [`local`].
//! [`load`] measures an API that is already running, such as a deployed one.

pub mod account_data;
pub mod batches;
pub mod costs;
mod endpoint;
pub mod lists;
pub mod load;
mod markdown;
mod plot;
mod procfs;
pub mod soak;
pub mod throughput;

use anyhow::Result;

/// Shows what is being measured.
pub type Progress<'a> = &'a dyn Fn(&str);

/// The median of some numbers.
fn median(mut values: Vec<f64>) -> Result<f64> {
    anyhow::ensure!(!values.is_empty(), "no values");
    values.sort_by(f64::total_cmp);
    Ok(values[values.len() / 2])
}
