//! The sweep: every scenario, every call, every fault; then resume, or undo. Each is judged after every call and at its end.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::Call;
use super::Phase;
use super::faults::Fault;
use super::foreign::Hand;
use super::outcome::{Move, Prepared, Side, Then, Went};
use super::scenario::{self, Scenario};
use super::share::Share;
use super::table::Table;
use kubectl_stateful::engine::Ending;

/// Runs something on a clock that only moves when everybody waits.
pub(crate) fn in_paused_time<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
    runtime.block_on(work)
}

/// One try: what goes wrong.
#[derive(Clone, Debug)]
pub(super) struct Try {
    pub(super) scenario: &'static Scenario,
    pub(super) faults: Vec<(u64, Fault)>,
    pub(super) hand: Option<Hand>,
    /// What the first call that goes wrong is made for.
    pub(super) phase: Phase,
}

/// A try that was judged.
pub(super) struct Judged<'a> {
    pub(super) what: &'a Try,
    /// How it was taken up again; none where nothing stopped it.
    pub(super) then: Option<Then>,
    pub(super) ended: Ended,
}

/// How a try ended, for the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Ended {
    OnTarget,
    OnSource,
    /// Somebody deleted what the app needs; it is kept, and said.
    NeedsAHand,
}

impl Ended {
    pub(super) const ALL: [Ended; 3] = [Ended::OnTarget, Ended::OnSource, Ended::NeedsAHand];

    pub(super) fn words(self) -> &'static str {
        match self {
            Ended::OnTarget => "on",
            Ended::OnSource => "back",
            Ended::NeedsAHand => "hand",
        }
    }
}

/// Whether it had to be taken up again, and how it ended.
async fn run(prepared: &Prepared, what: &Try, then: Then) -> (bool, Result<Ended, String>) {
    let mut moving = prepared.begin().await;
    moving.with(|sim| {
        sim.faults.0.clone_from(&what.faults);
        what.hand.into_iter().for_each(|hand| sim.expect_hand(hand));
    });
    // Far longer than anything may take: a run that hangs is a violation too.
    let side = tokio::time::timeout(Duration::from_secs(3 * 3600), moving.come_to_rest(then)).await;
    let side = side.unwrap_or_else(|_| Err("it never ends".to_owned()));
    if let Ok(side @ (Side::Source | Side::Target)) = side {
        moving.check(side).await;
    }
    let complaint = moving.with(|sim| {
        let violation = sim.violations.first().cloned().or(side.as_ref().err().cloned());
        violation.map(|violation| format!("{violation}\n{}", sim.trace()))
    });
    let ended = match (complaint, side) {
        (Some(complaint), _) => Err(complaint),
        (None, Ok(Side::Target)) => Ok(Ended::OnTarget),
        (None, Ok(Side::Neither)) => Ok(Ended::NeedsAHand),
        (None, Ok(Side::Source) | Err(_)) => Ok(Ended::OnSource),
    };
    (moving.was_taken_up, ended)
}

/// How many calls a scenario makes when nothing goes wrong.
pub(super) fn calls_of(scenario: &Scenario) -> u64 {
    log_of(scenario).len() as u64
}

/// The calls that a scenario makes when nothing goes wrong.
pub(super) fn log_of(scenario: &Scenario) -> Vec<Call> {
    in_paused_time(async {
        let mut moving = Move::new(scenario).await;
        let went = moving.once(moving.first).await;
        let side = match went {
            Went::Ended(Ending::Completed) => Side::Target,
            Went::Ended(Ending::Undone(None)) => Side::Source,
            other => panic!("{}: {other:?}", scenario.name),
        };
        assert_eq!(side == Side::Source, scenario.taken_back_from.is_some());
        let log = moving.with(|sim| sim.log.clone());
        moving.ends_well(side, scenario.name).await;
        log
    })
}

