//! The only file that prints or asks: plans and endings in words, progress on a terminal, plain lines off it, JSON lines for scripts.
//!
//! Results go to standard output, talk to standard error. It decides nothing: whatever a script could want is in the library.
//! What is printed are [`Words`], in which what servers, tenants and files say is kept from driving the terminal.

mod escaped;
mod prompt;

use std::collections::BTreeMap;
use std::io::{ErrorKind, IsTerminal, Write};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use console::Style;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use crate::contract::orders::VolumeReport;
use crate::engine::{Ending, Listener, Notice};
use crate::escape;
use crate::journal::event::Receipt;
use crate::journal::{Entry, Event, RunState, Stand};
use crate::operate::failure::{CommandError, Fault, Kind};
use crate::operate::records::{Look, Stands};
use crate::operate::verify::{Proven, Verified};
use crate::operate::{Basis, Record};
use crate::plan::{ASSUMED_BYTES_PER_SECOND, ClaimMove, OutageCost, Plan, Rung, marks};
use crate::size;
use crate::survey::Survey;

pub use escaped::{Printed, Words};
use escaped::{Said, words};
use prompt::Answer;

/// The version of the events printed as JSON lines.
const EVENTS_VERSION: u32 = 1;

/// How often progress is told off a terminal.
const TELL_EVERY: Duration = Duration::from_secs(10);

/// Whoever read may have gone away (`| head`), which is no failure of ours.
fn to_stderr(text: &Words) {
    drop(writeln!(std::io::stderr().lock(), "{}", text.as_str()));
}

/// Whether a result could not be written. Whoever asked for it has less than was found, and must not take it for all.
static RESULT_IS_LOST: Mutex<Option<std::io::Error>> = Mutex::new(None);

/// As [`to_stderr`], but for a full disk or the like.
fn to_stdout(text: &Words) {
    let mut stdout = std::io::stdout().lock();
    let written = write!(stdout, "{}", text.as_str()).and_then(|()| stdout.flush());
    if let Err(error) = written.or_else(|error| if error.kind() == ErrorKind::BrokenPipe { Ok(()) } else { Err(error) }) {
        *RESULT_IS_LOST.lock().expect("no code panics while holding this lock") = Some(error);
    }
}

/// Says whether all results were written.
///
/// # Errors
///
/// When one was not, for another reason than that its reader has gone away.
pub fn written() -> Result<(), CommandError> {
    match RESULT_IS_LOST.lock().expect("no code panics while holding this lock").take() {
        None => Ok(()),
        Some(error) => Err(CommandError::new(Kind::Error, format!("cannot write the result to standard output: {error}"))
            .hinted("see that there is room where standard output leads")),
    }
}

/// Decides about colours for both streams; none: as each terminal is.
pub fn set_colours(colours: Option<bool>) {
    let decided = |is_terminal: bool| colours.unwrap_or(is_terminal);
    console::set_colors_enabled(decided(std::io::stdout().is_terminal()));
    console::set_colors_enabled_stderr(decided(std::io::stderr().is_terminal()));
}

/// Prints a result: words, or a document as it was written.
pub fn result(text: &(impl Printed + ?Sized)) {
    let text = text.as_result(std::io::stdout().is_terminal());
    to_stdout(&text);
    if !text.as_str().ends_with('\n') {
        to_stdout(&words!("\n"));
    }
}

/// Says something on the side.
pub fn say(text: &(impl Printed + ?Sized)) {
    to_stderr(&text.as_talk());
}

/// Passes on what the API server warned of.
pub fn warn(warnings: &[String]) {
    for warning in warnings {
        to_stderr(&words!("Warning: {}", Words::paragraph(warning)));
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
        to_stderr(&fault_text(fault));
    }
    error.kind.exit_code()
}

/// What is wrong and what can be done about it, a line each.
pub fn fault_text(fault: &Fault) -> Words {
    let error = words!("error:").styled(&Style::new().red().bold().for_stderr());
    let hint = words!("hint:").styled(&Style::new().cyan().for_stderr());
    let hints = fault.hints.iter().map(|text| words!("{} {}", hint, Words::paragraph(text)));
    Words::joined(std::iter::once(words!("{} {}", error, Words::paragraph(&fault.what))).chain(hints), "\n")
}

