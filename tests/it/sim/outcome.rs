//! Carries out one move in a simulated cluster as the command does, over process deaths, to an ending that is checked.

use std::sync::{Arc, Mutex};

use kubectl_stateful::cluster::Connection;
use kubectl_stateful::engine::{Ending, Listener, Notice, Trouble};
use kubectl_stateful::journal::{Event, Journal, Outcome, stored_plan};
use kubectl_stateful::operate::undo::{self, BackRoute};
use kubectl_stateful::operate::{self, Assurances, Basis, Executor, kept, trust};
use kubectl_stateful::plan::{Destination, Plan, Request, RunId, Rung};
use kubectl_stateful::planner::{self, going_back};
use tokio::sync::watch;

pub(crate) use kubectl_stateful::operate::Course;

use super::denied::Denial;
use super::outage::Outage;
use super::scenario::Scenario;
use super::void::Void;
use super::{ADDRESS, Phase, Sim, connect, keys};

/// Hears how far a run is.
pub(super) struct Ear(pub(super) Arc<Mutex<Sim>>);

impl Listener for Ear {
    fn tell(&self, notice: &Notice) {
        let mut sim = self.0.lock().expect("no code panics while holding this lock");
        sim.overhear("printed", || keys::printed(notice));
        sim.judge_notice(notice);
        if let Notice::Acting { step, .. } = notice
            && sim.dies_at.as_ref().is_some_and(|word| step.0.starts_with(&format!("{word}:")))
        {
            sim.die();
        }
        let Notice::Stage { name, back, .. } = notice else { return };
        sim.phase = if *back { Phase::GoingBack } else { Phase::of(name, sim.phase >= Phase::Proving) };
    }
}

/// What is done once a process has died or a run has halted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    Resume,
    Undo,
}

impl Then {
    pub(crate) fn words(self) -> &'static str {
        match self {
            Then::Resume => ", then resumed",
            Then::Undo => ", then undone",
        }
    }
}

/// How one execution went.
#[derive(Debug)]
pub(crate) enum Went {
    Ended(Ending),
    /// It could not even begin: no lease, no journal.
    Refused(String),
    Died,
}

/// A cluster with an app in it, and the plan of its move.
pub(crate) struct Move {
    pub(crate) sim: Arc<Mutex<Sim>>,
    connection: Connection,
    pub(crate) plan: Plan,
    /// What the first process is told.
    pub(crate) first: Course,
    executors: u32,
    /// How often the user has interrupted the process.
    pub(crate) interrupts: watch::Sender<u32>,
    /// Something stopped the first process, and there was another.
    pub(crate) was_taken_up: bool,
    /// The user has read the plan and names its digest.
    pub(super) vouches: bool,
}

/// A move that is about to begin, to be tried many times: what leads up to it is done once.
pub(crate) struct Prepared {
    scenario: Scenario,
    sim: Sim,
    plan: Plan,
    executors: u32,
}

impl Prepared {
    /// Makes the app and plans; for a way back it is moved first.
    pub(crate) async fn new(scenario: &Scenario) -> Self {
        let mut moving = Move::planned(scenario).await;
        if scenario.is_back {
            assert!(matches!(moving.once(Course::Begin).await, Went::Ended(Ending::Completed)), "the way there is clear");
            moving.with(Sim::settle);
            moving.plan = moving.plan_back().await;
        }
        let sim = moving.with(|sim| sim.kept());
        Self { scenario: *scenario, sim, plan: moving.plan, executors: moving.executors }
    }

    /// A copy of it; one that is to be taken back has gone as far as that.
    pub(crate) async fn begin(&self) -> Move {
        let mut moving = Move { executors: self.executors, ..Move::of(&Arc::new(Mutex::new(self.sim.taken_up())), self.plan.clone()) };
        let before = moving.with(|sim| sim.picture());
        if let Some(step) = self.scenario.taken_back_from {
            moving.die_at(step).await;
            moving.first = Course::Undo;
        }
        moving.with(|sim| {
            sim.calls = 0;
            sim.log.clear();
            sim.trace.clear();
            sim.before = before;
            sim.trust();
            assert!(sim.violations.is_empty(), "the way there: {:?}", sim.violations);
        });
        moving
    }
}

fn request(to: &str, run: &str) -> Request {
    Request { destination: Destination::StorageClass { name: to.to_owned() }, run: RunId(run.to_owned()), ..crate::seen::request() }
}

impl Move {
    /// A move that is tried once, see [`Prepared`].
    pub(crate) async fn new(scenario: &Scenario) -> Self {
        Prepared::new(scenario).await.begin().await
    }

    fn of(sim: &Arc<Mutex<Sim>>, plan: Plan) -> Self {
        let (sim, connection, interrupts) = (Arc::clone(sim), connect(sim), watch::Sender::new(0));
        Self { sim, connection, plan, first: Course::Begin, executors: 0, interrupts, was_taken_up: false, vouches: false }
    }

