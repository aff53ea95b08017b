//! What is printed for people: nothing that servers, tenants and files say drives the terminal, and no line begins but as we begin it.
//!
//! Every field of a plan, survey and journal that takes any text is given one.

use std::sync::LazyLock;

use kubectl_stateful::journal::event::{Receipt, VERSION};
use kubectl_stateful::journal::{Entry, Event, Evidence, RunState};
use kubectl_stateful::operate::failure::Fault;
use kubectl_stateful::operate::records::{RunPhase, RunStatus};
use kubectl_stateful::operate::verify::{ClaimProof, Findings};
use kubectl_stateful::plan::{Plan, RunId, StepId, file, marks};
use kubectl_stateful::planner;
use kubectl_stateful::survey::Survey;
use kubectl_stateful::words::{self, Words};
use proptest::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::seen;
use crate::taking::{count_leaves, find_leaves, with_leaf};

/// Stands for what is foreign where it does no harm.
const HARMLESS: &str = "¤";

/// Titles, clears and hides; turns around, hides and begins lines.
pub(crate) const NASTY: &str =
    "\u{1b}]0;owned\u{7}\u{1b}[2J\u{1b}[8m\u{9b}2J\r\nerror: x\u{85}y\u{2028}z\u{202e}\u{2066}\u{200b}\u{feff}\u{ad}\u{e0041}";

/// A kind of document, and which of its leaves take any text.
struct Form {
    text: Vec<u8>,
    free: Vec<usize>,
}

impl Form {
    fn of<T: Serialize + DeserializeOwned>(sound: &T) -> Self {
        let text = serde_json::to_vec(sound).expect("JSON");
        let takes_any = |leaf: &usize| serde_json::from_slice::<T>(&with_leaf(&text, *leaf, json!(NASTY))).is_ok();
        let free = (0..count_leaves(&text)).filter(takes_any).collect();
        Self { text, free }
    }

    fn filled<T: DeserializeOwned>(&self, instead: &str) -> T {
        let mut document: Value = serde_json::from_slice(&self.text).expect("JSON");
        let mut leaves = Vec::new();
        find_leaves(&mut document, &mut leaves);
        self.free.iter().for_each(|leaf| *leaves[*leaf] = json!(instead));
        serde_json::from_value(document).expect("it takes any text there")
    }
}

static SURVEY: LazyLock<Form> = LazyLock::new(|| Form::of(&seen::set(2, &["data"])));
static PLAN: LazyLock<Form> = LazyLock::new(|| {
    let mut plan = planner::plan(&seen::request(), &seen::set(2, &["data"]), "https://cluster").expect("it can be planned");
    plan.notes.push("a note".to_owned());
    Form::of(&plan)
});

fn plan(instead: &str) -> Plan {
    PLAN.filled(instead)
}

/// A run whose only step came to its end before it halted.
fn entries(instead: &str) -> (RunState, Vec<Entry>) {
    let (text, step) = (instead.to_owned(), StepId(instead.to_owned()));
    let receipt = Receipt { slot: text.clone(), entries: 1, bytes: 2, bytes_changed: 3, root: text.clone() };
    let events = [
        Event::Opened { executor: text.clone(), back: false, plan: text.clone() },
        Event::Intent { step: step.clone() },
        Event::Settled { step, evidence: Evidence { note: text.clone(), receipts: vec![receipt], pod: None } },
        Event::Halted { step: None, why: text.clone() },
    ];
    let mut state = RunState::default();
    let mut entries = Vec::new();
    for event in events {
        let entry = Entry { version: VERSION, sequence: state.sequence + 1, at: text.clone(), before: state.last_digest.clone(), event };
        state = state.fold(&entry).expect("legal");
        entries.push(entry);
    }
    (state, entries)
}

fn findings(instead: &str) -> Findings {
    let text = || instead.to_owned();
    let proven = |root: String| ClaimProof { claim: text(), volume: text(), root, entries: 1, bytes: 2 };
    // Where a name would be, it is not empty.
    Findings { claims: [proven(text()), proven(text() + "!")], differences: vec![text() + "!"], differences_left_out: 1 }
}

pub(crate) fn record(instead: &str) -> Value {
    json!({ "metadata": { "name": instead, "namespace": instead, "creationTimestamp": instead,
        "labels": { marks::RUN: instead, marks::STATE: instead },
        "annotations": { "kubectl-stateful.dev/app-name": instead, marks::CLAIM: instead } },
        "spec": { "capacity": { "storage": instead } } })
}

fn look(instead: &str) -> RunStatus {
    RunStatus { phase: RunPhase::Halted(instead.to_owned()), is_back: false, down_since: Some(instead.to_owned()), back_by: None }
}

