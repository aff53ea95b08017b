//! Commands as their caller sees them: what they propose before they change anything, and where the app is afterwards.
//!
//! What becomes of a run in trouble is for the sweep.

use std::cell::RefCell;

use kubectl_stateful::cluster::read::Reference;
use kubectl_stateful::engine::{Ending, Listener, Trouble};
use kubectl_stateful::journal::stored_plan;
use kubectl_stateful::operate::caller::{Caller, NothingToDo, Proposal, Remark};
use kubectl_stateful::operate::exit::ExitClass;
use kubectl_stateful::operate::failure::CommandError;
use kubectl_stateful::operate::report::RunReport;
use kubectl_stateful::operate::undo::{UndoCommand, undo};
use kubectl_stateful::operate::{execute, records, trust};
use kubectl_stateful::plan::{Request, RunId};
use tokio::sync::watch;

use super::outcome::{Course, Ear, Move, Side, Went, word};
use super::sweep::in_paused_time;
use super::{Phase, Sim, connect, scenario};

/// A caller that agrees to everything, or to all but one thing.
struct Agreeable {
    ear: Ear,
    declines: Option<&'static str>,
    proposed: RefCell<Vec<&'static str>>,
    nothing_to_do: RefCell<Vec<NothingToDo>>,
}

impl Agreeable {
    fn of(moving: &Move) -> Self {
        Self { ear: Ear(moving.sim.clone()), declines: None, proposed: RefCell::default(), nothing_to_do: RefCell::default() }
    }

    fn but_for(moving: &Move, proposal: &'static str) -> Self {
        Self { declines: Some(proposal), ..Self::of(moving) }
    }
}