    /// Makes the app and plans.
    async fn planned(scenario: &Scenario) -> Self {
        let mut sim = Sim::new();
        sim.settle_neighbour();
        scenario.furnish(&mut sim);
        sim.has_roles = true;
        let sim = Arc::new(Mutex::new(sim));
        let request = Request { cold: scenario.is_cold, ..request(scenario.to, "m1") };
        let seen = trust::seen(&connect(&sim), "app", &scenario.named(), &request).await.expect("the app can be surveyed");
        let plan = planner::plan(&request, &seen, ADDRESS).expect("the app can be moved");
        let this = Self::of(&sim, plan);
        let is_warm = this.plan.moves.iter().all(|one| one.rung == Rung::Warm);
        this.with(|sim| {
            sim.expects_warm = is_warm;
            sim.before = sim.picture();
            sim.trust();
            sim.violations.clear();
        });
        this
    }

    /// Goes forward until a step is about to act, where the process dies.
    async fn die_at(&mut self, step: &str) {
        self.with(|sim| sim.dies_at = Some(step.to_owned()));
        assert!(matches!(self.once(Course::Begin).await, Went::Died), "it gets as far as {step}");
        self.with(|sim| sim.dies_at = None);
        tokio::time::sleep(std::time::Duration::from_secs(20)).await;
    }

    async fn plan_back(&self) -> Plan {
        let volumes = kept::kept_volumes(&self.connection, &self.plan).await.expect("they can be read");
        let request = going_back::request(&self.plan, volumes, RunId("m2".to_owned()), "2026-01-02T00:00:00Z".to_owned(), false);
        undo::plan_back(&self.connection, &self.plan, &request).await.expect("there is a way back").0
    }

    pub(crate) fn with<T>(&self, work: impl FnOnce(&mut Sim) -> T) -> T {
        work(&mut self.sim.lock().expect("no code panics while holding this lock"))
    }

    /// One process's try.
    pub(crate) async fn once(&mut self, way: Course) -> Went {
        self.executors += 1;
        let executor = format!("executor-{}", self.executors);
        let death = self.with(|sim| {
            sim.revive();
            sim.phase = Phase::Beginning;
            Arc::clone(&sim.death)
        });
        let ear = Ear(Arc::clone(&self.sim));
        let accept_outage_secs = self.with(|sim| sim.accepts_outage).then_some(3600);
        let word = Assurances { plan_digest: self.vouches.then(|| self.plan.digest()), accept_outage_secs, ..word() };
        self.interrupts.send_replace(0);
        tokio::select! {
            biased;
            () = death.notified() => Went::Died,
            went = carry_out(&self.connection, &self.plan, way, executor, &ear, (self.interrupts.subscribe(), &word)) => went,
        }
    }

    /// Goes on until the app runs on one side, as a person who follows the hints would: resumes, or undoes.
    pub(crate) async fn come_to_rest(&mut self, then: Then) -> Result<Side, String> {
        let mut went = self.once(self.first).await;
        self.judge_end(&went);
        self.with(|sim| sim.judge_void(&went));
        let mut told = String::new();
        for number in 0..TRIES_MAX {
            match went {
                Went::Ended(Ending::Completed) => return Ok(Side::Target),
                Went::Ended(Ending::Undone(_)) => return Ok(Side::Source),
                Went::Ended(Ending::Halted(_) | Ending::Stuck { .. }) | Went::Refused(_) | Went::Died => {}
            }
            self.was_taken_up = true;
            if let Went::Ended(Ending::Stuck { trouble: Trouble::Step { hint: Some(hint), .. }, .. }) = &went {
                self.with(|sim| sim.paste(hint));
            }
            // A lease that nobody renews runs out meanwhile.
            tokio::time::sleep(std::time::Duration::from_secs(20)).await;
            self.with(Sim::revive);
            if let Went::Ended(Ending::Stuck { trouble, .. } | Ending::Halted(trouble)) = &went {
                told = trouble.to_string();
                self.with(|sim| sim.heed(&told));
                if told.contains("finalizer") {
                    self.with(Sim::let_go);
                    self.with(Sim::settle);
                }
            }
            // Who is told that there is only going on may insist, once; who has gone on in vain goes back.
            let way = match number {
                0 => self.next(then).await,
                _ if told.contains("only go on") => Course::Resume,
                1..RESUMES_MAX => self.next(then).await,
                _ => self.next(Then::Undo).await,
            };
            went = self.once(way).await;
            self.judge_end(&went);
        }
        let last = if let Went::Refused(why) = went { why } else { format!("{went:?}") };
        if self.with(|sim| sim.needs_a_hand(&last)) {
            return Ok(Side::Neither);
        }
        Err(format!("after {TRIES_MAX} tries it still does not end: {last}"))
    }

    /// Judges how one execution ended.
    pub(super) fn judge_end(&self, went: &Went) {
        let interrupts = *self.interrupts.borrow();
        let labels_may_stay = self.plan.run().0 == "m2";
        self.with(|sim| {
            sim.judge_ending(went, interrupts);
            sim.judge_undone(went, labels_may_stay);
            sim.judge_held(went);
        });
    }