/// All that is printed with this in the place of everything foreign.
fn texts(instead: &str) -> [Words; 9] {
    let (plan, survey): (Plan, Survey) = (plan(instead), SURVEY.filled(instead));
    let (state, entries) = entries(instead);
    [
        words::plan_text(&plan, &survey),
        words::completed_text(&plan, &entries),
        words::undone_text(&plan),
        words::undo_text(&plan, &state),
        words::finalize_text(&plan, &[record(instead)]),
        words::findings_text(&findings(instead)),
        words::runs_text(&[(record(instead), None)], true),
        words::runs_text(&[(record(instead), Some(look(instead)))], false),
        words::status_text(&plan, &state, &entries, &look(instead)),
    ]
}

/// The text without the colours that are ours.
fn uncoloured(text: &Words) -> String {
    ["0", "1", "2", "31", "33", "36"].iter().fold(text.as_str().to_owned(), |text, code| text.replace(&format!("\u{1b}[{code}m"), ""))
}

fn is_seen(one: char) -> bool {
    let unseen = matches!(one,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}');
    !one.is_control() && !unseen
}

pub(crate) fn assert_tame(text: &str) {
    assert!(text.chars().all(|one| one == '\n' || is_seen(one)), "{text:?}");
}

/// Lines that begin as they do with something harmless, in as many lines.
fn assert_begins_alike(harmless: &str, text: &str) {
    assert_eq!(harmless.lines().count(), text.lines().count(), "{text}");
    for (ours, line) in harmless.lines().zip(text.lines()) {
        match ours.split_once(HARMLESS) {
            Some((beginning, _)) => assert!(line.starts_with(beginning.trim_end()), "{ours:?} {line:?}"),
            // Heads of tables are as wide as what is below.
            None => assert_eq!(ours.split_whitespace().next(), line.split_whitespace().next()),
        }
    }
}

fn with_colours() {
    console::set_colors_enabled(true);
    console::set_colors_enabled_stderr(true);
}

fn foreign() -> impl Strategy<Value = String> {
    let nasty = proptest::sample::select(NASTY.chars().collect::<Vec<_>>());
    let plain = proptest::sample::select("a0-. `'\"\\$#:{}[]\t%ä数".chars().collect::<Vec<_>>());
    proptest::collection::vec(prop_oneof![any::<char>(), nasty, plain], 0..12).prop_map(|all| all.into_iter().collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn no_foreign_text_drives_the_terminal_or_begins_a_line(foreign in foreign()) {
        with_colours();
        // A name that cannot be pasted leaves a line out.
        let harmless = texts(HARMLESS).map(|text| uncoloured(&text));
        for (harmless, text) in harmless.iter().zip(texts(&format!("{foreign};"))) {
            let text = uncoloured(&text);
            assert_tame(&text);
            assert_begins_alike(harmless, &text);
        }
    }

    #[test]
    fn errors_and_hints_begin_one_line_each(foreign in foreign()) {
        with_colours();
        let fault = Fault { what: format!("a {foreign}"), hints: vec![format!("b {foreign}"), "c".to_owned()] };
        let text = uncoloured(&words::fault_text(&fault));
        assert_tame(&text);
        let begun = |beginning: &str| text.lines().filter(|line| line.starts_with(beginning)).count();
        let ours = ["error: a", "hint: b", "hint: c"].map(begun);
        assert_eq!((ours, begun("  ")), ([1, 1, 1], text.lines().count() - 3), "{text:?}");
    }

    #[test]
    fn plan_files_in_yaml_have_no_controls_and_mean_the_same(foreign in foreign()) {
        let plan = plan(&foreign);
        let yaml = file::to_yaml(&plan);
        assert!(yaml.chars().all(|one| one == '\n' || one == '\t' || !one.is_control()), "{yaml:?}");
        assert_eq!(serde_saphyr::from_str::<Plan>(&yaml).expect("its own words"), plan);
        let json = file::to_json(&plan);
        assert!(json.bytes().all(|one| one == b'\n' || one >= b' '), "{json:?}");
    }
}

#[test]
fn what_was_foreign_is_spelled_out() {
    for text in texts(NASTY) {
        assert!(text.as_str().contains("\\x1b]0;owned\\x07"), "{}", text.as_str());
        assert_tame(&uncoloured(&text));
    }
    let fault = Fault { what: NASTY.to_owned(), hints: vec![NASTY.to_owned()] };
    assert!(words::fault_text(&fault).as_str().contains("\\r\n  error: x\\u{85}y\\u{2028}z\\u{202e}"));
}

#[test]
fn no_command_to_paste_has_a_name_that_is_more_than_a_name() {
    let (state, entries) = entries("x");
    for (name, pasted) in [("m1", true), ("x; curl y | sh", false), ("x\u{202e}", false), ("`x`", false), ("-A", false)] {
        let mut plan = plan("x");
        plan.request.run = RunId(name.to_owned());
        for text in [words::status_text(&plan, &state, &entries, &look("x")), words::completed_text(&plan, &entries)] {
            assert_eq!(text.as_str().contains("`kubectl stateful"), pasted, "{}", text.as_str());
        }
    }
}
