//! A pool of threads over one stack of tasks, which may push more tasks.
//!
//! The stack is last in, first out, so that a walk goes deep before it goes wide and keeps few directories waiting. The first
//! telling failure ends all threads. Threads are started as tasks wait for them: a pass over a few files needs no more than one.
//! It knows nothing of what the tasks are.

use std::sync::{Condvar, Mutex, MutexGuard};

use super::fail::{Halt, Result};
use super::progress::Cancel;

/// The tasks that wait.
#[derive(Debug)]
pub struct Queue<T> {
    state: Mutex<QueueState<T>>,
    changed: Condvar,
    /// Told whenever another thread may be needed, or none any more.
    hiring: Condvar,
}

#[derive(Debug)]
struct QueueState<T> {
    waiting: Vec<T>,
    working: usize,
    /// Threads that wait for a task.
    idle: usize,
    /// Threads that were started and have not asked for their first task.
    coming: usize,
    halt: Option<Halt>,
}

impl<T> QueueState<T> {
    fn is_over(&self) -> bool {
        self.halt.is_some() || (self.working == 0 && self.waiting.is_empty())
    }
}

impl<T> Queue<T> {
    fn lock(&self) -> MutexGuard<'_, QueueState<T>> {
        self.state.lock().expect("no thread panics while it holds this lock")
    }

    /// Adds a task.
    pub fn push(&self, task: T) {
        self.lock().waiting.push(task);
        self.changed.notify_one();
        self.hiring.notify_one();
    }

    /// Adds tasks; the last of them is done first.
    pub fn push_all(&self, tasks: impl IntoIterator<Item = T>) {
        self.lock().waiting.extend(tasks);
        self.changed.notify_all();
        self.hiring.notify_one();
    }

    /// Takes the first task of a thread that was just started.
    fn take_first(&self) -> Option<T> {
        let mut state = self.lock();
        state.coming -= 1;
        self.take(state)
    }

    /// Takes a task; none when all is done or has failed.
    fn take(&self, mut state: MutexGuard<'_, QueueState<T>>) -> Option<T> {
        loop {
            if state.halt.is_some() {
                return None;
            }
            if let Some(task) = state.waiting.pop() {
                state.working += 1;
                return Some(task);
            }
            if state.working == 0 {
                self.changed.notify_all();
                return None;
            }
            state.idle += 1;
            state = self.changed.wait(state).expect("no thread panics while it holds this lock");
            state.idle -= 1;
        }
    }

    /// Waits until a task has no thread that will take it, or until nothing is left to do; returns whether a thread is to be started.
    fn needs_another(&self) -> bool {
        let mut state = self.lock();
        while !state.is_over() {
            if state.waiting.len() > state.idle + state.coming {
                state.coming += 1;
                return true;
            }
            state = self.hiring.wait(state).expect("no thread panics while it holds this lock");
        }
        false
    }

    fn settle(&self, outcome: Result<()>) {
        let mut state = self.lock();
        state.working -= 1;
        if let Err(halt) = outcome {
            let is_better = state.halt.as_ref().is_none_or(|first| !first.is_telling() && halt.is_telling());
            if is_better {
                state.halt = Some(halt);
            }
        }
        if state.is_over() {
            self.changed.notify_all();
            self.hiring.notify_one();
        }
    }
}

/// Carries out tasks until none is left, on at most one thread for each context.
pub fn run<T: Send, C: Send>(
    contexts: &mut [C],
    tasks: Vec<T>,
    cancel: &Cancel,
    work: impl Fn(T, &mut C, &Queue<T>) -> Result<()> + Sync,
) -> Result<()> {
    let state = QueueState { waiting: tasks, working: 0, idle: 0, coming: 0, halt: None };
    let queue = Queue { state: Mutex::new(state), changed: Condvar::new(), hiring: Condvar::new() };
    std::thread::scope(|scope| {
        let mut hired = Vec::new();
        for context in contexts {
            if !queue.needs_another() {
                break;
            }
            hired.push(scope.spawn(|| {
                let mut next = queue.take_first();
                while let Some(task) = next {
                    queue.settle(cancel.check().and_then(|()| work(task, context, &queue)));
                    next = queue.take(queue.lock());
                }
            }));
        }
        hired.into_iter().for_each(join);
    });
    match queue.state.into_inner().expect("all threads have ended").halt {
        Some(halt) => Err(halt),
        None => Ok(()),
    }
}

/// Waits for a thread to end; if it panicked, so does this. No handle is dropped instead, which would detach the thread: glibc 2.36 looks
/// at a thread again after it marked it as detached. By then it may have ended and another one may lie in its place.
pub fn join<T>(thread: std::thread::ScopedJoinHandle<'_, T>) -> T {
    joined(thread.join())
}

/// Returns what a thread that was waited for has returned; if it panicked, so does this.
pub fn joined<T>(outcome: std::thread::Result<T>) -> T {
    outcome.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Returns how many threads an end uses.
#[must_use]
pub fn threads() -> usize {
    for_each_core(2)
}

/// Returns how many threads read a target back: more than at other times, because they often wait for its disk.
#[must_use]
pub fn readers() -> usize {
    for_each_core(4)
}

fn for_each_core(count: usize) -> usize {
    let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    (count * cores).clamp(4, 16)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::orders::Reason;

    /// Adds up the numbers below another by splitting; returns the sum and how many threads took part.
    fn sum_below(number: u64, threads: usize) -> (u64, usize) {
        let mut sums = vec![None; threads];
        let split = |(from, length): (u64, u64), sum: &mut Option<u64>, queue: &Queue<_>| {
            match length {
                0..4 => *sum.get_or_insert(0) += (from..from + length).sum::<u64>(),
                _ => queue.push_all([(from, length / 2), (from + length / 2, length - length / 2)]),
            }
            Ok(())
        };
        run(&mut sums, vec![(0, number)], &Cancel::default(), split).expect("it cannot fail");
        (sums.iter().flatten().sum(), sums.iter().flatten().count())
    }

    #[test]
    fn all_tasks_are_done_on_any_number_of_threads() {
        for threads in 1..9 {
            assert_eq!(sum_below(10_000, threads).0, 49_995_000);
        }
    }

    #[test]
    fn one_task_needs_one_thread() {
        assert_eq!(sum_below(3, 8), (3, 1));
        run(&mut [0; 8], Vec::<u8>::new(), &Cancel::default(), |_, _, _| Ok(())).expect("nothing is to be done");
    }

    #[test]
    fn tasks_that_wait_for_each_other_run_beside_each_other() {
        let barrier = std::sync::Barrier::new(4);
        let meet = |_: u8, _: &mut (), queue: &Queue<u8>| {
            if queue.lock().waiting.is_empty() && queue.lock().working == 1 {
                queue.push_all([1, 2, 3]);
            }
            barrier.wait();
            Ok(())
        };
        run(&mut [(); 4], vec![0], &Cancel::default(), meet).expect("it cannot fail");
    }

    #[test]
    fn the_first_failure_ends_it() {
        let fail = |task: u32, done: &mut u32, _: &Queue<u32>| {
            *done += 1;
            if task == 5 { Err(Halt::new(Reason::System, "five")) } else { Ok(()) }
        };
        let mut done = [0];
        let halt = run(&mut done, (0..10).collect(), &Cancel::default(), fail).expect_err("it fails");
        assert!(matches!(halt, Halt::Failed(failure) if failure.message == "five"));
        assert_eq!(done, [5]);
    }
}
