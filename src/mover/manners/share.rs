//! Keeps a pass beside the app to a small share of a node's cores, while the app and its neighbours want them all.
//!
//! To stand behind them ([`super::priority`]) is not enough. Half of a core's threads, its caches and the memory's bandwidth are shared by
//! whoever runs, however far behind. A database that keeps two cores busy loses 40 % of its transactions to loops that touch neither memory
//! nor disk, and are scheduled for idle cores only. Only rests leave them to it.
//!
//! A node is crowded when hardly any time of its cores is left and others use a good part of it. That is read from the kernel's counters of
//! the whole node (`/proc/stat`, proc(5)); where they are not to be had, nobody is held. Niced work counts for nobody, or movers would wait for each
//! other. How long reads take is [`super::throttle`]'s business.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use crate::mover::ground::gate::Gate;

/// What of a crowded node's cores a pass takes: one in so many. A tenth still took about a fifth of its transactions from a database.
const CORES_PER_SHARE: u32 = 16;
/// How often it is looked how much a pass took.
const TICK: Duration = Duration::from_millis(10);
/// How often it is looked who wants the cores. The kernel counts in hundredths of a second.
const LOOK: Duration = Duration::from_millis(250);
/// How long a pass is held to its share before it is looked again, where there was a crowd before it, or nobody has looked yet.
const FIRST_LOOK: Duration = Duration::from_millis(50);
/// Opens and shuts a gate as the share demands, until the other end of the channel is gone.
pub fn keep(gate: &Gate, over: &Receiver<()>, crowd: &Crowd) {
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u32);
    let mut account = Account::default();
    let (mut ticked, mut spent) = (Instant::now(), spent_by_process());
    crowd.begin(ticked);
    while let Err(RecvTimeoutError::Timeout) = over.recv_timeout(TICK) {
        let (before, spent_before) = (ticked, spent);
        (ticked, spent) = (Instant::now(), spent_by_process());
        let due = (ticked - before) * cores / CORES_PER_SHARE;
        gate.set(crowd.is_there(ticked) && account.is_overdrawn(spent.saturating_sub(spent_before), due));
    }
    gate.set(false);
}

/// What the threads of this process have used of all cores.
fn spent_by_process() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// What a pass has used beyond what was due to it.
#[derive(Debug, Default)]
struct Account {
    owed: Duration,
}

impl Account {
    fn is_overdrawn(&mut self, spent: Duration, due: Duration) -> bool {
        self.owed = (self.owed + spent).saturating_sub(due);
        !self.owed.is_zero()
    }
}

/// How a node's cores were used since it started, in the kernel's ticks.
#[derive(Clone, Copy, Debug, Default)]
struct Usage {
    idle: u64,
    /// By whoever is not niced; this process is.
    others: u64,
    all: u64,
}

impl Usage {
    fn of_node() -> Option<Usage> {
        let node = std::fs::read_to_string("/proc/stat").ok()?;
        let own = std::fs::read_to_string("/proc/self/stat").ok()?;
        Usage::read(&node, &own)
    }

    fn read(node: &str, own: &str) -> Option<Usage> {
        let line = node.lines().next()?.strip_prefix("cpu ")?;
        let counts: Vec<u64> = line.split_ascii_whitespace().map_while(|count| count.parse().ok()).collect();
        // Guests' time, which follows, is among the users'.
        let [user, nice, system, idle, io_wait, irq, soft_irq, stolen, ..] = counts[..] else { return None };
        // What the kernel did for this process is not told apart there. The name before may have any characters in it.
        let own_system: u64 = own.rsplit_once(')')?.1.split_ascii_whitespace().nth(12)?.parse().ok()?;
        let others = (user + system + irq + soft_irq).saturating_sub(own_system);
        Some(Usage { idle: idle + io_wait, others, all: user + nice + system + idle + io_wait + irq + soft_irq + stolen })
    }
}

/// Whether others want all cores of the node, as a process sees it before and while it makes passes.
#[derive(Debug)]
pub struct Crowd {
    usage: fn() -> Option<Usage>,
    seen: Mutex<Sighting>,
}

impl Default for Crowd {
    fn default() -> Crowd {
        Crowd::counted_by(Usage::of_node)
    }
}

impl Crowd {
    fn counted_by(usage: fn() -> Option<Usage>) -> Crowd {
        Crowd { usage, seen: Mutex::new(Sighting::new(usage())) }
    }

    /// Looks who wants the cores while no pass is made, if it is time to, so that the next one need not find out first.
    pub fn watch(&self) {
        self.look(Instant::now(), true);
    }

    fn begin(&self, now: Instant) {
        let mut seen = self.lock();
        if seen.is_there {
            seen.look_at = seen.look_at.min(now + FIRST_LOOK);
        }
    }

    fn is_there(&self, now: Instant) -> bool {
        self.look(now, false)
    }

    fn look(&self, now: Instant, is_waiting: bool) -> bool {
        let mut seen = self.lock();
        if now >= seen.look_at {
            seen.look_at = now + LOOK;
            // Who waits takes nothing: half of the cores must be idle then, or it is a crowd.
            seen.is_there |= is_waiting && seen.before.is_some();
            seen.look((self.usage)());
        }
        seen.is_there
    }

    fn lock(&self) -> MutexGuard<'_, Sighting> {
        self.seen.lock().expect("no thread panics while it holds this lock")
    }
}

/// What was seen of a crowd.
#[derive(Debug)]
struct Sighting {
    look_at: Instant,
    before: Option<Usage>,
    is_there: bool,
}