/// What stops a run is tried twice: the run is resumed, and it is undone.
fn both_ways(prepared: &Prepared, what: &Try) -> Vec<(Option<Then>, Result<Ended, String>)> {
    let (was_taken_up, ended) = in_paused_time(run(prepared, what, Then::Resume));
    if !was_taken_up {
        return vec![(None, ended)];
    }
    let (_, undone) = in_paused_time(run(prepared, what, Then::Undo));
    vec![(Some(Then::Resume), ended), (Some(Then::Undo), undone)]
}

/// Tries all, several at a time; returns those that ended well, and every complaint.
fn sweep(tries: &[Try]) -> (Vec<Judged<'_>>, Vec<String>) {
    let next = AtomicUsize::new(0);
    let mut prepared: BTreeMap<&str, Prepared> = BTreeMap::new();
    for scenario in tries.iter().map(|one| one.scenario) {
        prepared.entry(scenario.name).or_insert_with(|| in_paused_time(Prepared::new(scenario)));
    }
    let judged: Mutex<Vec<Judged>> = Mutex::default();
    let complaints: Mutex<Vec<String>> = Mutex::default();
    // More than processors: a try waits for the threads of its movers.
    let threads = 2 * std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(what) = tries.get(next.fetch_add(1, Ordering::Relaxed)) {
                    for (then, ended) in both_ways(&prepared[what.scenario.name], what) {
                        match ended {
                            Ok(ended) => judged.lock().expect("no panic").push(Judged { what, then, ended }),
                            Err(complaint) => complaints.lock().expect("no panic").push(format!("{complaint}{what:?}, {then:?}\n")),
                        }
                    }
                }
            });
        }
    });
    (judged.into_inner().expect("no panic"), complaints.into_inner().expect("no panic"))
}

/// Prints a line that is seen whether or not the test passes.
pub(super) fn say(line: &str) {
    // At once: other tests print, too.
    std::io::stderr().write_all(format!("{line}\n").as_bytes()).expect("stderr is open");
}

/// Tries all, prints how many were judged, and fails if anything was violated; otherwise returns how each ended.
pub(super) fn report<'a>(what: &str, tries: &'a [Try]) -> Vec<Judged<'a>> {
    let since = std::time::Instant::now();
    let (judged, mut complaints) = sweep(tries);
    let count = |how| judged.iter().filter(|one| one.ended == how).count();
    say(&format!(
        "{what}: {} tries judged in {} s: {} ended on the target, {} on the source, {} need a hand, {} violations",
        judged.len() + complaints.len(),
        since.elapsed().as_secs(),
        count(Ended::OnTarget),
        count(Ended::OnSource),
        count(Ended::NeedsAHand),
        complaints.len()
    ));
    // One of each sort, the shortest.
    complaints.sort_by_key(String::len);
    let mut sorts: BTreeMap<String, (usize, String)> = BTreeMap::new();
    for complaint in complaints {
        let first = complaint.lines().next().unwrap_or_default();
        let sort = first.chars().filter(|one| !one.is_ascii_digit()).take(40).collect();
        sorts.entry(sort).or_insert((0, complaint)).0 += 1;
    }
    let shown: Vec<String> = sorts.values().map(|(count, complaint)| format!("{count} × {complaint}")).collect();
    assert!(shown.is_empty(), "violations:\n{}", shown.join("\n"));
    judged
}

#[test]
fn every_scenario_completes_when_nothing_goes_wrong() {
    for scenario in &scenario::ALL {
        assert!(calls_of(scenario) > 20, "{}", scenario.name);
    }
}

/// Each call of a scenario failing in each way, as far as the share goes.
fn single_faults(scenario: &'static Scenario, log: &[Call], share: &Share) -> Vec<Try> {
    let mut tries = Vec::new();
    // Reading again what nobody has changed since is the same call once more.
    let mut seen = BTreeSet::new();
    let is_new = |(_, call): &(u64, &Call)| call.is_write || seen.insert((call.words.clone(), call.version, call.phase));
    for (row, (number, call)) in (1..).zip(log).filter(is_new).enumerate() {
        let matters = |fault: &Fault| call.is_write || fault.matters_to_reads();
        // As in `Share::of_each`: of calls that are only read a share has each kind of fault, too.
        let faults = Fault::ALL.into_iter().filter(matters).enumerate().filter(|(at, _)| share.takes(row + at));
        for (_, fault) in faults {
            let phase = if scenario.taken_back_from.is_some() { Phase::GoingBack } else { call.phase };
            tries.push(Try { scenario, faults: vec![(number, fault)], hand: None, phase });
        }
    }
    tries
}

