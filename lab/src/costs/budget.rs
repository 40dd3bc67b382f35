//! The budgets: what functions may cost.

use super::{Cost, measured_requests};

/// The limits of one request, on x86_64: about 5 % above the last measurement, so that
/// growth is noticed while its cause is still known. No function may exceed 6 MB, except those
/// that contain the tz database (360 KB), and `batch-tasks`, which contains all writes too.
///
/// Instructions and sizes hardly depend on the machine; times do, so there are no limits for
/// them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budget {
    /// The size of the binary, in thousands of bytes.
    pub(super) size: u64,
    /// Peak memory, in megabytes.
    pub(super) memory: u64,
    /// Thousands of instructions.
    pub(super) init: u64,
    pub(super) first: u64,
    pub(super) warm: u64,
    /// Thousands of instructions, after a start without DynamoDB.
    pub(super) init_unwarmed: u64,
    pub(super) first_unwarmed: u64,
}

/// Returns a line for each cost that is over budget.
#[must_use]
pub fn over_budget(costs: &[Cost]) -> Vec<String> {
    let mut over = Vec::new();
    let measured = measured_requests();
    for cost in costs {
        let name = &cost.request;
        let Some(request) = measured.iter().find(|it| it.name == name) else {
            over.push(format!("{name} has no budget"));
            continue;
        };
        let budget = request.budget;
        let mut check = |what: &str, value: u64, limit: u64| {
            if value > limit {
                over.push(format!("{name}: {what}: {value}, the limit is {limit}"));
            }
        };
        check("bytes", cost.size, budget.size * 1000);
        check("kilobytes of memory", cost.native.peak_memory, budget.memory * 1024);
        check("threads", cost.native.threads, request.most_threads());
        let Some(counted) = cost.instructions else { continue };
        for (what, value, thousands) in [
            ("init", counted.init, budget.init),
            ("first", counted.first, budget.first),
            ("warm", counted.warm, budget.warm),
            ("init without DynamoDB", counted.init_unwarmed, budget.init_unwarmed),
            ("first after init without DynamoDB", counted.first_unwarmed, budget.first_unwarmed),
        ] {
            check(&format!("instructions, {what}"), value, thousands * 1000);
        }
    }
    over
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::costs::{Instructions, MeasuredRequest, Native};
    use local::settings::Settings;

    #[test]
    fn every_function_is_measured() {
        let template = Settings::default().template().unwrap();
        for name in template.names() {
            assert!(measured_requests().iter().any(|request| request.function == name), "{name}");
        }
    }

    #[test]
    fn a_cost_over_budget_is_reported() {
        let request = measured_requests().swap_remove(0);
        let threads = request.most_threads();
        let MeasuredRequest { name, budget, .. } = request;
        let instructions = Instructions {
            init: budget.init * 1000,
            first: budget.first * 1000,
            warm: budget.warm * 1000,
            init_unwarmed: budget.init_unwarmed * 1000,
            first_unwarmed: budget.first_unwarmed * 1000,
        };
        let peak_memory = budget.memory * 1024;
        let cost = Cost {
            request: name.to_owned(),
            size: budget.size * 1000,
            zipped: 0,
            instructions: Some(instructions),
            native: Native { peak_memory, threads, ..Native::default() },
        };
        assert_eq!(over_budget(std::slice::from_ref(&cost)), Vec::<String>::new());
        let more = Cost { size: budget.size * 1000 + 1, ..cost.clone() };
        assert_eq!(over_budget(&[more]).len(), 1);
        let warm = budget.warm * 1000 + 1;
        let more = Cost { instructions: Some(Instructions { warm, ..instructions }), ..cost };
        assert!(over_budget(&[more])[0].contains("instructions, warm"));
    }
}