/// Asks whether to go on, before anything was changed.
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
    match prompt::ask("Do you want to continue?") {
        Ok(Answer::Yes) => Ok(()),
        Ok(Answer::No) => Err(CommandError::new(Kind::Error, "not confirmed; nothing was changed")),
        Ok(Answer::Interrupted) => Err(CommandError::new(Kind::Interrupted, "interrupted; nothing was changed")),
        Err(error) => {
            Err(CommandError::new(Kind::Error, format!("cannot ask: {error}")).hinted("add `--yes` to go on without being asked"))
        }
    }
}

fn row(cells: &[&dyn Said]) -> Vec<Words> {
    cells.iter().map(|cell| Words::only(*cell)).collect()
}

fn count(number: usize, what: &'static str) -> Words {
    if number == 1 { words!("1 {}", what) } else { words!("{} {}s", number, what) }
}

fn rung_words(one: &ClaimMove) -> Words {
    let rung = match one.rung {
        Rung::Warm => "warm copy",
        Rung::Cold => "cold copy",
        Rung::Rebind => "rebind",
    };
    if one.over_network { words!("{} over TLS", rung) } else { words!("{}", rung) }
}

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
            text += words!("     - {}\n", step.step.does());
            if let Some(undoes) = step.step.undoes() {
                text += words!("       {}\n", words!("undo: {}", undoes).styled(&Style::new().dim()));
            }
        }
    }
    text += words!("\n{}\n", afterwards(plan));
    text += notes(plan);
    text
}

/// What was written of a survey, before somebody passes it on.
pub fn survey_saved_text(path: &str) -> Words {
    words!(
        "The survey is saved in {}. Values of environment variables, command lines and most annotations are left out of it; names, labels, images and sizes are in it. Read it before you pass it on.",
        path
    )
}

/// Where a plan comes from that no cluster was asked for.
pub fn survey_head_text(path: &str, made_at: &str, made_by: &str) -> Words {
    let by = if made_by.is_empty() { words!(" by hand") } else { words!(" at {} by version {}", made_at, made_by) };
    words!("Planned from survey {}, made{}. No cluster was asked, and this plan is not for execution.", path, by)
}

fn notes(plan: &Plan) -> Words {
    Words::joined(plan.notes.iter().map(|note| words!("Note: {}\n", note)), "")
}

fn claims_table(plan: &Plan, seen: &Survey) -> Words {
    let class = |name: &Option<String>| name.clone().unwrap_or_else(|| "<none>".to_owned());
    let mut rows = vec![row(&[&"CLAIM", &"SIZE", &"USED", &"FROM", &"TO", &"NODE", &"HOW"])];
    for one in &plan.moves {
        let used = seen.claims.iter().find(|claim| claim.name == one.claim).and_then(|claim| claim.used_bytes);
        let size = match one.target_bytes {
            Some(bytes) if bytes != one.capacity_bytes => words!("{}→{}", size::words(one.capacity_bytes), size::words(bytes)),
            _ => words!("{}", size::words(one.capacity_bytes)),
        };
        let used = used.map_or_else(|| "<unknown>".to_owned(), size::words);
        rows.push(row(&[
            &one.claim,
            &size,
            &used,
            &class(&one.source_class),
            &class(&one.target_class),
            &class(&one.node),
            &rung_words(one),
        ]));
    }
    let mut reasons: Vec<&str> = plan.moves.iter().map(|one| one.because.as_str()).collect();
    reasons.dedup();
    words!("{}How: {}.\n", Words::table(&rows), reasons.join("; "))
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
            "Expected outage: a restart of the pods plus about {} s, if {} are read at 100 MiB/s while the app is stopped; it grows with these volumes:",
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
        "Expected outage: a restart of the pods plus a last pass, aimed at {} s: every file is looked at, and what changed is read. It grows with the number of files and with what the app changes, not with the size of the volumes.",
        plan.request.last_pass_secs_max
    )
}

/// What the last pass reads of a volume that it reads whole: all of a device, and of a file system what is used, where that is known.
fn bytes_read_whole(one: &ClaimMove, seen: &Survey) -> u64 {
    let claim = seen.claims.iter().find(|claim| claim.name == one.claim);
    claim.filter(|claim| !claim.block).and_then(|claim| claim.used_bytes).unwrap_or(one.capacity_bytes)
}

