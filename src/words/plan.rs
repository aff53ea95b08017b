//! A plan in words: what moves, how, what is changed in which order, and how each change is undone.

use console::Style;

use super::afterwards::{afterwards, notes};
use super::escaped::{Words, words};
use super::table::row;
use crate::plan::{ASSUMED_BYTES_PER_SECOND, ClaimMove, OutageCost, Plan, Rung};
use crate::size;
use crate::survey::Survey;

/// A plan in words: what moves, how, what is changed in which order, and how each change is undone.
pub fn plan_text(plan: &Plan, seen: &Survey) -> Words {
    let bold = Style::new().bold();
    let mut text = words!(
        "{} in namespace {}: {} (run {})\n\n",
        words!("{}", plan.app.reference()).styled(&bold),
        plan.app.namespace,
        match plan.moves.len() {
            1 => words!("1 claim moves"),
            many => words!("{} claims move", many),
        },
        plan.run()
    );
    text += claims_table(plan, seen);
    text += words!("\n{}\n", outage_words(plan, seen));
    for (number, stage) in plan.stages.iter().enumerate() {
        let down = if stage.app_is_down { words!("  (the app is down)").styled(&Style::new().yellow()) } else { Words::default() };
        text += words!("\n{:>3}. {}{}\n", number + 1, words!("{}", stage.name).styled(&bold), down);
        for step in &stage.steps {
            text += words!("     - {}\n", step.step.does(plan.subject()));
            if let Some(undoes) = step.step.undoes(plan.subject()) {
                text += words!("       {}\n", words!("undo: {}", undoes).styled(&Style::new().dim()));
            }
        }
    }
    text += words!("\n{}\n", afterwards(plan));
    text += notes(plan);
    text
}

fn claims_table(plan: &Plan, seen: &Survey) -> Words {
    let class = |name: &Option<String>| name.clone().unwrap_or_else(|| "<none>".to_owned());
    let mut rows = vec![row(&[&"CLAIM", &"SIZE", &"USED", &"FROM", &"TO", &"NODE", &"HOW"])];
    for one in &plan.moves {
        let used = seen.claims.iter().find(|claim| claim.name == one.claim).and_then(|claim| claim.used_bytes);
        let size = match one.target.bytes {
            Some(bytes) if bytes != one.source.capacity_bytes => {
                words!("{}→{}", size::words(one.source.capacity_bytes), size::words(bytes))
            }
            _ => words!("{}", size::words(one.source.capacity_bytes)),
        };
        let used = used.map_or_else(|| "<unknown>".to_owned(), size::words);
        rows.push(row(&[
            &one.claim,
            &size,
            &used,
            &class(&one.source.class),
            &class(&one.target.class),
            &class(&one.node),
            &rung_words(one),
        ]));
    }
    let mut reasons: Vec<&str> = plan.moves.iter().map(|one| one.because.as_str()).collect();
    reasons.dedup();
    words!("{}How: {}.\n", Words::table(&rows), reasons.join("; "))
}

fn rung_words(one: &ClaimMove) -> Words {
    let rung = match one.rung {
        Rung::Warm => "warm copy",
        Rung::Cold => "cold copy",
        Rung::Rebind => "rebind",
    };
    if one.over_network { words!("{} over TLS", rung) } else { words!("{}", rung) }
}

fn outage_words(plan: &Plan, seen: &Survey) -> Words {
    if plan.app.replicas == 0 {
        return words!("Expected outage: none, no pod runs.");
    }
    let whole: Vec<(&ClaimMove, u64)> =
        plan.moves.iter().filter(|one| one.outage == OutageCost::Whole).map(|one| (one, bytes_read_whole(one, seen))).collect();
    let bytes = whole.iter().map(|(_, bytes)| *bytes).fold(0, u64::saturating_add);
    if bytes > 0 {
        let secs = bytes / ASSUMED_BYTES_PER_SECOND + 1;
        let mut text = words!(
            "Expected outage: a restart of the pods plus about {} s, if {} are read at 100 MiB/s while the app is stopped. It grows with these volumes:",
            secs,
            size::words(bytes)
        );
        for (one, bytes) in whole {
            text += words!("\n  {}: {}, {}", one.claim, size::words(bytes), one.outage_because);
        }
        return text;
    }
    if plan.moves.iter().all(|one| one.outage == OutageCost::Nothing) {
        return words!("Expected outage: a restart of the pods; nothing is copied in it.");
    }
    words!(
        "Expected outage: a restart of the pods plus a last pass, aimed at {} s. The last pass looks at every file and reads what changed. It grows with the number of files and with what the app changes, not with the size of the volumes.",
        plan.request.last_pass_secs_max
    )
}

/// What the last pass reads of a volume that it reads whole: all of a device, and of a file system what is used, where that is known.
fn bytes_read_whole(one: &ClaimMove, seen: &Survey) -> u64 {
    let claim = seen.claims.iter().find(|claim| claim.name == one.claim);
    claim.filter(|claim| !claim.block).and_then(|claim| claim.used_bytes).unwrap_or(one.source.capacity_bytes)
}

/// What was written of a survey, before somebody passes it on.
pub fn survey_saved_text(path: &str) -> Words {
    words!(
        "The survey is saved in {}. It leaves out values of environment variables, command lines and most annotations. It contains names, labels, images and sizes. Read it before you pass it on.",
        path
    )
}

/// Where a plan comes from that no cluster was asked for.
pub fn survey_head_text(path: &str, made_at: &str, made_by: &str) -> Words {
    let by = if made_by.is_empty() { words!(" by hand") } else { words!(" at {} by version {}", made_at, made_by) };
    words!("Planned from survey {}, made{}. No cluster was asked, and this plan is not for execution.", path, by)
}
