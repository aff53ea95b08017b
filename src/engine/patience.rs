//! How long one step is waited for. It has a deadline. The API may be gone for so long, and a change may be refused so long for a reason that
//! passes. Those who work on the step may say nothing new for so long. It counts time and nothing else: what follows is [`super::drive`]'s.

use std::time::Duration;

use tokio::time::Instant;

use crate::steps::Progress;

/// Longer than this no step is waited for, however long a plan says: ten years, far from what a clock can count.
const DEADLINE_SECS_MAX: u64 = 10 * 366 * 24 * 3600;

/// How long a change may be refused for a reason that passes, while looks are answered (an admission webhook that is down, say): then the
/// run goes back, if it can.
pub(super) const REFUSED_MAX: Duration = Duration::from_secs(120);

/// The patience with one step.
#[derive(Debug)]
pub(super) struct Patience {
    deadline: Instant,
    /// Since when no look is answered.
    silent_since: Option<Instant>,
    /// Since when no change is taken.
    refused_since: Option<Instant>,
    /// What was heard last of how far copies are, and when.
    heard: Option<(Progress, Instant)>,
}

impl Patience {
    pub(super) fn new(deadline_secs: u64) -> Self {
        let deadline = Instant::now() + Duration::from_secs(deadline_secs.min(DEADLINE_SECS_MAX));
        Self { deadline, silent_since: None, refused_since: None, heard: None }
    }

    /// How long the deadline is off; none when it is over. It stands still while looks are not answered and changes not taken.
    pub(super) fn left(&self) -> Option<Duration> {
        let stopped = self.silent_since.into_iter().chain(self.refused_since).min();
        let now = stopped.unwrap_or_else(Instant::now);
        (now < self.deadline).then(|| self.deadline - now)
    }

    /// Puts the deadline off by the time since then.
    pub(super) fn put_off(&mut self, since: Instant) {
        self.deadline += since.elapsed();
    }

    /// A look was answered. What was waited for could not be seen while none was, nor, perhaps, go on.
    pub(super) fn is_answered(&mut self) {
        if let Some(since) = self.silent_since.take() {
            self.put_off(since);
            self.heard = None;
            self.refused_since = None;
        }
    }

    /// A change was taken.
    pub(super) fn is_taken(&mut self) {
        if let Some(since) = self.refused_since.take() {
            self.put_off(since);
        }
    }

    /// A look was not answered; whether that is so for longer than it may be.
    pub(super) fn is_silent(&mut self, longest: Duration) -> bool {
        self.silent_since.get_or_insert_with(Instant::now).elapsed() > longest
    }

    /// A change was not taken; whether that is so for longer than it may be.
    pub(super) fn is_refused(&mut self, longest: Duration) -> bool {
        self.refused_since.get_or_insert_with(Instant::now).elapsed() > longest
    }

    /// Listens to how far those are who work on the step. Returns how long nothing new was heard, when that is as long as it may be.
    pub(super) fn heard_nothing(&mut self, progress: &Progress) -> Option<Duration> {
        let Some(longest) = progress.lost_after else {
            self.heard = None;
            return None;
        };
        match &self.heard {
            Some((heard, at)) if progress.volumes.is_empty() || heard.volumes == progress.volumes => {
                (at.elapsed() > longest).then_some(longest)
            }
            _ => {
                self.heard = Some((progress.clone(), Instant::now()));
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn a_plan_may_give_a_step_any_time() {
        assert_eq!(Patience::new(60).left(), Some(60 * SECOND));
        assert!(Patience::new(u64::MAX).left() > Patience::new(DEADLINE_SECS_MAX - 1).left());
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_stands_still_while_the_api_is_gone_and_while_it_refuses() {
        let mut patience = Patience::new(60);
        tokio::time::sleep(10 * SECOND).await;
        assert!(!patience.is_silent(600 * SECOND));
        tokio::time::sleep(300 * SECOND).await;
        assert_eq!(patience.left(), Some(50 * SECOND));
        assert!(!patience.is_silent(600 * SECOND) && patience.is_silent(299 * SECOND));
        patience.is_answered();
        assert_eq!(patience.left(), Some(50 * SECOND));
        assert!(!patience.is_refused(REFUSED_MAX));
        tokio::time::sleep(100 * SECOND).await;
        assert_eq!(patience.left(), Some(50 * SECOND));
        patience.is_taken();
        tokio::time::sleep(50 * SECOND).await;
        assert_eq!(patience.left(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn changes_that_are_refused_in_between_looks_that_are_answered_have_an_end() {
        let mut patience = Patience::new(3600);
        let mut refused = 0;
        while !patience.is_refused(REFUSED_MAX) {
            refused += 1;
            tokio::time::sleep(SECOND).await;
            patience.is_answered();
        }
        assert_eq!(refused, 121);
    }
}
