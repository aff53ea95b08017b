//! Writes that size and modification time do not show, with `rsync -a` beside them, which goes by these.
//!
//! Writes through memory maps take code that this package forbids itself: `mapped.c` makes them. `tests/bench/hazards` makes
//! many more trials, on a file system of its own.

use std::fs::{File, FileTimes};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use kubectl_stateful::contract::orders::VolumeMode;

use crate::dice::Dice;
use crate::ends::Ends;
use crate::trees;

const TRIALS: u64 = 300;

/// A page that is different for each number.
fn page(number: u64) -> Vec<u8> {
    number.to_le_bytes().repeat(625)
}

/// Overwrites a file in place with as many other bytes, and puts its modification time back.
fn write_unseen(path: &Path, bytes: &[u8], at: SystemTime) {
    std::fs::write(path, bytes).expect("a write");
    File::options().write(true).open(path).and_then(|file| file.set_times(FileTimes::new().set_modified(at))).expect("its time");
}

fn modified(path: &Path) -> SystemTime {
    std::fs::metadata(path).and_then(|meta| meta.modified()).expect("a time")
}

/// Every file of a warm copy is written again with the size and modification time it had: a tool that goes by these skips them all.
#[test]
fn what_size_and_time_do_not_show_is_copied_all_the_same() {
    for over_tls in [false, true] {
        let mut ends = Ends::new(VolumeMode::Filesystem);
        let names: Vec<String> = (0..TRIALS).map(|index| format!("file-{index}")).collect();
        for (name, seed) in names.iter().zip(0..) {
            std::fs::write(ends.source().join(name), page(seed)).expect("a file");
        }
        ends.pass(false).expect("a warm pass");
        for (name, seed) in names.iter().zip(TRIALS..) {
            let (source, target) = (ends.source().join(name), ends.target().join(name));
            write_unseen(&source, &page(seed), modified(&source));
            let same = |path: &Path| (std::fs::metadata(path).expect("it is there").len(), modified(path));
            assert_eq!(same(&source), same(&target), "size and time would say that nothing changed");
        }
        let report = if over_tls { ends.pass_over_tls(true) } else { ends.pass(true) }.expect("the last pass");
        assert_eq!(report.entries_changed, TRIALS);
        trees::assert_same(&ends.source(), &ends.target());
    }
}

/// Somebody changes the target behind the mover's back, stamps and all: the proof reads, and does not believe.
#[test]
fn a_byte_flipped_on_the_target_is_never_proven() {
    for restarts in [false, true] {
        let mut ends = Ends::new(VolumeMode::Filesystem);
        std::fs::write(ends.source().join("page"), trees::noise(1, 8192)).expect("a file");
        ends.pass(false).expect("a warm pass");
        let path = ends.target().join("page");
        let mut bytes = std::fs::read(&path).expect("the copy");
        bytes[4711] ^= 1;
        write_unseen(&path, &bytes, modified(&path));
        if restarts {
            ends.restart_target();
        }
        match ends.pass(true) {
            Ok(_) => trees::assert_same(&ends.source(), &ends.target()),
            Err(halt) => assert!(format!("{halt:?}").contains("page"), "{halt:?}"),
        }
    }
}

/// An app that writes through memory maps.
struct Mapped {
    child: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Mapped {
    fn start(folder: &Path) -> Mapped {
        let program = folder.join("mapped");
        let code = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mover/mapped.c");
        let made =
            Command::new("cc").arg("-O1").arg("-o").args([&program, &code]).status().expect("a C compiler, which the build needs too");
        assert!(made.success());
        let mut child = Command::new(&program).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it starts");
        let orders = child.stdin.take().expect("piped");
        let answers = BufReader::new(child.stdout.take().expect("piped"));
        Mapped { child, orders, answers }
    }

    fn tell(&mut self, order: &str) {
        writeln!(self.orders, "{order}").expect("it listens");
        let mut answer = String::new();
        self.answers.read_line(&mut answer).expect("it answers");
        assert_eq!(answer, ".\n");
    }

    fn write(&mut self, path: &Path, offset: u64, byte: u8) {
        self.tell(&format!("{} {offset} {byte}", path.display()));
    }

    fn forget_all(&mut self) {
        self.tell("");
    }
}

impl Drop for Mapped {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = (self.child.kill(), self.child.wait());
    }
}