fn afterwards(plan: &Plan) -> Words {
    let volumes: Vec<&str> = plan.moves.iter().map(|one| one.source_volume.as_str()).collect();
    let kept = words!("Afterwards the old volumes are kept ({})", volumes.join(", "));
    match pasted(plan) {
        Some((run, namespace)) => words!(
            "{} until you run `kubectl stateful finalize {} -n {}`; until then `kubectl stateful undo {} -n {}` goes back.",
            kept,
            run,
            namespace,
            run,
            namespace
        ),
        None => words!("{}.", kept),
    }
}

/// A run's name and namespace for a command that people paste; none where one would be more than a name there.
fn pasted(plan: &Plan) -> Option<(&str, &str)> {
    Some((plan.run().0.as_str(), plan.namespace())).filter(|(run, namespace)| escape::is_word(run) && escape::is_word(namespace))
}

/// What came of a completed run: the proof, what is kept, and how to go on or back.
pub fn completed_text(plan: &Plan, entries: &[Entry]) -> Words {
    let mut text = words!("{} moved (run {})\n\n", plan.app.reference(), plan.run());
    text += receipts_text(plan, entries);
    text += words!("\n{}\n", afterwards(plan));
    text += notes(plan);
    text
}

fn receipts_text(plan: &Plan, entries: &[Entry]) -> Words {
    let receipts: Vec<&Receipt> = entries
        .iter()
        .flat_map(|entry| match &entry.event {
            Event::Settled { evidence, .. } | Event::Found { evidence, .. } => evidence.receipts.as_slice(),
            _ => &[],
        })
        .collect();
    if receipts.is_empty() {
        return Words::default();
    }
    let mut rows = vec![row(&[&"CLAIM", &"CLASS", &"ENTRIES", &"BYTES", &"LAST-PASS", &"PROOF"])];
    for receipt in receipts {
        let Some(one) = plan.moves.iter().find(|one| one.slot == receipt.slot) else { continue };
        let class = one.target_class.as_deref().unwrap_or_default();
        let (bytes, changed) = (size::words(receipt.bytes), size::words(receipt.bytes_changed));
        let proof = words!("blake3:{}", receipt.root.chars().take(16).collect::<String>());
        rows.push(row(&[&one.claim, &class, &receipt.entries, &bytes, &changed, &proof]));
    }
    Words::table(&rows)
}

/// What came of a run that was taken back.
pub fn undone_text(plan: &Plan) -> Words {
    words!("{} is as it was; run {} is undone\n", plan.app.reference(), plan.run())
}

/// What taking a run back will do.
pub fn undo_text(plan: &Plan, state: &RunState) -> Words {
    let mut text = words!("Going back with {} in namespace {} (run {}):\n", plan.app.reference(), plan.namespace(), plan.run());
    let begun = |stand: &Stand| matches!(stand, Stand::Intended | Stand::Settled(_) | Stand::Undoing);
    let steps: Vec<String> =
        plan.steps().rev().filter(|(_, step)| begun(state.stand(&step.id))).filter_map(|(_, step)| step.step.undoes()).collect();
    for undoes in &steps {
        text += words!("  - {}\n", undoes);
    }
    if steps.is_empty() {
        text += words!("  nothing was changed yet\n");
    }
    text
}

/// What closing a run will do of which nothing is left.
pub fn closing_text(plan: &Plan) -> Words {
    words!(
        "Nothing of run {} in namespace {} is on any volume. Each of its steps is looked at; its record is closed, and nothing else is changed.\n",
        plan.run(),
        plan.namespace()
    )
}

/// What going on with a run will do, and why its plan counts.
pub fn resume_text(record: &Record) -> Words {
    let Record { plan, journal, basis } = record;
    let why = match basis {
        Basis::Anchored => "its volumes bear the digest of this plan",
        Basis::Vouched => "you have named the digest of this plan",
        Basis::PlannedAnew => "nothing of it is on any volume, and the plan is what would be planned now",
        Basis::NothingLeft | Basis::Ended => "nothing of it is on any volume",
    };
    let state = journal.state();
    if *basis == Basis::NothingLeft {
        return closing_text(plan);
    }
    if state.back {
        return undo_text(plan, state);
    }
    let mut text = words!("Going on with {} in namespace {} (run {}; {}):\n", plan.app.reference(), plan.namespace(), plan.run(), why);
    let is_left = |stand: &Stand| matches!(stand, Stand::Untouched | Stand::Intended);
    for (_, step) in plan.steps().filter(|(_, step)| is_left(state.stand(&step.id))) {
        text += words!("  - {}\n", step.step.does());
    }
    let volumes: Vec<&str> = plan.moves.iter().map(|one| one.source_volume.as_str()).collect();
    text += words!("It writes in namespace {}, to volumes {}, and to those that take their place.\n", plan.namespace(), volumes.join(", "));
    text
}