#[test]
fn every_call_of_a_cold_copy_may_fail_in_every_way() {
    let share = Share::of_this_run();
    let tries: Vec<Try> = scenario::COLD.iter().flat_map(|scenario| single_faults(scenario, &log_of(scenario), &share)).collect();
    drop(report("single faults in cold copies", &tries));
}

#[test]
fn every_call_may_fail_in_every_way() {
    let share = Share::of_this_run();
    let tries: Vec<Try> = scenario::ALL.iter().flat_map(|scenario| single_faults(scenario, &log_of(scenario), &share)).collect();
    let judged = report("single faults", &tries);
    let mut table = Table::default();
    for fault in Fault::ALL {
        // What few calls cannot bear is resumed and undone as well; only of deaths both are shown.
        let shown = |one: &&Judged| one.what.faults[0].1 == fault && (fault.kills() || one.then != Some(Then::Undo));
        for one in judged.iter().filter(shown) {
            let then = one.then.filter(|_| fault.kills()).map_or("", Then::words);
            table.add(&format!("{}{then}", fault.words()), one.what.phase, one.ended);
        }
    }
    table.is_published("faults", "a call is", &share);
}

/// What is left out of a run is only more of the same.
#[test]
fn every_share_has_every_fault_in_every_scenario() {
    for scenario in scenario::ALL.iter().chain(&scenario::COLD) {
        let log = log_of(scenario);
        for share in Share::all() {
            let struck: BTreeSet<Fault> = single_faults(scenario, &log, &share).iter().map(|one| one.faults[0].1).collect();
            assert_eq!(struck, BTreeSet::from(Fault::ALL), "{}: {share:?}", scenario.name);
        }
    }
}

/// Numbers that look like chance and are the same each time (splitmix64).
fn chance(seed: u64) -> impl FnMut(u64) -> u64 {
    let mut state = seed;
    move |below| {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % below
    }
}

const PAIRS: u64 = 2000;

fn pairs(seeds: impl IntoIterator<Item = u64>) -> Vec<Try> {
    let calls: Vec<u64> = scenario::ALL.iter().map(calls_of).collect();
    let pair = |seed| {
        let mut below = chance(seed);
        let which = below(scenario::ALL.len() as u64) as usize;
        let mut fault = || (1 + below(calls[which] * 5 / 4), Fault::ALL[below(Fault::ALL.len() as u64) as usize]);
        let faults = vec![fault(), fault()];
        Try { scenario: &scenario::ALL[which], faults, hand: None, phase: Phase::Beginning }
    };
    seeds.into_iter().map(pair).collect()
}

#[test]
fn the_same_seed_makes_the_same_run() {
    let traces = |one: &Try| {
        in_paused_time(async {
            let mut moving = Move::new(one.scenario).await;
            moving.with(|sim| sim.faults.0.clone_from(&one.faults));
            drop(moving.come_to_rest(Then::Undo).await);
            moving.with(|sim| sim.trace.clone())
        })
    };
    for one in pairs(PAIRS..PAIRS + 40) {
        let (first, second) = (traces(&one), traces(&one));
        let parts = first.iter().zip(&second).position(|(first, second)| first != second);
        assert!(
            first == second,
            "{one:?}: from call {parts:?} on: {:?} and {:?}",
            first.get(parts.unwrap_or(0)),
            second.get(parts.unwrap_or(0))
        );
    }
}

#[test]
fn faults_may_come_in_pairs() {
    let share = Share::of_this_run();
    let tries = pairs((0..PAIRS).filter(|seed| share.takes(*seed as usize)));
    drop(report("pairs of faults", &tries));
}