fn name(proposal: &Proposal<'_>) -> &'static str {
    match proposal {
        Proposal::Begin { .. } => "begin",
        Proposal::Resume(_) => "resume",
        Proposal::TakeBack { .. } => "take back",
        Proposal::Close(_) => "close",
        Proposal::FinishStart => "finish start",
        Proposal::Finalize { .. } => "finalize",
    }
}

impl Caller for Agreeable {
    fn confirm(&self, proposal: &Proposal<'_>) -> Result<(), CommandError> {
        let name = name(proposal);
        self.proposed.borrow_mut().push(name);
        if self.declines == Some(name) { Err(CommandError::new(ExitClass::Error, "not confirmed")) } else { Ok(()) }
    }

    fn tell(&self, remark: &Remark<'_>) {
        if let Remark::NothingToDo(why) = remark {
            self.nothing_to_do.borrow_mut().push((*why).clone());
        }
    }

    fn ended(&self, _: &RunReport<'_>) {}

    fn listener(&self) -> &dyn Listener {
        &self.ear
    }

    async fn attend<T>(&self, work: impl AsyncFnOnce(watch::Receiver<u32>) -> T) -> Result<T, CommandError> {
        let (_never, interrupts) = watch::channel(0);
        Ok(work(interrupts).await)
    }

    fn interrupted(&self) -> ExitClass {
        ExitClass::Interrupted
    }

    fn fresh_name(&self) -> RunId {
        RunId("m2".to_owned())
    }

    fn now(&self) -> String {
        "2026-01-02T00:00:00Z".to_owned()
    }
}

/// A move that has completed, or broken off at a step, a while ago.
async fn moved(dies_at: Option<&str>) -> Move {
    let mut moving = Move::new(&scenario::SMALL_SET).await;
    moving.with(|sim| sim.dies_at = dies_at.map(str::to_owned));
    let went = moving.once(Course::Begin).await;
    assert!(matches!((dies_at, &went), (None, Went::Ended(Ending::Completed)) | (Some(_), Went::Died)), "{went:?}");
    moving.with(|sim| sim.dies_at = None);
    // A lease that nobody renews runs out meanwhile.
    tokio::time::sleep(std::time::Duration::from_secs(20)).await;
    moving.with(|sim| {
        sim.revive();
        sim.settle();
        sim.phase = Phase::Beginning;
    });
    moving
}

async fn undone(moving: &Move, caller: &Agreeable) -> Result<(), CommandError> {
    let command = UndoCommand {
        run: moving.plan.run(),
        assurances: word(),
        discard_new_writes: false,
        mover_image: None,
        mover_image_expected: word().mover_image,
    };
    undo(&connect(&moving.sim), "app", &command, caller).await
}

/// The app runs on its source once more, by a run of its own.
async fn is_back_by_another_run(moving: &mut Move) {
    let plan = stored_plan::read(&connect(&moving.sim), "app", &RunId("m2".to_owned())).await;
    moving.plan = plan.expect("the way back is recorded");
    moving.ends_well(Side::Target, "the way back").await;
}

#[test]
fn after_the_cut_over_undo_moves_back_and_does_so_once() {
    in_paused_time(async {
        let mut moving = moved(None).await;
        let caller = Agreeable::of(&moving);
        undone(&moving, &caller).await.expect("it goes back");
        assert_eq!(caller.proposed.take(), ["begin"]);
        undone(&moving, &caller).await.expect("it is back");
        let why = NothingToDo::UndoneBy { run: moving.plan.run().clone(), back: RunId("m2".to_owned()) };
        assert_eq!((caller.proposed.take(), caller.nothing_to_do.take()), (vec![], vec![why]));
        is_back_by_another_run(&mut moving).await;
    });
}

/// It crashes on the new class, say: that its start is not through must not keep it from going back.
#[test]
fn an_app_that_never_becomes_ready_on_its_target_is_moved_back() {
    for scenario in scenario::ALL.iter().filter(|scenario| !scenario.is_back && scenario.taken_back_from.is_none()) {
        in_paused_time(async {
            let mut moving = Move::new(scenario).await;
            let classes = moving.plan.moves.iter().filter_map(|one| one.target.class.clone()).collect::<Vec<_>>();
            moving.with(|sim| sim.unready_on = Some(classes.first().expect("a class").clone().leak()));
            let went = moving.once(Course::Begin).await;
            let Went::Ended(Ending::Halted(Trouble::Step { step, .. })) = &went else {
                // No pod of it runs.
                assert!(matches!(went, Went::Ended(Ending::Completed)), "{}: {went:?}", scenario.name);
                return;
            };
            assert!(step.0.starts_with("await-ready"), "{}: {step}", scenario.name);
            moving.with(|sim| sim.phase = Phase::Beginning);
            // The way back is cut off first, with the app down: of the first run nothing is to be gone on with any more.
            moving.with(|sim| sim.dies_at = Some("release-claim".to_owned()));
            let caller = Agreeable::of(&moving);
            let death = moving.with(|sim| std::sync::Arc::clone(&sim.death));
            tokio::select! {
                biased;
                () = death.notified() => {}
                ended = undone(&moving, &caller) => panic!("{}: {ended:?}", scenario.name),
            }
            assert_eq!(caller.proposed.take(), ["begin"], "{}", scenario.name);
            tokio::time::sleep(std::time::Duration::from_secs(20)).await;
            moving.with(|sim| {
                sim.dies_at = None;
                sim.revive();
                sim.settle();
            });
            let early = execute::resume(&connect(&moving.sim), "app", moving.plan.run(), &word(), &caller).await;
            assert!(early.is_err_and(|why| why.class == ExitClass::Refused), "{}: resumed", scenario.name);
            undone(&moving, &caller).await.unwrap_or_else(|why| panic!("{}: {why:?}", scenario.name));
            assert_eq!(caller.proposed.take(), ["resume"], "{}", scenario.name);
            // Of the first run nothing goes on any more, and nothing is in the way of another move.
            let (cluster, first) = (connect(&moving.sim), moving.plan.clone());
            let again = execute::resume(&cluster, "app", first.run(), &word(), &caller).await;
            assert!(again.is_err_and(|why| why.class == ExitClass::Refused), "{}: resumed", scenario.name);
            undone(&moving, &caller).await.expect("it is back");
            assert_eq!(caller.proposed.take(), [""; 0], "{}: twice", scenario.name);
            let app = Reference { kind: first.app.kind, name: first.app.name.clone() };
            let request = Request { run: RunId("m3".to_owned()), ..first.request.clone() };
            let seen = trust::seen(&cluster, "app", &app, &request).await.expect("it can be surveyed");
            assert!(seen.unfinished_runs.is_empty(), "{}: {:?}", scenario.name, seen.unfinished_runs);
            is_back_by_another_run(&mut moving).await;
        });
    }
}

#[test]
fn before_the_cut_over_undo_takes_back_and_does_so_once() {
    in_paused_time(async {
        let mut moving = moved(Some("release-claim")).await;
        let caller = Agreeable::of(&moving);
        undone(&moving, &caller).await.expect("it is taken back");
        assert_eq!(caller.proposed.take(), ["take back"]);
        undone(&moving, &caller).await.expect("it is back");
        let why = NothingToDo::Undone(moving.plan.run().clone());
        assert_eq!((caller.proposed.take(), caller.nothing_to_do.take()), (vec![], vec![why]));
        moving.ends_well(Side::Source, "taken back").await;
    });
}

#[test]
fn an_app_that_was_just_being_started_is_started_before_it_moves_back() {
    in_paused_time(async {
        let mut moving = moved(Some("restore-set")).await;
        let caller = Agreeable::of(&moving);
        undone(&moving, &caller).await.expect("it goes back");
        assert_eq!(caller.proposed.take(), ["finish start", "begin"]);
        is_back_by_another_run(&mut moving).await;
    });
}

#[test]
fn declined_after_the_start_the_app_stays_on_its_target_and_that_is_said() {
    in_paused_time(async {
        let mut moving = moved(Some("restore-set")).await;
        let error = undone(&moving, &Agreeable::but_for(&moving, "begin")).await.expect_err("it was declined");
        assert!(error.faults[0].what.contains("stays there"), "{error:?}");
        assert_eq!(error.faults[0].hints, ["go back with `kubectl stateful undo m1 -n app`"]);
        moving.ends_well(Side::Target, "started").await;
    });
}

#[test]
fn a_plan_that_is_declined_leaves_nothing() {
    in_paused_time(async {
        let moving = Move::new(&scenario::SMALL_SET).await;
        let (cluster, before) = (connect(&moving.sim), moving.with(|sim| sim.picture()));
        let caller = Agreeable::but_for(&moving, "begin");
        execute::execute(&cluster, &moving.plan, &word(), &caller).await.expect_err("it was declined");
        assert!(!records::is_there(&cluster, "app", moving.plan.run()).await.expect("it can be asked"));
        assert!(moving.with(|sim| sim.picture()) == before);
    });
}

#[test]
fn a_plan_is_carried_out_once() {
    in_paused_time(async {
        let moving = Move::new(&scenario::SMALL_SET).await;
        let (cluster, caller) = (connect(&moving.sim), Agreeable::of(&moving));
        let executed = async || execute::execute(&cluster, &moving.plan, &word(), &caller).await;
        executed().await.expect("it is moved");
        executed().await.expect("there is nothing to do");
        assert_eq!(caller.nothing_to_do.take(), [NothingToDo::Completed(moving.plan.run().clone())]);
        assert_eq!(caller.proposed.take(), ["begin"]);
        moving.with(Sim::settle);
        undone(&moving, &caller).await.expect("it goes back");
        let refused = executed().await.expect_err("its run has been undone");
        assert_eq!(refused.class, ExitClass::Refused);
        assert!(refused.faults[0].what.contains("then run `m2` took the app back"), "{refused:?}");
    });
}
