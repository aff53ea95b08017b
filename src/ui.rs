//! The only file that prints or asks: plans and endings in words, progress on a terminal, plain lines off it, JSON lines for scripts.
//!
//! Results go to standard output, talk to standard error. It decides nothing: whatever a script could want is in the library.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use console::style;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use crate::engine::{Ending, Listener, Notice};
use crate::error::{CommandError, Kind};
use crate::journal::event::Receipt;
use crate::journal::{Entry, Event, RunState, Stand};
use crate::mover::orders::VolumeReport;
use crate::plan::{ClaimMove, Plan, Rung, marks};
use crate::size;
use crate::survey::Survey;
use crate::verify::{Proven, Verified};

/// The version of the events printed as JSON lines.
const EVENTS_VERSION: u32 = 1;

/// How often progress is told off a terminal.
const TELL_EVERY: Duration = Duration::from_secs(10);

/// What a copy of a stopped volume is assumed to manage, in bytes a second; said with the estimate.
const COLD_BYTES_PER_SECOND: u64 = 100 * (1 << 20);

#[expect(clippy::print_stderr, reason = "this file prints")]
fn to_stderr(text: &str) {
    eprintln!("{text}");
}

fn to_stdout(text: &str) {
    // A reader that went away (`| head`) is no failure of ours.
    drop(write!(std::io::stdout().lock(), "{text}"));
}

/// Takes the teeth out of what servers say: no escape sequence and no carriage return reaches the terminal.
fn harmless(text: &str) -> String {
    text.chars().map(|one| if one.is_control() && one != '\n' && one != '\t' { '\u{fffd}' } else { one }).collect()
}

/// Decides about colours for both streams; none: as each terminal is.
pub fn set_colours(colours: Option<bool>) {
    let decided = |is_terminal: bool| colours.unwrap_or(is_terminal);
    console::set_colors_enabled(decided(std::io::stdout().is_terminal()));
    console::set_colors_enabled_stderr(decided(std::io::stderr().is_terminal()));
}

/// Prints a result.
pub fn result(text: &str) {
    to_stdout(text);
    if !text.ends_with('\n') {
        to_stdout("\n");
    }
}

/// Says something on the side.
pub fn say(text: &str) {
    to_stderr(text.trim_end());
}

/// Passes on what the API server warned of.
pub fn warn(warnings: &[String]) {
    for warning in warnings {
        to_stderr(&format!("Warning: {}", harmless(warning)));
    }
}

/// Prints what clap has to say (help, version, or a wrong argument) and returns the exit code.
pub fn usage(answer: &clap::Error) -> u8 {
    // A broken pipe is no failure.
    drop(answer.print());
    if answer.use_stderr() { Kind::Error.exit_code() } else { 0 }
}

/// Prints why a command did not succeed, and returns the exit code.
pub fn failed(error: &CommandError) -> u8 {
    for fault in &error.faults {
        to_stderr_styled("error:", &fault.what, |word| style(word).red().bold().for_stderr().to_string());
        for hint in &fault.hints {
            to_stderr_styled("hint:", hint, |word| style(word).cyan().for_stderr().to_string());
        }
    }
    error.kind.exit_code()
}

#[expect(clippy::print_stderr, reason = "this file prints")]
fn to_stderr_styled(word: &str, text: &str, styled: impl Fn(&str) -> String) {
    eprintln!("{} {}", styled(word), harmless(text.trim_end()));
}

/// Asks whether to go on.
///
/// # Errors
///
/// When the answer is no, or there is nobody to ask and `--yes` was not given.
pub fn confirm(yes: bool) -> Result<(), CommandError> {
    if yes {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return Err(CommandError::new(Kind::Error, "there is no terminal to ask on").hinted("add `--yes` to go on without being asked"));
    }
    let asked = dialoguer::Confirm::new().with_prompt("Do you want to continue?").default(false).interact_opt();
    match asked {
        Ok(Some(true)) => Ok(()),
        Ok(_) => Err(CommandError::new(Kind::Error, "not confirmed; nothing was changed")),
        Err(error) => {
            Err(CommandError::new(Kind::Error, format!("cannot ask: {error}")).hinted("add `--yes` to go on without being asked"))
        }
    }
}