impl Sighting {
    /// Assumes that there is one until it can be told.
    fn new(usage: Option<Usage>) -> Sighting {
        Sighting { look_at: Instant::now() + FIRST_LOOK, before: usage, is_there: usage.is_some() }
    }

    /// Less than an eighth idle makes a crowd, if others use more than a quarter; more than half idle ends it: what a pass that rests
    /// leaves to nobody must not be taken for room.
    fn look(&mut self, usage: Option<Usage>) {
        let (Some(before), Some(now)) = (self.before, usage) else { return };
        let [idle, others, all] =
            [now.idle - before.idle.min(now.idle), now.others - before.others.min(now.others), now.all - before.all.min(now.all)];
        self.before = Some(now);
        if all > 0 {
            self.is_there = if self.is_there { idle * 2 < all } else { idle * 8 < all && others * 4 > all };
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::sync::mpsc::channel;

    use super::*;

    /// Whether a crowd is seen where so many percent of the cores are idle and used by others, one look after another.
    fn after(looks: &[(u64, u64)]) -> bool {
        let mut usage = Usage::default();
        let mut seen = Sighting::new(Some(usage));
        for (idle, others) in looks {
            usage = Usage { idle: usage.idle + idle, others: usage.others + others, all: usage.all + 100 };
            seen.look(Some(usage));
        }
        seen.is_there
    }

    #[test]
    fn a_crowd_is_others_on_all_cores_until_some_are_free_again() {
        assert!(after(&[(5, 50)]));
        assert!(!after(&[(60, 0), (5, 20)]), "it is the pass alone that works");
        assert!(!after(&[(60, 30)]));
        assert!(!after(&[(60, 30), (25, 50)]));
        assert!(after(&[(5, 50), (40, 50)]), "that is what the pass leaves");
        assert!(!after(&[(5, 50), (60, 40)]));
        assert!(!after(&[(5, 50), (60, 40), (25, 70)]));
        assert!(after(&[]), "nothing is known yet");
    }

    #[test]
    fn without_counters_there_is_no_crowd() {
        let mut seen = Sighting::new(None);
        seen.look(Some(Usage { idle: 0, others: 100, all: 100 }));
        assert!(!seen.is_there);
    }

    #[test]
    fn who_waits_knows_of_a_crowd_before_a_pass_begins() {
        static USAGE: [AtomicU64; 2] = [AtomicU64::new(0), AtomicU64::new(0)];
        let crowd = Crowd::counted_by(|| {
            let [idle, others] = USAGE.each_ref().map(|count| count.load(Ordering::Relaxed));
            Some(Usage { idle, others, all: idle + others })
        });
        let use_cores =
            |idle, others| [idle, others].into_iter().zip(&USAGE).for_each(|(more, count)| _ = count.fetch_add(more, Ordering::Relaxed));
        let mut now = Instant::now();
        let mut after = |idle, others, is_waiting| {
            use_cores(idle, others);
            now += LOOK;
            crowd.look(now, is_waiting)
        };
        assert!(!after(60, 40, true));
        assert!(!after(30, 70, false), "the pass may have taken that");
        assert!(after(30, 70, true));
        assert!(after(40, 60, false));
        assert!(!after(60, 40, true));
    }

    #[test]
    fn a_pass_looks_again_soon_only_if_there_was_a_crowd_before() {
        let seen = |is_there| {
            let crowd = Crowd::default();
            let now = Instant::now();
            *crowd.lock() = Sighting { look_at: now + LOOK, before: None, is_there };
            crowd.begin(now);
            crowd.lock().look_at - now
        };
        assert_eq!((seen(true), seen(false)), (FIRST_LOOK, LOOK));
    }

    #[test]
    fn what_was_taken_too_much_is_rested_for() {
        let mut account = Account::default();
        let [spent, due] = [20, 2].map(Duration::from_millis);
        assert!(account.is_overdrawn(spent, due));
        for _ in 0..8 {
            assert!(account.is_overdrawn(Duration::ZERO, due));
        }
        assert!(!account.is_overdrawn(Duration::ZERO, due));
        assert!(!account.is_overdrawn(Duration::ZERO, due));
        assert!(account.is_overdrawn(due * 2, due), "what was not used before is not saved up");
    }

    #[test]
    fn the_counters_of_the_kernel_are_understood() {
        let own = "7 (a ) name) R 1 2 3 4 5 6 7 8 9 10 11 3 13 14";
        let usage = Usage::read("cpu  10 20 30 40 5 1 2 4 10 0\ncpu0 1", own).expect("that is how it looks");
        assert_eq!((usage.idle, usage.others, usage.all), (45, 10 + 30 + 1 + 2 - 3, 112));
        assert!(Usage::of_node().is_some_and(|usage| usage.all > usage.idle));
        assert!(Usage::read("cpu0 1 2", own).is_none());
    }

    #[test]
    fn threads_are_held_while_there_is_a_crowd_and_let_go_at_the_end() {
        static TICKS: AtomicU64 = AtomicU64::new(0);
        let gate = Gate::default();
        let crowded = Crowd::counted_by(|| {
            let ticks = TICKS.fetch_add(100, Ordering::Relaxed);
            Some(Usage { idle: 0, others: ticks, all: ticks })
        });
        std::thread::scope(|scope| {
            let (end, over) = channel();
            // Works until it has been held.
            scope.spawn(|| {
                while gate.held().is_zero() {
                    gate.go_through();
                }
                drop(end);
            });
            keep(&gate, &over, &crowded);
        });
        assert!(!gate.is_shut());
        gate.go_through();
    }
}
