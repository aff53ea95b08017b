//! Movers as the real program: a process each, on the folders of a simulated cluster, with orders in a file and its words in another.
//!
//! Slower than movers in memory, so only for what those do not have: a key, a socket, a log. Simulated time stands still while the
//! kubelet waits for what a program answers, so a run is the same run with either.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use kubectl_stateful::contract::orders::{Orders, Report};

/// How long a program may take to answer, in real time: a bound for a test that would else hang.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// A mover's process.
pub(super) struct Program {
    folder: tempfile::TempDir,
    child: Child,
    /// Where it says things; shared with it, so that who writes to this writes where it goes on.
    words: File,
}

impl Program {
    /// Starts a mover that has its volumes beneath these folders; one that has no source, or no target, never looks there.
    pub(super) fn start(source: Option<PathBuf>, target: Option<PathBuf>) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        let words = File::create(path("words")).expect("a file");
        let child = Command::new(env!("CARGO_BIN_EXE_stateful-mover"))
            .arg("agent")
            .arg("--orders")
            .arg(path("orders"))
            .arg("--state")
            .arg(path("state"))
            .arg("--source-root")
            .arg(source.unwrap_or_else(|| path("none")))
            .arg("--target-root")
            .arg(target.unwrap_or_else(|| path("none")))
            .stdout(words.try_clone().expect("a file"))
            .stderr(words.try_clone().expect("a file"))
            .spawn()
            .expect("the mover starts");
        Self { folder, child, words }
    }

    /// Everything it said, on both streams.
    pub(super) fn words(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("words")).expect("it is ours")
    }

    /// Says something in its place.
    pub(super) fn slip(&self, line: &str) {
        writeln!(&self.words, "{line}").expect("it is ours");
    }

    fn last_report(&self) -> Option<Report> {
        self.words().lines().rev().find_map(|line| serde_json::from_str(line).ok())
    }

    /// Waits until it has said something like this.
    pub(super) fn report(&self, is_it: impl Fn(&Report) -> bool) -> Report {
        let since = Instant::now();
        loop {
            match self.last_report() {
                Some(report) if is_it(&report) => return report,
                other => assert!(since.elapsed() < PATIENCE, "the mover says {other:?}"),
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// Gives it orders.
    pub(super) fn order(&self, orders: &Orders) {
        let text = serde_json::to_string(orders).expect("orders have only string keys");
        std::fs::write(self.folder.path().join("orders"), text).expect("it is ours");
    }

    /// All of its memory that it can write to, a stretch at a time: whatever it keeps secret is in there.
    pub(super) fn memory(&self) -> Vec<Vec<u8>> {
        let process = PathBuf::from(format!("/proc/{}", self.child.id()));
        let memory = File::open(process.join("mem")).expect("a child's memory can be read");
        let maps = std::fs::read_to_string(process.join("maps")).expect("a child's maps can be read");
        maps.lines().filter(|line| line.contains(" rw")).filter_map(stretch).filter_map(|stretch| read(&memory, stretch)).collect()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// From where to where a line of `/proc/PID/maps` goes.
fn stretch(line: &str) -> Option<(u64, u64)> {
    let (from, to) = line.split(' ').next()?.split_once('-')?;
    Some((u64::from_str_radix(from, 16).ok()?, u64::from_str_radix(to, 16).ok()?))
}

/// None where the system does not let anybody read, such as its own pages.
fn read(memory: &File, (from, to): (u64, u64)) -> Option<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(to - from).ok()?];
    memory.read_exact_at(&mut bytes, from).ok()?;
    Some(bytes)
}
