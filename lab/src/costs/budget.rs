//! The budgets: what functions may cost.

use super::Cost;

/// The limits of one request, on x86_64. Instructions and sizes hardly depend on the
/// machine; times do, so there are no limits for them.
struct Budget {
    request: &'static str,
    /// The size of the binary, in thousands of bytes.
    size: u64,
    /// Peak memory, in megabytes.
    memory: u64,
    /// Thousands of instructions.
    init: u64,
    first: u64,
    warm: u64,
    /// Thousands of instructions, after a start without DynamoDB.
    init_unwarmed: u64,
    first_unwarmed: u64,
}

/// The maximum number of threads: one that works, and one that resolves host names.
const THREADS: u64 = 2;

/// About 5 % above the last measurement, so that growth is noticed while its cause is still
/// known. No function may exceed 6 MB.
#[rustfmt::skip]
const BUDGETS: [Budget; 11] = [
    Budget { request: "get-task", size: 5_950, memory: 9, init: 3_900, first: 940, warm: 820, init_unwarmed: 1_600, first_unwarmed: 3_550 },
    Budget { request: "create-task", size: 6_000, memory: 9, init: 3_900, first: 960, warm: 850, init_unwarmed: 1_600, first_unwarmed: 3_550 },
    Budget { request: "update-task", size: 6_000, memory: 9, init: 3_900, first: 1_050, warm: 920, init_unwarmed: 1_600, first_unwarmed: 3_650 },
    Budget { request: "toggle-task", size: 6_000, memory: 9, init: 3_900, first: 1_000, warm: 880, init_unwarmed: 1_600, first_unwarmed: 3_600 },
    Budget { request: "delete-task", size: 5_950, memory: 9, init: 3_900, first: 890, warm: 770, init_unwarmed: 1_600, first_unwarmed: 3_500 },
    Budget { request: "list-tasks, 20 newest", size: 5_950, memory: 9, init: 3_900, first: 1_900, warm: 1_750, init_unwarmed: 1_600, first_unwarmed: 4_500 },
    Budget { request: "list-tasks, 20 by title", size: 5_950, memory: 9, init: 3_900, first: 4_600, warm: 3_250, init_unwarmed: 1_600, first_unwarmed: 8_500 },
    Budget { request: "list-tasks, 1,000 by title", size: 5_950, memory: 12, init: 3_900, first: 59_500, warm: 58_500, init_unwarmed: 1_600, first_unwarmed: 63_000 },
    Budget { request: "get-task, key set", size: 5_950, memory: 9, init: 4_050, first: 1_600, warm: 1_450, init_unwarmed: 1_750, first_unwarmed: 4_150 },
    Budget { request: "docs", size: 2_850, memory: 6, init: 550, first: 240, warm: 220, init_unwarmed: 550, first_unwarmed: 240 },
    Budget { request: "health", size: 2_300, memory: 5, init: 550, first: 210, warm: 200, init_unwarmed: 550, first_unwarmed: 210 },
];

/// Returns a line for each cost that is over budget.
#[must_use]
pub fn over_budget(costs: &[Cost]) -> Vec<String> {
    let mut over = Vec::new();
    for cost in costs {
        let name = &cost.request;
        let Some(budget) = BUDGETS.iter().find(|budget| budget.request == *name) else {
            over.push(format!("{name} has no budget"));
            continue;
        };
        let mut check = |what: &str, value: u64, limit: u64| {
            if value > limit {
                over.push(format!("{name}: {what}: {value}, the limit is {limit}"));
            }
        };
        check("bytes", cost.size, budget.size * 1000);
        check("kilobytes of memory", cost.native.peak_memory, budget.memory * 1024);
        check("threads", cost.native.threads, THREADS);
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
    use crate::costs::{Instructions, Native, measured_requests};
    use local::settings::Settings;

    #[test]
    fn every_function_is_measured() {
        let template = Settings::default().template().unwrap();
        for name in template.names() {
            assert!(measured_requests().iter().any(|request| request.function == name), "{name}");
        }
    }

    #[test]
    fn every_measured_request_has_a_budget() {
        let names: Vec<&str> = measured_requests().iter().map(|request| request.name).collect();
        let budgets: Vec<&str> = BUDGETS.iter().map(|budget| budget.request).collect();
        assert_eq!(names, budgets);
    }

    #[test]
    fn a_cost_over_budget_is_reported() {
        let budget = &BUDGETS[0];
        let instructions = Instructions {
            init: budget.init * 1000,
            first: budget.first * 1000,
            warm: budget.warm * 1000,
            init_unwarmed: budget.init_unwarmed * 1000,
            first_unwarmed: budget.first_unwarmed * 1000,
        };
        let peak_memory = budget.memory * 1024;
        let cost = Cost {
            request: budget.request.to_owned(),
            size: budget.size * 1000,
            zipped: 0,
            instructions: Some(instructions),
            native: Native { peak_memory, threads: THREADS, ..Native::default() },
        };
        assert_eq!(over_budget(std::slice::from_ref(&cost)), Vec::<String>::new());
        let more = Cost { size: budget.size * 1000 + 1, ..cost.clone() };
        assert_eq!(over_budget(&[more]).len(), 1);
        let warm = budget.warm * 1000 + 1;
        let more = Cost { instructions: Some(Instructions { warm, ..instructions }), ..cost };
        assert!(over_budget(&[more])[0].contains("instructions, warm"));
    }
}
