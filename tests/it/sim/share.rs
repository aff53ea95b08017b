//! Which tries of a sweep this run makes: all of them, or one of equal shares that together are the whole.
//!
//! A sweep grows with each scenario, and what everybody runs many times a day must not. The clock chooses the share, so that each share has
//! its turn without a record of what was tried. It does not draw lots: of a few runs some would draw the same. And it does not know what a
//! try is: it goes by numbers.

use std::ffi::OsStr;
use std::sync::OnceLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::sweep::say;

/// Says which share is to be made: `all`, or `2/5` for the second of five.
const CHOICE: &str = "STATEFUL_SWEEP";

/// An ordinary run makes one of so many. It divides the turns neither of half an hour nor of an hour, a day or a week: runs so far from each
/// other make all shares, one after the other. (Those every 50 minutes would not.)
const SHARES: usize = 5;

/// For how long it is a share's turn: less than a run of all tests takes, so that the next run makes another one.
const TURN: Duration = Duration::from_secs(10 * 60);

/// A part of each sweep's tries.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Share {
    /// The first is 1.
    number: usize,
    of: usize,
}

impl Share {
    /// The same for all sweeps of a process; said once, whether or not they pass.
    pub(super) fn of_this_run() -> Self {
        static CHOSEN: OnceLock<(usize, usize)> = OnceLock::new();
        let (number, of) = *CHOSEN.get_or_init(|| {
            let share = std::env::var_os(CHOICE).map_or_else(|| Self::at(now()), |choice| Self::chosen(&choice));
            say(&share.words());
            (share.number, share.of)
        });
        Self { number, of }
    }

    /// Whose turn it is so long after the epoch.
    fn at(now: Duration) -> Self {
        Self { number: (now.as_secs() / TURN.as_secs()) as usize % SHARES + 1, of: SHARES }
    }

    fn chosen(choice: &OsStr) -> Self {
        let words = choice.to_str().expect("it is text");
        let (number, of) = if words == "all" { ("1", "1") } else { words.split_once('/').unwrap_or_default() };
        let share = number.parse().ok().zip(of.parse().ok()).map(|(number, of)| Self { number, of });
        let share = share.filter(|share| (1..=share.of).contains(&share.number));
        share.unwrap_or_else(|| panic!("{CHOICE} is `all`, or a share such as `2/{SHARES}`, not `{words}`"))
    }

    /// All shares of a whole.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        (1..=SHARES).map(|number| Self { number, of: SHARES })
    }

    pub(super) fn is_whole(&self) -> bool {
        self.of == 1
    }

    /// Its number, and how many shares its whole has.
    pub(super) fn place(&self) -> (usize, usize) {
        (self.number, self.of)
    }

    /// What at least is to be found in it of what is found so often in the whole.
    pub(super) fn part_of(&self, count: usize) -> usize {
        count / self.of
    }

    /// Whether the try of this number is in it.
    pub(super) fn takes(&self, number: usize) -> bool {
        number % self.of == self.number - 1
    }

    /// Its part of trying each thing in each way. It goes down the diagonals: no share has only the first way, or only the first of so many
    /// things.
    pub(super) fn of_each<T: Copy, W: Copy>(&self, things: &[T], ways: &[W]) -> Vec<(T, W)> {
        let each =
            things.iter().enumerate().flat_map(|(row, thing)| ways.iter().enumerate().map(move |(at, way)| (row + at, (*thing, *way))));
        each.filter(|(number, _)| self.takes(*number)).map(|(_, pair)| pair).collect()
    }

    fn words(&self) -> String {
        if self.is_whole() {
            return "sweeps: all tries".to_owned();
        }
        format!(
            "sweeps: share {} of {}; {CHOICE}={}/{} makes the same tries again, {CHOICE}=all makes all",
            self.number, self.of, self.number, self.of
        )
    }
}

/// A test that fails says which share it made.
impl Drop for Share {
    #[expect(clippy::print_stdout, reason = "the harness shows it with the test's failure")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("{}", self.words());
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "only which tries are made depends on it, and that is said")]
fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is set")
}

#[test]
fn shares_have_nothing_in_common_and_are_the_whole_together() {
    let (calls, ways): (Vec<usize>, Vec<char>) = ((0..83).collect(), ('a'..='n').collect());
    for ways in [&ways[..], &ways[..5], &ways[..1]] {
        let mut dealt: Vec<(usize, char)> = Share::all().flat_map(|share| share.of_each(&calls, ways)).collect();
        dealt.sort_unstable();
        let whole: Vec<(usize, char)> = calls.iter().flat_map(|call| ways.iter().map(|way| (*call, *way))).collect();
        assert!(dealt == whole, "{} ways", ways.len());
        assert!(Share::chosen("all".as_ref()).of_each(&calls, ways) == whole, "{} ways", ways.len());
    }
}

/// Each run comes later than the one before by the same time: an hour, a day and so on.
#[test]
fn runs_at_regular_times_come_to_every_share() {
    const HOUR: u64 = 3600;
    for every_secs in [600, 1200, HOUR / 2, 2400, HOUR, 6 * HOUR, 8 * HOUR, 12 * HOUR, 24 * HOUR, 7 * 24 * HOUR] {
        let runs = (0..SHARES as u64).map(|run| Duration::from_secs(1_800_000_123 + run * every_secs));
        let mut numbers: Vec<usize> = runs.map(|at| Share::at(at).number).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, (1..=SHARES).collect::<Vec<_>>(), "every {every_secs} s");
    }
}

#[test]
fn a_share_is_made_again_by_what_is_said_of_it() {
    for share in Share::all() {
        let words = share.words();
        let choice = words.split_once(&format!("{CHOICE}=")).and_then(|(_, after)| after.split_once(' ')).expect("it says so").0;
        assert_eq!(Share::chosen(choice.as_ref()), share);
    }
    for wrong in ["", "0/5", "6/5", "2", "one", "-1/5", "1/0"] {
        let chosen = std::panic::catch_unwind(|| Share::chosen(wrong.as_ref()));
        assert!(chosen.is_err(), "{wrong}: {chosen:?}");
    }
}
