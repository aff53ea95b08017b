//! Keeps a pass beside the app to a small share of a node's cores, while the app and its neighbours want them all.
//!
//! To stand behind them ([`super::priority`]) is not enough. Half of a core's threads, its caches and the memory's bandwidth are shared by
//! whoever runs, however far behind: on two cores, loops that touch neither memory nor disk and are scheduled for idle cores only take 40 %
//! of its transactions from a database that keeps both busy. Only rests leave them to it.
//!
//! A node is crowded when hardly any time of its cores is left and others use a good part of it. That is read from the kernel's counters of
//! the whole node (`/proc/stat`, proc(5)); where they are not to be had, nobody is held. Niced work counts for nobody, or movers would wait for each
//! other. How long reads take is [`super::throttle`]'s business.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// What of a crowded node's cores a pass takes: one in so many. A tenth still took about a fifth of its transactions from a database.
const CORES_PER_SHARE: u32 = 16;
/// How often it is looked how much a pass took.
const TICK: Duration = Duration::from_millis(10);
/// How often it is looked who wants the cores. The kernel counts in hundredths of a second.
const LOOK: Duration = Duration::from_millis(250);
/// How long a pass is held to its share before the first look, which finds out whether it need be.
const FIRST_LOOK: Duration = Duration::from_millis(50);
/// The longest that a thread is held at a time: a pass goes on whatever happens.
const HELD_MAX: Duration = Duration::from_secs(2);

/// Where the threads of a pass wait while they are to rest.
#[derive(Debug, Default)]
pub struct Gate {
    is_shut: AtomicBool,
    door: Mutex<Door>,
    opened: Condvar,
}

#[derive(Debug, Default)]
struct Door {
    waiting: usize,
    /// Since when there has been somebody waiting.
    waiting_since: Option<Instant>,
    waited_before: Duration,
}

impl Gate {
    /// Waits while the gate is shut.
    pub fn go_through(&self) {
        if !self.is_shut.load(Ordering::Relaxed) {
            return;
        }
        let mut door = self.lock();
        door.waiting += 1;
        door.waiting_since.get_or_insert_with(Instant::now);
        let waited = self.opened.wait_timeout_while(door, HELD_MAX, |_| self.is_shut.load(Ordering::Relaxed));
        let (mut door, _) = waited.expect("no thread panics while it holds this lock");
        door.waiting -= 1;
        if let (0, Some(since)) = (door.waiting, door.waiting_since) {
            door.waiting_since = None;
            door.waited_before += since.elapsed();
        }
    }

    /// Returns for how long somebody has waited in all. While it is shut and nobody comes, as during a sync, nothing is lost by it.
    #[must_use]
    pub fn held(&self) -> Duration {
        let door = self.lock();
        door.waited_before + door.waiting_since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    fn set(&self, is_shut: bool) {
        // Within the lock, so that nobody begins to wait for what has just been told.
        let _door = self.lock();
        if self.is_shut.swap(is_shut, Ordering::Relaxed) && !is_shut {
            self.opened.notify_all();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Door> {
        self.door.lock().expect("no thread panics while it holds this lock")
    }
}

/// Opens and shuts a gate as the share demands, until the other end of the channel is gone.
pub fn keep(gate: &Gate, over: &Receiver<()>) {
    keep_by(gate, over, Usage::of_node);
}

fn keep_by(gate: &Gate, over: &Receiver<()>, usage: impl Fn() -> Option<Usage>) {
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u32);
    let (mut crowd, mut account) = (Crowd::new(usage()), Account::default());
    let (mut ticked, mut spent) = (Instant::now(), spent_by_process());
    let mut look_at = ticked + FIRST_LOOK;
    while let Err(RecvTimeoutError::Timeout) = over.recv_timeout(TICK) {
        let (before, spent_before) = (ticked, spent);
        (ticked, spent) = (Instant::now(), spent_by_process());
        if ticked >= look_at {
            look_at = ticked + LOOK;
            crowd.look(usage());
        }
        let due = (ticked - before) * cores / CORES_PER_SHARE;
        gate.set(crowd.is_there && account.is_overdrawn(spent.saturating_sub(spent_before), due));
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

/// Whether others want all cores.
#[derive(Debug)]
struct Crowd {
    before: Option<Usage>,
    is_there: bool,
}

impl Crowd {
    /// Assumes that there is one until it can be told.
    fn new(usage: Option<Usage>) -> Crowd {
        Crowd { before: usage, is_there: usage.is_some() }
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
    use std::sync::mpsc::channel;

    use super::*;

    /// A crowd that saw so many percent of the cores idle and used by others, one after another.
    fn after(looks: &[(u64, u64)]) -> bool {
        let mut usage = Usage::default();
        let mut crowd = Crowd::new(Some(usage));
        for (idle, others) in looks {
            usage = Usage { idle: usage.idle + idle, others: usage.others + others, all: usage.all + 100 };
            crowd.look(Some(usage));
        }
        crowd.is_there
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
        let mut crowd = Crowd::new(None);
        crowd.look(Some(Usage { idle: 0, others: 100, all: 100 }));
        assert!(!crowd.is_there);
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
    fn a_gate_that_is_shut_costs_nothing_while_nobody_comes() {
        let gate = Gate::default();
        gate.set(true);
        assert_eq!(gate.held(), Duration::ZERO);
        std::thread::scope(|scope| {
            scope.spawn(|| gate.go_through());
            while gate.held().is_zero() {
                std::thread::yield_now();
            }
            gate.set(false);
        });
        let held = gate.held();
        assert_eq!(gate.held(), held, "nobody waits any more");
    }

    #[test]
    fn threads_are_held_while_there_is_a_crowd_and_let_go_at_the_end() {
        let (gate, ticks) = (Gate::default(), std::cell::Cell::new(0));
        let crowded = || {
            ticks.set(ticks.get() + 100);
            Some(Usage { idle: 0, others: ticks.get(), all: ticks.get() })
        };
        std::thread::scope(|scope| {
            let (end, over) = channel();
            // Works until it has been held.
            scope.spawn(|| {
                while gate.held().is_zero() {
                    gate.go_through();
                }
                drop(end);
            });
            keep_by(&gate, &over, crowded);
        });
        assert!(!gate.is_shut.load(Ordering::Relaxed));
        gate.go_through();
    }
}
