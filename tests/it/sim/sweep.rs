//! The sweep: every scenario, every call, every fault; then resume, or undo. Each is judged after every call and at its end.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::Call;
use super::Phase;
use super::faults::Fault;
use super::foreign::{Deed, Hand};
use super::outcome::{Move, Side, Then, Went};
use super::scenario::{self, Scenario};
use super::table::Table;
use kubectl_stateful::engine::Ending;

/// Runs something on a clock that only moves when everybody waits.
pub(crate) fn in_paused_time<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
    runtime.block_on(work)
}

/// One try: what goes wrong, and how it is taken up again.
#[derive(Clone, Debug)]
struct Try {
    scenario: &'static Scenario,
    faults: Vec<(u64, Fault)>,
    hand: Option<Hand>,
    then: Then,
    /// What the first call that goes wrong is made for.
    phase: Phase,
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
    pub(super) fn words(self) -> &'static str {
        match self {
            Ended::OnTarget => "on",
            Ended::OnSource => "back",
            Ended::NeedsAHand => "hand",
        }
    }
}

async fn run(what: &Try) -> Result<Ended, String> {
    let mut moving = Move::new(what.scenario).await;
    moving.with(|sim| {
        sim.faults.0.clone_from(&what.faults);
        what.hand.into_iter().for_each(|hand| sim.expect_hand(hand));
    });
    // Far longer than anything may take: a run that hangs is a violation too.
    let side = tokio::time::timeout(Duration::from_secs(3 * 3600), moving.come_to_rest(what.then)).await;
    let side = side.unwrap_or_else(|_| Err("it never ends".to_owned()));
    if let Ok(side @ (Side::Source | Side::Target)) = side {
        moving.check(side).await;
    }
    let complaint = moving.with(|sim| {
        let violation = sim.violations.first().cloned().or(side.as_ref().err().cloned());
        violation.map(|violation| format!("{violation}\n{}", sim.trace()))
    });
    match complaint {
        Some(complaint) => Err(complaint),
        None => Ok(match side {
            Ok(Side::Target) => Ended::OnTarget,
            Ok(Side::Neither) => Ended::NeedsAHand,
            Ok(Side::Source) | Err(_) => Ended::OnSource,
        }),
    }
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
        moving.check(side).await;
        let violations = moving.with(|sim| sim.violations.clone());
        assert!(violations.is_empty(), "{}: {violations:?}", scenario.name);
        log
    })
}

/// Tries all, several at a time; returns how each ended that ended well, and every complaint.
fn sweep(tries: &[Try]) -> (BTreeMap<usize, Ended>, Vec<String>) {
    let next = AtomicUsize::new(0);
    let ended: Mutex<BTreeMap<usize, Ended>> = Mutex::default();
    let complaints: Mutex<Vec<String>> = Mutex::default();
    // More than processors: a try waits for the threads of its movers.
    let threads = 2 * std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(one) = tries.get(number) else { break };
                    match in_paused_time(run(one)) {
                        Ok(how) => drop(ended.lock().expect("no panic").insert(number, how)),
                        Err(complaint) => complaints.lock().expect("no panic").push(format!("{complaint}{one:?}\n")),
                    }
                }
            });
        }
    });
    (ended.into_inner().expect("no panic"), complaints.into_inner().expect("no panic"))
}

/// Prints a line that is seen whether or not the test passes.
pub(super) fn say(line: &str) {
    writeln!(std::io::stderr(), "{line}").expect("stderr is open");
}

/// Tries all, prints how many, and fails if anything was violated; otherwise returns how each ended.
fn report(what: &str, tries: &[Try]) -> BTreeMap<usize, Ended> {
    let since = std::time::Instant::now();
    let (ended, mut complaints) = sweep(tries);
    let count = |how| ended.values().filter(|end| **end == how).count();
    say(&format!(
        "{what}: {} faults injected and judged in {} s: {} ended on the target, {} on the source, {} need a hand, {} violations",
        tries.len(),
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
    ended
}

#[test]
fn every_scenario_completes_when_nothing_goes_wrong() {
    for scenario in &scenario::ALL {
        assert!(calls_of(scenario) > 20, "{}", scenario.name);
    }
}

#[test]
fn every_call_may_fail_in_every_way() {
    let mut tries = Vec::new();
    for scenario in &scenario::ALL {
        // Reading again what nobody has changed since is the same call once more.
        let mut seen = BTreeSet::new();
        for (number, call) in (1..).zip(log_of(scenario)).filter(|(_, call)| call.is_write || seen.insert(call.clone())) {
            for fault in Fault::ALL.into_iter().filter(|fault| call.is_write || fault.matters_to_reads()) {
                let thens: &[Then] = if fault.kills() { &[Then::Resume, Then::Undo] } else { &[Then::Resume] };
                let phase = if scenario.taken_back_from.is_some() { Phase::GoingBack } else { call.phase };
                tries.extend(thens.iter().map(|then| Try { scenario, faults: vec![(number, fault)], hand: None, then: *then, phase }));
            }
        }
    }
    let ended = report("single faults", &tries);
    let mut table = Table::default();
    for fault in Fault::ALL {
        let its = ended.iter().map(|(number, how)| (&tries[*number], *how)).filter(|(one, _)| one.faults[0].1 == fault);
        for (one, how) in its {
            let after = if fault.kills() { one.then.words() } else { "" };
            table.add(&format!("{}{after}", fault.words()), one.phase, how);
        }
    }
    table.is_published("faults", "a call is");
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

const PAIRS: u64 = 3000;

fn pairs(seeds: std::ops::Range<u64>) -> Vec<Try> {
    let calls: Vec<u64> = scenario::ALL.iter().map(calls_of).collect();
    let pair = |seed| {
        let mut below = chance(seed);
        let which = below(scenario::ALL.len() as u64) as usize;
        let mut fault = || (1 + below(calls[which] * 5 / 4), Fault::ALL[below(Fault::ALL.len() as u64) as usize]);
        let faults = vec![fault(), fault()];
        let then = if below(2) == 0 { Then::Resume } else { Then::Undo };
        Try { scenario: &scenario::ALL[which], faults, hand: None, then, phase: Phase::Beginning }
    };
    seeds.map(pair).collect()
}

#[test]
fn the_same_seed_makes_the_same_run() {
    let traces = |one: &Try| {
        in_paused_time(async {
            let mut moving = Move::new(one.scenario).await;
            moving.with(|sim| sim.faults.0.clone_from(&one.faults));
            drop(moving.come_to_rest(one.then).await);
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
    let tries = pairs(0..PAIRS);
    drop(report("pairs of faults", &tries));
}

#[test]
fn somebody_else_may_meddle_at_every_call() {
    let mut tries = Vec::new();
    for scenario in [&scenario::SMALL_SET, &scenario::DEPLOYMENT] {
        for (call, made) in (1..).zip(log_of(scenario)) {
            for deed in Deed::ALL {
                for then in [Then::Resume, Then::Undo] {
                    tries.push(Try { scenario, faults: Vec::new(), hand: Some(Hand { deed, call }), then, phase: made.phase });
                }
            }
        }
    }
    let ended = report("foreign hands", &tries);
    let mut table = Table::default();
    for deed in Deed::ALL {
        let its = ended.iter().map(|(number, how)| (&tries[*number], *how));
        for (one, how) in its.filter(|(one, _)| one.hand.is_some_and(|hand| hand.deed == deed) && one.then == Then::Resume) {
            table.add(deed.words(), one.phase, how);
        }
    }
    table.is_published("hands", "somebody else");
}
