//! A pool of threads over one stack of tasks, which may push more tasks.
//!
//! The stack is last in, first out, so that a walk goes deep before it goes wide and keeps few directories waiting. The first
//! telling failure ends all threads. It knows nothing of what the tasks are.

use std::sync::{Condvar, Mutex, MutexGuard};

use super::fail::{Halt, Result};
use super::progress::Cancel;

/// The tasks that wait.
#[derive(Debug)]
pub struct Queue<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
}

#[derive(Debug)]
struct State<T> {
    waiting: Vec<T>,
    working: usize,
    halt: Option<Halt>,
}

impl<T> Queue<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().expect("no thread panics while it holds this lock")
    }

    /// Adds a task.
    pub fn push(&self, task: T) {
        self.lock().waiting.push(task);
        self.changed.notify_one();
    }

    /// Adds tasks; the last of them is done first.
    pub fn push_all(&self, tasks: impl IntoIterator<Item = T>) {
        self.lock().waiting.extend(tasks);
        self.changed.notify_all();
    }

    /// Takes a task; none when all is done or has failed.
    fn take(&self) -> Option<T> {
        let mut state = self.lock();
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
            state = self.changed.wait(state).expect("no thread panics while it holds this lock");
        }
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
        if state.halt.is_some() || (state.working == 0 && state.waiting.is_empty()) {
            self.changed.notify_all();
        }
    }
}

/// Carries out tasks until none is left, on one thread for each context.
pub fn run<T: Send, C: Send>(
    contexts: &mut [C],
    tasks: Vec<T>,
    cancel: &Cancel,
    work: impl Fn(T, &mut C, &Queue<T>) -> Result<()> + Sync,
) -> Result<()> {
    let queue = Queue { state: Mutex::new(State { waiting: tasks, working: 0, halt: None }), changed: Condvar::new() };
    std::thread::scope(|scope| {
        for context in contexts {
            scope.spawn(|| {
                while let Some(task) = queue.take() {
                    queue.settle(cancel.check().and_then(|()| work(task, context, &queue)));
                }
            });
        }
    });
    match queue.state.into_inner().expect("all threads have ended").halt {
        Some(halt) => Err(halt),
        None => Ok(()),
    }
}

/// Returns how many threads an end uses.
#[must_use]
pub fn threads() -> usize {
    let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    (2 * cores).clamp(4, 16)
}
