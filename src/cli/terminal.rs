//! The terminal as the caller of a command: shows, asks, hears signals, and has the clock.

use std::cell::OnceCell;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::watch;

use super::fresh;
use super::signals::Signals;
use crate::engine::Listener;
use crate::operate::caller::{Caller, Proposal, Remark};
use crate::operate::exit::ExitClass;
use crate::operate::failure::CommandError;
use crate::operate::report::RunReport;
use crate::plan::RunId;
use crate::words;

/// A terminal, or what is there instead of one.
pub(super) struct Terminal {
    /// Do not ask.
    yes: bool,
    /// Events are printed as JSON lines.
    json_lines: bool,
    listener: OnceCell<Box<dyn Listener>>,
    /// The work that was attended last was told to end by the system.
    was_terminated: AtomicBool,
}

impl Terminal {
    /// Asks, unless `yes` was said already.
    pub(super) fn asking(yes: bool) -> Self {
        Self { yes, json_lines: false, listener: OnceCell::new(), was_terminated: AtomicBool::new(false) }
    }

    /// The same, where events may be wanted as JSON lines. Their first line is printed at once.
    pub(super) fn with_events(yes: bool, json_lines: bool) -> Self {
        let terminal = Self { json_lines, ..Self::asking(yes) };
        terminal.listener();
        terminal
    }
}

impl Caller for Terminal {
    fn confirm(&self, proposal: &Proposal<'_>) -> Result<(), CommandError> {
        words::say(&words::proposal_text(proposal));
        words::confirm(self.yes)
    }

    fn tell(&self, remark: &Remark<'_>) {
        words::remark(remark);
    }

    fn ended(&self, report: &RunReport<'_>) {
        words::ended(self.listener(), report);
    }

    fn listener(&self) -> &dyn Listener {
        self.listener.get_or_init(|| words::listener(self.json_lines)).as_ref()
    }

    async fn attend<T>(&self, work: impl AsyncFnOnce(watch::Receiver<u32>) -> T) -> Result<T, CommandError> {
        let signals = Signals::new();
        let done = signals.during(work(signals.count.clone())).await;
        self.was_terminated.store(signals.has_terminated(), Ordering::SeqCst);
        done
    }

    fn interrupted(&self) -> ExitClass {
        if self.was_terminated.load(Ordering::SeqCst) { ExitClass::Terminated } else { ExitClass::Interrupted }
    }

    fn fresh_name(&self) -> RunId {
        fresh::run_id()
    }

    fn now(&self) -> String {
        fresh::now()
    }
}
