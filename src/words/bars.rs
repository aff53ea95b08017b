//! How far a run is, on a terminal: bars for copies, lines for the rest.

use std::collections::BTreeMap;
use std::sync::Mutex;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::escaped::words;
use super::progress::line;
use crate::contract::orders::VolumeReport;
use crate::engine::{Listener, Notice};

/// Bars for copies, lines for the rest.
pub(super) struct Bars {
    bars: MultiProgress,
    by_volume: Mutex<BTreeMap<String, ProgressBar>>,
    waiting: ProgressBar,
}

impl Default for Bars {
    fn default() -> Self {
        let bars = MultiProgress::new();
        let waiting = bars.add(ProgressBar::new_spinner());
        waiting.set_style(ProgressStyle::with_template("  {spinner} {msg}").expect("the template is fixed"));
        Self { bars, by_volume: Mutex::default(), waiting }
    }
}

impl Bars {
    fn progress(&self, step: &str, volumes: &[VolumeReport]) {
        let mut bars = self.by_volume.lock().expect("no code panics while holding this lock");
        for volume in volumes {
            let bar = bars.entry(format!("{step} {}", volume.name)).or_insert_with(|| {
                let bar = self.bars.insert_before(&self.waiting, ProgressBar::new(volume.bytes));
                let template = "  {prefix} {bar:24} {bytes}/{total_bytes} {bytes_per_sec} {eta} left {msg}";
                bar.set_style(ProgressStyle::with_template(template).expect("the template is fixed"));
                bar.set_prefix(words!("{}", volume.name).as_str().to_owned());
                bar
            });
            bar.set_length(volume.bytes);
            bar.set_position(volume.bytes_done);
            bar.set_message(format!("{:?}", volume.phase).to_lowercase());
        }
    }

    fn clear(&self, step: &str) {
        let mut bars = self.by_volume.lock().expect("no code panics while holding this lock");
        for (_, bar) in bars.iter().filter(|(name, _)| name.starts_with(step)) {
            bar.finish_and_clear();
        }
        bars.retain(|name, _| !name.starts_with(step));
        self.waiting.set_message("");
    }
}

impl Listener for Bars {
    fn tell(&self, notice: &Notice) {
        match notice {
            Notice::Waiting { step, progress } => {
                self.waiting.set_message(words!("waiting for {}", progress.waiting_for).as_str().to_owned());
                self.waiting.tick();
                self.progress(&step.0, &progress.volumes);
            }
            Notice::Settled { step, .. } => self.clear(&step.0),
            _ => {}
        }
        if let Some(line) = line(notice) {
            drop(self.bars.println(line.as_str()));
        }
    }
}

impl Drop for Bars {
    fn drop(&mut self) {
        drop(self.bars.clear());
        drop(console::Term::stderr().show_cursor());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::StepId;
    use crate::steps;

    const NASTY: &str = "\u{1b}]0;owned\u{7}\u{9b}2J\n[9/9] x\u{202e}";
    const SPELLED: &str = "\\x1b]0;owned\\x07\\u{9b}2J\\n[9/9] x\\u{202e}";

    #[test]
    fn bars_name_volumes_and_what_is_waited_for_spelled_out() {
        let terminal = Bars::default();
        let volumes = vec![VolumeReport { name: NASTY.to_owned(), ..VolumeReport::default() }];
        let progress = steps::Progress { waiting_for: NASTY.to_owned(), volumes, ..steps::Progress::default() };
        terminal.tell(&Notice::Waiting { step: StepId("s".to_owned()), progress });
        assert_eq!(terminal.waiting.message(), format!("waiting for {SPELLED}"));
        let bars = terminal.by_volume.lock().expect("no code panics while holding this lock");
        assert_eq!(bars.values().map(ProgressBar::prefix).collect::<Vec<_>>(), [SPELLED]);
    }
}
