//! What a mover asks for of processor and memory: little, unless the namespace wants it otherwise.
//!
//! Where a quota counts a limit every container has to name one. Where a limit range has a least request, or a most that a limit may be above
//! it, the request is raised to that (`plugin/pkg/admission/limitranger`, Kubernetes 1.36). Processors are in thousandths, memory in bytes.

use serde_json::{Map, Value, json};

use crate::size;
use crate::survey::{LimitSeen, Survey};

/// One resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Need {
    /// What is asked for.
    pub(crate) request: u64,
    /// At most this much, if it is said.
    pub(crate) limit: Option<u64>,
}

/// What one mover needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Needs {
    /// Processor, in thousandths.
    pub(crate) cpu: Need,
    /// Memory, in bytes.
    pub(crate) memory: Need,
}

/// What is asked for, and named as a limit where there has to be one.
const CPU: (u64, u64) = (50, 2000);
const MEMORY: (u64, u64) = (64 << 20, 512 << 20);

/// What a mover in this namespace asks for.
pub(crate) fn needs(survey: &Survey) -> Needs {
    Needs { cpu: need(survey, "cpu", CPU), memory: need(survey, "memory", MEMORY) }
}

fn need(survey: &Survey, resource: &str, (request, limit): (u64, u64)) -> Need {
    let counted = format!("limits.{resource}");
    let is_counted = survey.quotas.iter().any(|quota| quota.hard.contains_key(&counted));
    let mut need = Need { request, limit: is_counted.then_some(limit) };
    for range in survey.limits.iter().filter(|range| range.resource == resource && range.applies_to != "PersistentVolumeClaim") {
        fit(&mut need, range, limit);
    }
    // A limit below the request is no valid one.
    need.limit = need.limit.map(|limit| limit.max(need.request));
    need
}

fn fit(need: &mut Need, range: &LimitSeen, usual: u64) {
    need.request = need.request.max(range.min.unwrap_or(0));
    let Some(ratio) = range.max_ratio_thousandths.filter(|ratio| *ratio > 0) else {
        need.limit = need.limit.map(|limit| limit.min(range.max.unwrap_or(limit)));
        return;
    };
    // With a ratio there has to be a limit: ours, the one that the range gives by default, or its highest.
    let limit = need.limit.or(range.default).or(range.max).unwrap_or(usual).min(range.max.unwrap_or(u64::MAX));
    need.limit = Some(limit);
    need.request = need.request.max(limit.saturating_mul(1000).div_ceil(ratio)).min(limit.max(need.request));
}

impl Needs {
    /// As in a container's `resources`.
    pub(crate) fn manifest(&self) -> Value {
        let cpu = |amount: u64| if amount.is_multiple_of(1000) { (amount / 1000).to_string() } else { format!("{amount}m") };
        let mut limits = Map::new();
        limits.extend(self.memory.limit.map(|limit| ("memory".to_owned(), json!(size::quantity(limit)))));
        limits.extend(self.cpu.limit.map(|limit| ("cpu".to_owned(), json!(cpu(limit)))));
        let mut resources = json!({ "requests": { "cpu": cpu(self.cpu.request), "memory": size::quantity(self.memory.request) } });
        if !limits.is_empty() {
            resources["limits"] = Value::Object(limits);
        }
        resources
    }
}