/// What ending a run for good will delete.
pub fn finalize_text(plan: &Plan, volumes: &[Value]) -> Words {
    let mut text = words!(
        "Deletes {} of run {} in namespace {} with all data, and the run's journal:\n",
        count(volumes.len(), "old volume"),
        plan.run(),
        plan.namespace()
    );
    for volume in volumes {
        let (metadata, capacity) = (&volume["metadata"], field(&volume["spec"]["capacity"]["storage"]));
        let claim = field(&metadata["annotations"][marks::CLAIM]);
        text += words!("  - {} ({}, was claim {})\n", field(&metadata["name"]), capacity, claim);
    }
    text
}

fn field(value: &Value) -> &str {
    value.as_str().unwrap_or("<unknown>")
}

/// What comparing two claims came to.
pub fn verified_text(verified: &Verified) -> Words {
    let [one, other] = &verified.claims;
    let verdict = if verified.is_same() { "hold the same" } else { "differ" };
    let mut text = words!("pvc/{} and pvc/{} {}\n", one.claim, other.claim, verdict);
    for proven in [one, other] {
        let (claim, volume) = (&proven.claim, &proven.volume);
        text += words!("  {} pvc/{} on {}: {} entries, {} bytes\n", proven.root, claim, volume, proven.entries, proven.bytes);
    }
    if !verified.differences.is_empty() {
        text += words!("First differences:\n");
    }
    for path in &verified.differences {
        text += words!("  {}\n", if path.is_empty() { "the root directory itself" } else { path });
    }
    if verified.differences_left_out > 0 {
        text += words!("  and {} more, for whose names there was no room\n", verified.differences_left_out);
    }
    text
}

/// As [`verified_text`], for machines.
pub fn verified_json(verified: &Verified) -> Words {
    let claim = |proven: &Proven| json!({ "claim": proven.claim, "volume": proven.volume, "root": proven.root, "entries": proven.entries, "bytes": proven.bytes });
    let claims: Vec<Value> = verified.claims.iter().map(claim).collect();
    let text = json!({ "version": 1, "isSame": verified.is_same(), "claims": claims,
        "differences": verified.differences, "differencesLeftOut": verified.differences_left_out });
    let text = serde_json::to_string_pretty(&text).expect("it has only string keys");
    text.as_result(std::io::stdout().is_terminal())
}

/// The runs there are, each as its record has it and as it was looked at.
pub fn runs_text(plans: &[(Value, Option<Look>)], all_namespaces: bool) -> Words {
    if plans.is_empty() {
        return words!("No runs found\n");
    }
    let mut rows = vec![row(&[&"NAMESPACE", &"NAME", &"APP", &"STATE", &"BEGUN"])];
    rows.extend(plans.iter().map(|(plan, look)| run_row(&plan["metadata"], look.as_ref())));
    if !all_namespaces {
        rows.iter_mut().for_each(|row| drop(row.remove(0)));
    }
    Words::table(&rows)
}

fn run_row(metadata: &Value, look: Option<&Look>) -> Vec<Words> {
    let (labels, app) = (&metadata["labels"], &metadata["annotations"]["kubectl-stateful.dev/app-name"]);
    let state = look.map_or_else(|| words!("{}", field(&labels[marks::STATE])), short_look);
    let fields = [&metadata["namespace"], &labels[marks::RUN], app];
    let mut row = fields.map(|value| words!("{}", field(value))).to_vec();
    row.extend([state, words!("{}", field(&metadata["creationTimestamp"]))]);
    row
}

/// Where a run stands, in a cell of a table.
fn short_look(look: &Look) -> Words {
    let stands = match &look.stands {
        Stands::NotBegun => words!("not begun"),
        Stands::Running { .. } if look.is_back => words!("going back"),
        Stands::Running { .. } => words!("running"),
        Stands::Lost => words!("executor lost"),
        Stands::Unknown => words!("not ended"),
        Stands::Halted(_) => words!("halted"),
        Stands::Completed if look.back_by.is_some() => words!("undone"),
        Stands::Completed => words!("completed"),
        Stands::Undone => words!("undone"),
    };
    match &look.down_since {
        Some(since) => words!("{}, THE APP IS DOWN, or not ready, since {}", stands, since),
        None => stands,
    }
}