/// What the app does with a file around a warm pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Habit {
    /// Writes to a mapped page before the pass and, while it is dirty, after it.
    Mapped,
    /// Writes to a mapped page all the time.
    MappedThroughout,
    /// Overwrites in place all the time.
    InPlaceThroughout,
    /// Overwrites in place before and after, in one second if it can be.
    SameSecond,
    /// Overwrites in place after, and puts the time back.
    TimePutBack,
    /// Puts another file in its place, with the same size and time.
    Replaced,
    /// Leaves it alone.
    Idle,
}

const HABITS: [Habit; 7] =
    [Habit::Mapped, Habit::MappedThroughout, Habit::InPlaceThroughout, Habit::SameSecond, Habit::TimePutBack, Habit::Replaced, Habit::Idle];

struct Victim {
    path: PathBuf,
    habit: Habit,
    /// Where it is written to.
    offset: u64,
}

const FILES: u8 = 60;

/// Writes a file to the disk, and has the kernel drop it from memory.
fn forget(path: &Path) {
    let file = File::open(path).expect("a file");
    file.sync_all().expect("written");
    rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed).expect("a file system with a cache");
}

/// Files of several segments, of which the even ones are not in memory until the app touches a part of them.
const LARGE_FILES: u8 = 4;

/// Makes the files of a round: of a page, of several blocks, and a few of several segments.
fn victims(source: &Path, dice: &mut Dice) -> Vec<Victim> {
    (0..FILES)
        .map(|number| {
            let path = source.join(format!("file-{number}"));
            let bytes = if number < LARGE_FILES { 9 << 20 } else { 4096 + dice.below(40) * 4096 };
            std::fs::write(&path, trees::noise(number, usize::try_from(bytes).expect("it is small"))).expect("a file");
            if number < LARGE_FILES && number.is_multiple_of(2) {
                forget(&path);
            }
            Victim { path, habit: HABITS[dice.index(HABITS.len())], offset: dice.below(bytes / 64) * 64 }
        })
        .collect()
}

/// Waits until what was written is older than what the mover counts as hot.
fn let_stamps_grow_old() {
    let probe = tempfile::NamedTempFile::new().expect("a file");
    let first = modified(probe.path());
    while modified(probe.path()).duration_since(first).is_ok_and(|age| age < Duration::from_millis(50)) {
        std::fs::write(probe.path(), "now").expect("a write");
    }
}

/// One round of an app's life around a warm and a last pass; `pass` is told whether it is the last.
fn live(victims: &[Victim], mapped: &mut Mapped, dice: &mut Dice, mut pass: impl FnMut(bool)) {
    let in_place = |victim: &Victim, byte: u8| {
        File::options().write(true).open(&victim.path).and_then(|file| file.write_all_at(&[byte; 64], victim.offset)).expect("a write");
    };
    for victim in victims {
        match victim.habit {
            Habit::Mapped | Habit::MappedThroughout => mapped.write(&victim.path, victim.offset, 1),
            Habit::SameSecond | Habit::InPlaceThroughout => in_place(victim, 1),
            Habit::TimePutBack | Habit::Replaced | Habit::Idle => {}
        }
    }
    if dice.below(2) == 0 {
        let_stamps_grow_old();
    }
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let busy: Vec<&Victim> =
                victims.iter().filter(|one| matches!(one.habit, Habit::MappedThroughout | Habit::InPlaceThroughout)).collect();
            while !is_over.load(Ordering::Relaxed) && !busy.is_empty() {
                let victim = busy[dice.index(busy.len())];
                let byte = dice.next() as u8;
                match victim.habit {
                    Habit::MappedThroughout => mapped.write(&victim.path, victim.offset, byte),
                    _ => in_place(victim, byte),
                }
            }
        });
        pass(false);
        is_over.store(true, Ordering::Relaxed);
    });
    for victim in victims {
        match victim.habit {
            Habit::Mapped | Habit::MappedThroughout => mapped.write(&victim.path, victim.offset, 2),
            Habit::SameSecond | Habit::InPlaceThroughout => in_place(victim, 2),
            Habit::TimePutBack => {
                let at = modified(&victim.path);
                in_place(victim, 2);
                File::open(&victim.path).and_then(|file| file.set_modified(at)).expect("its time");
            }
            Habit::Replaced => {
                let at = modified(&victim.path);
                let mut bytes = std::fs::read(&victim.path).expect("a file");
                let offset = usize::try_from(victim.offset).expect("it is small");
                bytes[offset..offset + 64].fill(2);
                let beside = victim.path.with_extension("beside");
                write_unseen(&beside, &bytes, at);
                std::fs::rename(&beside, &victim.path).expect("a rename");
            }
            Habit::Idle => {}
        }
    }
    mapped.forget_all();
    pass(true);
}