    /// What the command would do now.
    pub(super) async fn next(&self, then: Then) -> Course {
        let Ok(journal) = Journal::open(&self.connection, "app", self.plan.run()).await else { return Course::Resume };
        let Ok(_) = stored_plan::read(&self.connection, "app", self.plan.run()).await else { return Course::Begin };
        let route = undo::route(&self.plan, journal.state(), Basis::Anchored);
        let then = if self.first == Course::Undo { Then::Undo } else { then };
        match then {
            Then::Undo if route == BackRoute::TakeBack && journal.state().outcome.is_none() => Course::Undo,
            Then::Undo | Then::Resume => Course::Resume,
        }
    }

    /// As [`Move::check`], and nothing may be violated, then or before.
    pub(crate) async fn ends_well(&mut self, side: Side, what: &str) {
        self.check(side).await;
        let violations = self.with(|sim| sim.violations.clone());
        assert!(violations.is_empty(), "{what}: {violations:?}");
    }

    /// What must hold once it has come to rest.
    pub(crate) async fn check(&mut self, side: Side) {
        self.with(|sim| {
            sim.faults.0.clear();
            sim.void = Void::Never;
            sim.denial = Denial::default();
            sim.cordoned_until = Some(0);
            // Whoever holds a stopped pod keeps the app down, until he is found.
            sim.let_go();
            sim.outage = Outage::default();
            sim.revive();
            sim.deliver_late(u64::MAX);
            sim.settle();
        });
        let entries = Journal::entries(&self.connection, "app", self.plan.run()).await.unwrap_or_default();
        let ended = entries.iter().rev().find_map(|entry| match entry.event {
            Event::Ended { outcome } => Some(outcome),
            _ => None,
        });
        let receipts: Vec<(String, String)> = entries
            .iter()
            .filter_map(|entry| match &entry.event {
                Event::Settled { evidence, .. } | Event::Found { evidence, .. } => Some(evidence.receipts.clone()),
                _ => None,
            })
            .flatten()
            .map(|receipt| (receipt.slot, receipt.root))
            .collect();
        let wanted = if side == Side::Target { Outcome::Completed } else { Outcome::Undone };
        let plan = self.plan.clone();
        self.with(|sim| {
            // Somebody may have deleted the journal after it had ended.
            if ended != Some(wanted) && !sim.was_forgotten {
                sim.violate(format!("the journal ends with {ended:?}, not {wanted:?}"));
            }
            // A way back that was taken back leaves the labels of the run before.
            sim.check_at_rest(side == Side::Target || plan.run().0 == "m2");
            sim.check_claims(&plan, side);
            sim.check_edits();
            if side == Side::Target && !sim.was_forgotten {
                sim.check_receipts(&plan, &receipts);
            }
        });
    }
}

impl Sim {
    /// Whether somebody else has taken away what no run can make again.
    pub(super) fn is_at_a_loss(&self) -> bool {
        self.was_deleted || self.was_made_again
    }

    /// Whether somebody else has taken away what only somebody can put back, and a run says so. What matters then is that nothing is lost.
    pub(super) fn needs_a_hand(&self, told: &str) -> bool {
        self.was_deleted
            || (self.was_unpinned || self.was_scaled || self.was_made_again) && told.contains("by hand")
            || self.was_unpinned && (told.contains("only go on") || told.contains("is gone"))
            || self.was_scaled && told.contains("its data is safe")
            || self.was_held && told.contains("finalizer")
            || self.was_made_again && told.contains("was made anew")
            || self.was_forgotten && told.contains("cannot be believed")
    }
}

const TRIES_MAX: u32 = 6;
const RESUMES_MAX: u32 = 2;

/// Where the app runs in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Source,
    Target,
    /// A hand is needed, and both volumes are kept.
    Neither,
}

/// What the user of a simulated cluster says.
pub(super) fn word() -> Assurances {
    Assurances { mover_image: Some(crate::seen::request().mover_image), ..Assurances::default() }
}

/// As the command does it: a run that is taken up is read back first.
pub(super) async fn carry_out(
    connection: &Connection,
    plan: &Plan,
    way: Course,
    executor: String,
    ear: &Ear,
    (interrupts, word): (watch::Receiver<u32>, &Assurances),
) -> Went {
    let executor = Executor { connection, name: executor, listener: ear, interrupts, assurances: word };
    let carried_out = match way {
        Course::Begin => operate::carry_out(executor, plan, way).await,
        Course::Resume | Course::Undo => match trust::read_run(connection, plan.namespace(), plan.run(), way, word).await {
            Ok(record) => operate::carry_out(executor, &record.plan, way).await,
            Err(distrust) => return Went::Refused(distrust.to_string()),
        },
    };
    match carried_out {
        Ok(ending) => Went::Ended(ending),
        Err(error) => Went::Refused(error.to_string()),
    }
}