/// The same in a sentence.
fn look_words(look: &Look) -> Words {
    let direction = if look.is_back { "going back" } else { "running" };
    match (&look.stands, &look.back_by) {
        (Stands::NotBegun, _) => words!("not begun"),
        (Stands::Running { executor }, _) => words!("{}, carried out by {}", direction, executor),
        (Stands::Lost, _) => words!("executor lost: it has not ended, and nobody carries it out"),
        (Stands::Unknown, _) => words!("not ended; you may not read its lease, so it is not known whether somebody carries it out"),
        (Stands::Halted(why), _) => words!("halted: {}", why),
        (Stands::Completed, Some((run, true))) => words!("completed, then undone by run {}", run),
        (Stands::Completed, Some((run, false))) => words!("completed; run {} takes the app back and has not ended", run),
        (Stands::Completed, None) => words!("completed"),
        (Stands::Undone, _) => words!("undone"),
    }
}

/// Where a run stands.
pub fn status_text(plan: &Plan, state: &RunState, entries: &[Entry], look: &Look) -> Words {
    let (app, namespace) = (plan.app.reference(), &plan.app.namespace);
    let mut text = words!("{} in namespace {}, run {}: {}\n", app, namespace, plan.run(), look_words(look));
    if let Some(since) = &look.down_since {
        text += words!("{}\n", words!("THE APP IS DOWN, or not ready, since {}", since).styled(&Style::new().red().bold()));
    }
    text += words!("\n");
    let mut rows = vec![row(&[&"STEP", &"STAND", &"WHAT"])];
    for (_, step) in plan.steps() {
        rows.push(row(&[&step.id, &stand_word(state.stand(&step.id)), &step.step.does()]));
    }
    text += Words::table(&rows);
    let receipts = receipts_text(plan, entries);
    if !receipts.is_empty() {
        text += words!("\n{}", receipts);
    }
    if let Some(last) = entries.last() {
        text += words!("\nLast entry: {} of {}\n", last.sequence, last.at);
    }
    text += ways_on(plan, look);
    text
}

/// What can be done with a run that nobody carries out.
fn ways_on(plan: &Plan, look: &Look) -> Words {
    let Some((run, namespace)) = pasted(plan) else { return Words::default() };
    match (&look.stands, &look.back_by) {
        (Stands::NotBegun | Stands::Lost | Stands::Unknown | Stands::Halted(_), _) => words!(
            "Go on with `kubectl stateful execute --resume {} -n {}`, or back with `kubectl stateful undo {} -n {}`\n",
            run,
            namespace,
            run,
            namespace
        ),
        (Stands::Completed, Some((back, false))) => {
            words!("See it with `kubectl stateful status {} -n {}`\n", back, namespace)
        }
        (Stands::Running { .. } | Stands::Completed | Stands::Undone, _) => Words::default(),
    }
}

fn stand_word(stand: &Stand) -> &'static str {
    match stand {
        Stand::Untouched => "-",
        Stand::Intended => "begun",
        Stand::Settled(_) => "done",
        Stand::Found(_) => "was so",
        Stand::Undoing => "going back",
        Stand::Undone => "undone",
    }
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
        result(&event.to_string());
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
                to_stderr(&words!("  … waiting for {}{}", progress.waiting_for, progress_words(&progress.volumes)));
            }
        } else if let Some(line) = line(notice) {
            to_stderr(&line);
        }
    }
}

/// A line for whatever deserves one.
fn line(notice: &Notice) -> Option<Words> {
    match notice {
        Notice::Stage { number, of, name, back: false } => Some(words!("[{}/{}] {}", number, of, name)),
        Notice::Stage { number, of, name, back: true } => Some(words!("[{}/{}] taking back: {}", number, of, name)),
        Notice::Acting { .. } | Notice::Waiting { .. } => None,
        Notice::Settled { does, evidence, .. } if evidence.note.is_empty() => Some(words!("  ✓ {}", does)),
        Notice::Settled { does, evidence, .. } => Some(words!("  ✓ {} ({})", does, evidence.note)),
        Notice::Retrying { why, .. } => Some(words!("  … trying again: {}", why)),
        Notice::AppStops => Some(words!("  the app is down from now")),
        Notice::AppIsDown { down_ms } => Some(words!("  the app is down, for {} s so far", seconds(*down_ms))),
        Notice::AppReady { down_ms } => Some(words!("  the app is ready; it was down for {} s", seconds(*down_ms))),
        Notice::AppStarted { stopped_ms } => {
            Some(words!("  the app is started again on its source; it was stopped for {} s", seconds(*stopped_ms)))
        }
        Notice::InterruptHeld => Some(words!("  interrupted: going on until the app is up again; interrupt once more to stop right here")),
        Notice::GoingBack { why } => Some(words!("  ✗ {}\n  going back", why)),
    }
}

