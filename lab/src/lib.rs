//! Measures what the Tasks API does on a developer's machine, and looks for faults in
//! it.
//!
//! [`lists`] measures what lists cost, [`costs`] what each function costs,
//! [`throughput`] how many requests the API answers, and [`soak`] checks what it
//! stores against what it told its users. All of them run the functions in the
//! emulator of the crate [`local`].

pub mod costs;
pub mod lists;
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