/// Returns how many files are not the same.
fn wrong(victims: &[Victim], target: &Path) -> u64 {
    let is_wrong = |victim: &&Victim| {
        let name = victim.path.file_name().expect("a name");
        std::fs::read(&victim.path).expect("a file") != std::fs::read(target.join(name)).expect("a copy")
    };
    victims.iter().filter(is_wrong).count() as u64
}

/// As it is, and with times compared to the nanosecond instead of the second.
const RSYNCS: [&[&str]; 2] = [&["-a", "--delete"], &["-a", "--delete", "--modify-window=-1"]];

fn rsync(flags: &[&str], source: &Path, target: &Path) {
    let source = format!("{}/", source.display());
    let done = Command::new("rsync").args(flags).arg(&source).arg(target).status().expect("it was there just now");
    // 24: files vanished or changed under it.
    assert!(matches!(done.code(), Some(0 | 24)), "{done:?}");
}

/// A round with rsync: returns how many files it got wrong.
fn wrong_by_rsync(flags: &[&str], mapped: &mut Mapped, seed: u64) -> u64 {
    let ends = Ends::new(VolumeMode::Filesystem);
    let mut dice = Dice::new(seed);
    let victims = victims(&ends.source(), &mut dice);
    rsync(flags, &ends.source(), &ends.target());
    live(&victims, mapped, &mut dice, |_| rsync(flags, &ends.source(), &ends.target()));
    wrong(&victims, &ends.target())
}

/// A round with the mover.
fn wrong_by_us(mapped: &mut Mapped, seed: u64, mut ends: Ends) -> u64 {
    let mut dice = Dice::new(seed);
    let victims = victims(&ends.source(), &mut dice);
    ends.pass(false).expect("a first pass");
    let (source, target) = (ends.source(), ends.target());
    live(&victims, mapped, &mut dice, |is_last| drop(ends.pass(is_last).expect("a pass")));
    trees::assert_same(&source, &target);
    wrong(&victims, &target)
}

/// How many rounds to make: few, or as many as the long trial asks for.
#[expect(clippy::disallowed_methods, reason = "the long trial is this test with another number")]
fn rounds() -> u64 {
    std::env::var("STATEFUL_HAZARD_ROUNDS").map_or(2, |rounds| rounds.parse().expect("a number"))
}

#[test]
#[expect(clippy::print_stdout, reason = "the long trial is about the numbers")]
fn writes_that_stamps_do_not_show_are_copied_and_rsync_misses_some() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut mapped = Mapped::start(folder.path());
    let has_rsync = Command::new("rsync").arg("--version").stdout(Stdio::null()).status().is_ok();
    let (mut ours, mut theirs) = (0, [0; 2]);
    for seed in 0..rounds() {
        if has_rsync {
            // Before the mover's round, whose sync would have the pages stamped again.
            for (wrong, flags) in theirs.iter_mut().zip(RSYNCS) {
                *wrong += wrong_by_rsync(flags, &mut mapped, seed);
            }
        }
        ours += wrong_by_us(&mut mapped, seed, Ends::new(VolumeMode::Filesystem));
    }
    let trials = rounds() * u64::from(FILES);
    let [by_second, by_nanosecond] = theirs;
    match has_rsync {
        true => println!("of {trials} files wrong: mover {ours}, rsync -a {by_second}, rsync -a --modify-window=-1 {by_nanosecond}"),
        false => println!("of {trials} files wrong: mover {ours}\nnot tried: rsync is not installed"),
    }
    assert_eq!(ours, 0);
    assert!(by_second > 0 || !has_rsync, "if rsync gets it right too, these trials show nothing");
}

/// A file system in memory writes nothing back, so that a mapped page is stamped once and never again.
#[test]
#[expect(clippy::print_stderr, reason = "a test that tries nothing has to say so")]
fn a_file_system_in_memory_is_not_believed() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut mapped = Mapped::start(folder.path());
    for seed in 0..3 {
        let Ok(memory) = tempfile::tempdir_in("/dev/shm") else {
            eprintln!("not tried: there is no folder in memory here");
            return;
        };
        assert_eq!(wrong_by_us(&mut mapped, seed, Ends::within(memory, VolumeMode::Filesystem)), 0);
    }
}