fn seconds(millis: u64) -> String {
    format!("{:.1}", millis as f64 / 1000.0)
}

/// ` (1.2Gi of 3Gi)`, or nothing.
fn progress_words(volumes: &[VolumeReport]) -> Words {
    let sum = |bytes: fn(&VolumeReport) -> u64| volumes.iter().map(bytes).fold(0, u64::saturating_add);
    let (done, all) = (sum(|volume| volume.bytes_done), sum(|volume| volume.bytes));
    if all == 0 { Words::default() } else { words!(" ({} of {})", size::words(done), size::words(all)) }
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
                bar.set_prefix(words!("{}", volume.name).as_str().to_owned());
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
                self.waiting.set_message(words!("waiting for {}", progress.waiting_for).as_str().to_owned());
                self.waiting.tick();
                self.progress(&step.0, &progress.volumes);
            }
            Notice::Settled { step, .. } => self.clear(&step.0),
            _ => {}
        }
        if let Some(line) = line(notice) {
            drop(self.bars.println(line.as_str()));
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
    use proptest::prelude::*;

    use super::*;
    use crate::journal::Evidence;
    use crate::plan::StepId;
    use crate::steps;

    const NASTY: &str = "\u{1b}]0;owned\u{7}\u{9b}2J\n[9/9] x\u{202e}";
    const SPELLED: &str = "\\x1b]0;owned\\x07\\u{9b}2J\\n[9/9] x\\u{202e}";

    /// A notice of each kind that has something foreign.
    fn notices(foreign: &str) -> [Notice; 6] {
        let (text, step) = (|| foreign.to_owned(), StepId(foreign.to_owned()));
        [
            Notice::Stage { number: 1, of: 2, name: text(), back: false },
            Notice::Stage { number: 1, of: 2, name: text(), back: true },
            Notice::Settled { step: step.clone(), does: text(), evidence: Evidence::default() },
            Notice::Settled { step: step.clone(), does: text(), evidence: Evidence::note(text() + "!") },
            Notice::Retrying { step, why: text() },
            Notice::GoingBack { why: text() },
        ]
    }

    fn lines_of(foreign: &str) -> Vec<String> {
        notices(foreign).iter().filter_map(line).map(|line| line.as_str().to_owned()).collect()
    }

    #[test]
    fn progress_is_told_in_lines_of_ours() {
        let expected = ["[1/2] ¤", "[1/2] taking back: ¤", "  ✓ ¤", "  ✓ ¤ (¤!)", "  … trying again: ¤", "  ✗ ¤\n  going back"];
        assert_eq!(lines_of("¤"), expected);
        assert_eq!(lines_of(NASTY), expected.map(|line| line.replace('¤', SPELLED)));
    }

    proptest! {
        #[test]
        fn no_progress_line_has_controls_or_lines_that_are_foreign(foreign in proptest::collection::vec(any::<char>(), 0..12)) {
            let foreign: String = foreign.into_iter().collect();
            for (ours, line) in lines_of("¤").iter().zip(lines_of(&foreign)) {
                assert_eq!(line.lines().count(), ours.lines().count());
                assert!(line.chars().all(|one| one == '\n' || escape::prints(one)), "{line:?}");
            }
        }
    }

    #[test]
    fn bars_name_volumes_and_what_is_waited_for_spelled_out() {
        let terminal = Terminal::default();
        let volumes = vec![VolumeReport { name: NASTY.to_owned(), ..VolumeReport::default() }];
        let progress = steps::Progress { waiting_for: NASTY.to_owned(), volumes, ..steps::Progress::default() };
        terminal.tell(&Notice::Waiting { step: StepId("s".to_owned()), progress });
        assert_eq!(terminal.waiting.message(), format!("waiting for {SPELLED}"));
        let bars = terminal.by_volume.lock().expect("no code panics while holding this lock");
        assert_eq!(bars.values().map(ProgressBar::prefix).collect::<Vec<_>>(), [SPELLED]);
    }
}