/// Lines of columns, three spaces apart, as kubectl prints them.
fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        text += cells.join("   ").trim_end();
        text.push('\n');
    }
    text
}

fn row(cells: &[&str]) -> Vec<String> {
    cells.iter().map(|cell| (*cell).to_owned()).collect()
}

fn count(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

fn rung_words(one: &ClaimMove) -> String {
    let rung = match one.rung {
        Rung::Warm => "warm copy",
        Rung::Cold => "cold copy",
        Rung::Rebind => "rebind",
    };
    if one.over_network { format!("{rung} over TLS") } else { rung.to_owned() }
}

/// A plan in words: what moves, how, what is changed in which order, and how each change is undone.
pub fn plan_text(plan: &Plan, seen: &Survey) -> String {
    let mut text = format!(
        "{} in namespace {}: {} (run {})\n\n",
        style(plan.app.reference()).bold(),
        plan.app.namespace,
        match plan.moves.len() {
            1 => "1 claim moves".to_owned(),
            many => format!("{many} claims move"),
        },
        plan.run()
    );
    text += &claims_table(plan, seen);
    text += &format!("\n{}\n", outage_words(plan, seen));
    for (number, stage) in plan.stages.iter().enumerate() {
        let down = if stage.app_is_down { style("  (the app is down)").yellow().to_string() } else { String::new() };
        text += &format!("\n{:>3}. {}{down}\n", number + 1, style(&stage.name).bold());
        for step in &stage.steps {
            text += &format!("     - {}\n", step.step.does());
            if let Some(undoes) = step.step.undoes() {
                text += &format!("       {}\n", style(format!("undo: {undoes}")).dim());
            }
        }
    }
    text += &format!("\n{}\n", afterwards(plan));
    for note in &plan.notes {
        text += &format!("Note: {}\n", harmless(note));
    }
    text
}

fn claims_table(plan: &Plan, seen: &Survey) -> String {
    let mut rows = vec![row(&["CLAIM", "SIZE", "USED", "FROM", "TO", "NODE", "HOW"])];
    for one in &plan.moves {
        let used = seen.claims.iter().find(|claim| claim.name == one.claim).and_then(|claim| claim.used_bytes);
        rows.push(vec![
            one.claim.clone(),
            match one.target_bytes {
                Some(bytes) if bytes != one.capacity_bytes => format!("{}→{}", size::words(one.capacity_bytes), size::words(bytes)),
                _ => size::words(one.capacity_bytes),
            },
            used.map_or_else(|| "<unknown>".to_owned(), size::words),
            one.source_class.clone().unwrap_or_else(|| "<none>".to_owned()),
            one.target_class.clone().unwrap_or_else(|| "<none>".to_owned()),
            one.node.clone().unwrap_or_else(|| "<none>".to_owned()),
            rung_words(one),
        ]);
    }
    let mut reasons: Vec<&str> = plan.moves.iter().map(|one| one.because.as_str()).collect();
    reasons.dedup();
    format!("{}How: {}.\n", table(&rows), reasons.join("; "))
}

fn outage_words(plan: &Plan, seen: &Survey) -> String {
    if plan.app.replicas == 0 {
        return "Expected outage: none, no pod runs.".to_owned();
    }
    let cold = plan
        .moves
        .iter()
        .filter(|one| one.rung == Rung::Cold)
        .map(|one| {
            seen.claims.iter().find(|claim| claim.name == one.claim).and_then(|claim| claim.used_bytes).unwrap_or(one.capacity_bytes)
        })
        .fold(0, u64::saturating_add);
    if cold > 0 {
        let secs = cold / COLD_BYTES_PER_SECOND + 1;
        return format!("Expected outage: a restart of the pods plus about {secs} s for copying {} at 100 MiB/s.", size::words(cold));
    }
    let last = plan.request.last_pass_secs_max;
    format!(
        "Expected outage: a restart of the pods plus a few seconds (the last pass is aimed at {last} s); it does not grow with the volumes."
    )
}

fn afterwards(plan: &Plan) -> String {
    let volumes: Vec<&str> = plan.moves.iter().map(|one| one.source_volume.as_str()).collect();
    format!(
        "Afterwards the old volumes are kept ({}) until you run `kubectl stateful finalize {}`; until then `kubectl stateful undo {}` goes back.",
        volumes.join(", "),
        plan.run(),
        plan.run()
    )
}

/// What differs between two texts: lines that only one of them has, in their order.
pub fn difference(before: &str, after: &str) -> String {
    const LINES_MAX: usize = 40;
    let lines = |text: &str| -> BTreeMap<String, usize> {
        text.lines().fold(BTreeMap::new(), |mut counts, line| {
            *counts.entry(line.to_owned()).or_default() += 1;
            counts
        })
    };
    let (had, has) = (lines(before), lines(after));
    let only = |text: &str, other: &BTreeMap<String, usize>, own: &BTreeMap<String, usize>, sign: char| -> Vec<String> {
        text.lines()
            .filter(|line| own[*line] > other.get(*line).copied().unwrap_or(0))
            .map(|line| format!("  {sign} {}", line.trim_start()))
            .collect()
    };
    let mut all = only(before, &has, &had, '-');
    all.extend(only(after, &had, &has, '+'));
    let left_out = all.len().saturating_sub(LINES_MAX);
    all.truncate(LINES_MAX);
    if left_out > 0 {
        all.push(format!("  … and {left_out} lines more"));
    }
    all.join("\n")
}

/// What came of a completed run: the proof, what is kept, and how to go on or back.
pub fn completed_text(plan: &Plan, entries: &[Entry]) -> String {
    let mut text = format!("{} moved (run {})\n\n", plan.app.reference(), plan.run());
    text += &receipts_text(plan, entries);
    text += &format!("\n{}\n", afterwards(plan));
    for note in &plan.notes {
        text += &format!("Note: {}\n", harmless(note));
    }
    text
}

fn receipts_text(plan: &Plan, entries: &[Entry]) -> String {
    let receipts: Vec<&Receipt> = entries
        .iter()
        .flat_map(|entry| match &entry.event {
            Event::Settled { evidence, .. } | Event::Found { evidence, .. } => evidence.receipts.as_slice(),
            _ => &[],
        })
        .collect();
    if receipts.is_empty() {
        return String::new();
    }
    let mut rows = vec![row(&["CLAIM", "CLASS", "ENTRIES", "BYTES", "LAST-PASS", "PROOF"])];
    for receipt in receipts {
        let Some(one) = plan.moves.iter().find(|one| one.slot == receipt.slot) else { continue };
        rows.push(vec![
            one.claim.clone(),
            one.target_class.clone().unwrap_or_default(),
            receipt.entries.to_string(),
            size::words(receipt.bytes),
            size::words(receipt.bytes_changed),
            format!("blake3:{}", receipt.root.chars().take(16).collect::<String>()),
        ]);
    }
    table(&rows)
}

/// What came of a run that was taken back.
pub fn undone_text(plan: &Plan) -> String {
    format!("{} is as it was; run {} is undone\n", plan.app.reference(), plan.run())
}

/// What taking a run back will do.
pub fn undo_text(plan: &Plan, state: &RunState) -> String {
    let mut text = format!("Going back with {} (run {}):\n", plan.app.reference(), plan.run());
    let begun = |stand: &Stand| matches!(stand, Stand::Intended | Stand::Settled(_) | Stand::Undoing);
    let steps: Vec<String> =
        plan.steps().rev().filter(|(_, step)| begun(state.stand(&step.id))).filter_map(|(_, step)| step.step.undoes()).collect();
    for undoes in &steps {
        text += &format!("  - {undoes}\n");
    }
    if steps.is_empty() {
        text += "  nothing was changed yet\n";
    }
    text
}

/// What ending a run for good will delete.
pub fn finalize_text(plan: &Plan, volumes: &[Value]) -> String {
    let mut text = format!("Deletes {} of run {} with all data, and the run's journal:\n", count(volumes.len(), "old volume"), plan.run());
    for volume in volumes {
        let field = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (name, capacity) = (field(&volume["metadata"]["name"]), field(&volume["spec"]["capacity"]["storage"]));
        text += &format!("  - {name} ({capacity}, was claim {})\n", field(&volume["metadata"]["annotations"][marks::CLAIM]));
    }
    text
}

/// What comparing two claims came to.
pub fn verified_text(verified: &Verified) -> String {
    let [one, other] = &verified.claims;
    let verdict = if verified.is_same() { "hold the same" } else { "differ" };
    let mut text = format!("pvc/{} and pvc/{} {verdict}\n", one.claim, other.claim);
    for proven in [one, other] {
        let (claim, volume) = (&proven.claim, &proven.volume);
        text += &format!("  {} pvc/{claim} on {volume}: {} entries, {} bytes\n", proven.root, proven.entries, proven.bytes);
    }
    if !verified.differences.is_empty() {
        text += "First differences:\n";
    }
    for path in &verified.differences {
        text += &format!("  {}\n", if path.is_empty() { "the root directory itself" } else { path });
    }
    if verified.differences_left_out > 0 {
        text += &format!("  and {} more, for whose names there was no room\n", verified.differences_left_out);
    }
    text
}

/// As [`verified_text`], for machines.
pub fn verified_json(verified: &Verified) -> String {
    let claim = |proven: &Proven| json!({ "claim": proven.claim, "volume": proven.volume, "root": proven.root, "entries": proven.entries, "bytes": proven.bytes });
    let claims: Vec<Value> = verified.claims.iter().map(claim).collect();
    let text = json!({ "version": 1, "isSame": verified.is_same(), "claims": claims,
        "differences": verified.differences, "differencesLeftOut": verified.differences_left_out });
    serde_json::to_string_pretty(&text).expect("it has only string keys")
}

/// The runs there are.
pub fn runs_text(plans: &[Value], all_namespaces: bool) -> String {
    if plans.is_empty() {
        return "No runs found\n".to_owned();
    }
    let field = |value: &Value| value.as_str().unwrap_or("<unknown>").to_owned();
    let mut rows = vec![row(&["NAME", "APP", "STATE", "BEGUN"])];
    for plan in plans {
        let metadata = &plan["metadata"];
        rows.push(vec![
            field(&metadata["labels"][marks::RUN]),
            field(&metadata["annotations"]["kubectl-stateful.dev/app-name"]),
            field(&metadata["labels"][marks::STATE]),
            field(&metadata["creationTimestamp"]),
        ]);
    }
    if all_namespaces {
        for (row, namespace) in rows
            .iter_mut()
            .zip(std::iter::once("NAMESPACE".to_owned()).chain(plans.iter().map(|plan| field(&plan["metadata"]["namespace"]))))
        {
            row.insert(0, namespace);
        }
    }
    table(&rows)
}

/// Where a run stands.
pub fn status_text(plan: &Plan, state: &RunState, entries: &[Entry]) -> String {
    let standing = match (&state.outcome, &state.halted, state.back) {
        (Some(outcome), _, _) => format!("{outcome:?}").to_lowercase(),
        (None, Some(why), _) => format!("halted: {}", harmless(why)),
        (None, None, true) => "going back".to_owned(),
        (None, None, false) if state.sequence == 0 => "not begun".to_owned(),
        (None, None, false) => "running, or its executor died".to_owned(),
    };
    let mut text = format!("{} in namespace {}, run {}: {standing}\n\n", plan.app.reference(), plan.app.namespace, plan.run());
    let mut rows = vec![row(&["STEP", "STAND", "WHAT"])];
    for (_, step) in plan.steps() {
        let stand = match state.stand(&step.id) {
            Stand::Untouched => "-",
            Stand::Intended => "begun",
            Stand::Settled(_) => "done",
            Stand::Found(_) => "was so",
            Stand::Undoing => "going back",
            Stand::Undone => "undone",
        };
        rows.push(vec![step.id.to_string(), stand.to_owned(), step.step.does()]);
    }
    text += &table(&rows);
    let receipts = receipts_text(plan, entries);
    if !receipts.is_empty() {
        text += &format!("\n{receipts}");
    }
    if let Some(last) = entries.last() {
        text += &format!("\nLast entry: {} of {}\n", last.sequence, last.at);
    }
    if state.outcome.is_none() {
        text += &format!("Go on with `kubectl stateful execute --resume {0}`, or back with `kubectl stateful undo {0}`\n", plan.run());
    }
    text
}

/// Tells the ending to a script; people have been told already.
pub fn ended(listener: &dyn Listener, plan: &Plan, ending: &Ending, exit_code: u8) {
    let word = match ending {
        Ending::Completed => "completed",
        Ending::Undone(_) => "undone",
        Ending::Halted(_) => "halted",
        Ending::Stuck { .. } => "stuck",
    };
    let why = match ending {
        Ending::Completed | Ending::Undone(None) => None,
        Ending::Undone(Some(trouble)) | Ending::Halted(trouble) | Ending::Stuck { trouble, .. } => Some(trouble.to_string()),
    };
    listener.tell_raw(&json!({ "type": "ended", "run": plan.run(), "outcome": word, "why": why, "exitCode": exit_code }));
}

/// The listener that fits: JSON lines where asked for, bars on a terminal, lines elsewhere.
pub fn listener(json_lines: bool) -> Box<dyn Listener> {
    if json_lines {
        let lines = JsonLines;
        lines.tell_raw(&json!({ "type": "version", "version": EVENTS_VERSION, "tool": env!("CARGO_PKG_VERSION") }));
        Box::new(lines)
    } else if std::io::stderr().is_terminal() {
        Box::new(Terminal::default())
    } else {
        Box::new(Lines::default())
    }
}

/// One JSON object a line on standard output.
struct JsonLines;

impl Listener for JsonLines {
    fn tell(&self, notice: &Notice) {
        self.tell_raw(&serde_json::to_value(notice).expect("notices have only string keys"));
    }

    fn tell_raw(&self, event: &Value) {
        to_stdout(&format!("{event}\n"));
        drop(std::io::stdout().flush());
    }
}

/// One line for each thing that happened; progress now and then.
#[derive(Default)]
struct Lines {
    told: Mutex<BTreeMap<String, Instant>>,
}

impl Listener for Lines {
    fn tell(&self, notice: &Notice) {
        if let Notice::Waiting { step, progress } = notice {
            let mut told = self.told.lock().expect("no code panics while holding this lock");
            let now = Instant::now();
            let last = told.entry(step.0.clone()).or_insert(now);
            if now.duration_since(*last) >= TELL_EVERY {
                *last = now;
                let waiting_for = harmless(&progress.waiting_for);
                to_stderr(&format!("  … waiting for {waiting_for}{}", progress_words(&progress.volumes)));
            }
        } else if let Some(line) = line(notice) {
            to_stderr(&harmless(&line));
        }
    }
}

/// A line for whatever deserves one.
fn line(notice: &Notice) -> Option<String> {
    match notice {
        Notice::Stage { number, of, name, back: false } => Some(format!("[{number}/{of}] {name}")),
        Notice::Stage { number, of, name, back: true } => Some(format!("[{number}/{of}] taking back: {name}")),
        Notice::Acting { .. } | Notice::Waiting { .. } => None,
        Notice::Settled { does, evidence, .. } if evidence.note.is_empty() => Some(format!("  ✓ {does}")),
        Notice::Settled { does, evidence, .. } => Some(format!("  ✓ {does} ({})", evidence.note)),
        Notice::Retrying { why, .. } => Some(format!("  … trying again: {why}")),
        Notice::AppStops => Some("  the app is down from now".to_owned()),
        Notice::AppReady { down_ms } => Some(format!("  the app is ready; it was down for {:.1} s", *down_ms as f64 / 1000.0)),
        Notice::AppStarted { stopped_ms } => {
            Some(format!("  the app is started again on its source; it was stopped for {:.1} s", *stopped_ms as f64 / 1000.0))
        }
        Notice::InterruptHeld => {
            Some("  interrupted: going on until the app is up again; interrupt once more to stop right here".to_owned())
        }
        Notice::GoingBack { why } => Some(format!("  ✗ {why}\n  going back")),
    }
}

/// ` (1.2Gi of 3Gi)`, or nothing.
fn progress_words(volumes: &[VolumeReport]) -> String {
    let (done, all) = volumes.iter().fold((0, 0), |(done, all), volume| (done + volume.bytes_done, all + volume.bytes));
    if all == 0 { String::new() } else { format!(" ({} of {})", size::words(done), size::words(all)) }
}

/// Bars for copies, lines for the rest.
struct Terminal {
    bars: MultiProgress,
    by_volume: Mutex<BTreeMap<String, ProgressBar>>,
    waiting: ProgressBar,
}

impl Default for Terminal {
    fn default() -> Self {
        let bars = MultiProgress::new();
        let waiting = bars.add(ProgressBar::new_spinner());
        waiting.set_style(ProgressStyle::with_template("  {spinner} {msg}").expect("the template is fixed"));
        Self { bars, by_volume: Mutex::default(), waiting }
    }
}

impl Terminal {
    fn progress(&self, step: &str, volumes: &[VolumeReport]) {
        let mut bars = self.by_volume.lock().expect("no code panics while holding this lock");
        for volume in volumes {
            let bar = bars.entry(format!("{step} {}", volume.name)).or_insert_with(|| {
                let bar = self.bars.insert_before(&self.waiting, ProgressBar::new(volume.bytes));
                let template = "  {prefix} {bar:24} {bytes}/{total_bytes} {bytes_per_sec} {eta} left {msg}";
                bar.set_style(ProgressStyle::with_template(template).expect("the template is fixed"));
                bar.set_prefix(volume.name.clone());
                bar
            });
            bar.set_length(volume.bytes);
            bar.set_position(volume.bytes_done);
            bar.set_message(format!("{:?}", volume.phase).to_lowercase());
        }
    }

    fn clear(&self, step: &str) {
        let mut bars = self.by_volume.lock().expect("no code panics while holding this lock");
        for (_, bar) in bars.iter().filter(|(name, _)| name.starts_with(step)) {
            bar.finish_and_clear();
        }
        bars.retain(|name, _| !name.starts_with(step));
        self.waiting.set_message("");
    }
}

impl Listener for Terminal {
    fn tell(&self, notice: &Notice) {
        match notice {
            Notice::Waiting { step, progress } => {
                self.waiting.set_message(harmless(&format!("waiting for {}", progress.waiting_for)));
                self.waiting.tick();
                self.progress(&step.0, &progress.volumes);
            }
            Notice::Settled { step, .. } => self.clear(&step.0),
            _ => {}
        }
        if let Some(line) = line(notice) {
            drop(self.bars.println(harmless(&line)));
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        drop(self.bars.clear());
        drop(console::Term::stderr().show_cursor());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_under_one_another() {
        let text = table(&[row(&["NAME", "SIZE"]), row(&["data-pg-0", "1Gi"]), row(&["x", "12Gi"])]);
        assert_eq!(text, "NAME        SIZE\ndata-pg-0   1Gi\nx           12Gi\n");
    }

    #[test]
    fn a_difference_names_the_lines_of_either_side() {
        assert_eq!(difference("a\nb\nc\n", "a\nd\nc\n"), "  - b\n  + d");
        assert_eq!(difference("a\na\n", "a\n"), "  - a\n  - a");
        assert_eq!(difference("a\n", "a\n"), "");
    }

    #[test]
    fn what_a_server_says_cannot_drive_the_terminal() {
        assert_eq!(harmless("a\u{1b}[2Jb\rc\n"), "a\u{fffd}[2Jb\u{fffd}c\n");
    }
}
