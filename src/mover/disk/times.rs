//! What times the target's file system can keep: how fine they are, and in what years they lie.
//!
//! It is tried out at the root of the volume before the first pass, since file systems do not tell. ext4 with inodes of 128 bytes keeps whole
//! seconds up to 2038 (`mke2fs` made volumes under 512 MiB so until 1.46.4). XFS without `bigtime` ends then too. Servers of NFS and SMB have
//! grains of their own.
//! A time that cannot be kept fails the change that has it. Times that a source has only as coarse are no matter.

use std::os::fd::BorrowedFd;

use rustix::fs::{Timespec, Timestamps};

use super::metadata::Metadata;
use super::stat::{self, Time};
use crate::contract::orders::Reason;
use crate::mover::ground::fail::{Halt, Result};
use crate::mover::ground::path;

/// What times a file system keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Times {
    /// Times are multiples of this many nanoseconds.
    grain_nanos: u64,
    /// The last second that it knows.
    last: i64,
    /// Whether it is of the ext family.
    is_ext: bool,
}

/// A time in which every digit counts, and an odd second.
const FINE: Time = Time { seconds: 1_700_000_001, nanos: 123_456_789 };
/// In the year 2100, beyond what 32 bits of any kind hold from 1970 or 1901.
const LATE: Time = Time { seconds: 4_102_444_800, nanos: 0 };
const GRAINS: [u64; 9] = [1, 10, 100, 1_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000, 2_000_000_000];
const SECOND: u64 = 1_000_000_000;
const EXT: u64 = 0xef53;

impl Times {
    const ANY: Times = Times { grain_nanos: 1, last: i64::MAX, is_ext: false };

    /// Tries it out at this folder, whose own time is put back. Where we may not set its time, nothing is known, and the proof is what finds out.
    pub(crate) fn of(root: BorrowedFd<'_>) -> Times {
        let Ok(before) = stat::see(root).map(|seen| seen.stamp.mtime) else { return Times::ANY };
        let found = kept(root, FINE).and_then(|fine| Ok((fine, kept(root, LATE)?)));
        // If this failed, the pass would find the folder with another time than it should have, and set that.
        let _ = set(root, before);
        let Ok((fine, late)) = found else { return Times::ANY };
        let is_ext = rustix::fs::fstatfs(root).is_ok_and(|statfs| statfs.f_type as u64 & 0xffff_ffff == EXT);
        Times { grain_nanos: grain(fine), last: if late == LATE { i64::MAX } else { late.seconds }, is_ext }
    }

    /// Fails where an entry has a time that would not be kept.
    pub(crate) fn check(&self, metadata: &Metadata, path: &[u8]) -> Result<()> {
        let Time { seconds, nanos } = metadata.mtime;
        let is_fine = is_multiple(metadata.mtime, self.grain_nanos);
        if is_fine && seconds <= self.last {
            return Ok(());
        }
        let keeps = if is_fine { format!("no time after second {}", self.last) } else { grain_text(self.grain_nanos) };
        let hint = if self.is_ext { "`--size 512Mi` or more makes larger inodes; or choose another class" } else { "choose another class" };
        let time = format!("`{}` has {seconds}.{nanos:09}", path::shown(path));
        Err(Halt::new(Reason::CannotKeep, format!("the target's file system keeps {keeps}, and {time}: {hint}")))
    }
}

fn kept(root: BorrowedFd<'_>, time: Time) -> rustix::io::Result<Time> {
    set(root, time)?;
    stat::see(root).map(|seen| seen.stamp.mtime)
}

fn set(root: BorrowedFd<'_>, time: Time) -> rustix::io::Result<()> {
    let omit = Timespec { tv_sec: 0, tv_nsec: rustix::fs::UTIME_OMIT };
    let last_modification = Timespec { tv_sec: time.seconds, tv_nsec: time.nanos.into() };
    rustix::fs::futimens(root, &Timestamps { last_access: omit, last_modification })
}

/// The coarsest grain of which the kept time is a multiple; file systems cut off or round.
fn grain(fine: Time) -> u64 {
    if fine == FINE {
        return 1;
    }
    GRAINS.into_iter().rev().find(|grain| is_multiple(fine, *grain)).unwrap_or(1)
}

fn is_multiple(time: Time, grain_nanos: u64) -> bool {
    let nanos = i128::from(time.seconds) * i128::from(SECOND) + i128::from(time.nanos);
    nanos % i128::from(grain_nanos) == 0
}

fn grain_text(grain_nanos: u64) -> String {
    match grain_nanos {
        SECOND => "times in whole seconds".to_owned(),
        nanos if nanos > SECOND => format!("times in steps of {} s", nanos / SECOND),
        nanos => format!("times in steps of {nanos} ns"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mover::disk::stat::EntryKind;

    fn has(seconds: i64, nanos: u32) -> Metadata {
        let mtime = Time { seconds, nanos };
        Metadata { kind: EntryKind::Regular, mode: 0o644, uid: 0, gid: 0, mtime, device: (0, 0), link: Vec::new(), xattrs: Vec::new() }
    }

    fn refusal(times: Times, metadata: &Metadata) -> String {
        match times.check(metadata, b"a") {
            Err(Halt::Failed(failure)) => {
                assert_eq!(failure.reason, Reason::CannotKeep);
                failure.message
            }
            other => panic!("this cannot be kept: {other:?}"),
        }
    }

    #[test]
    fn the_grain_is_told_by_what_is_kept() {
        let kept = |seconds, nanos| grain(Time { seconds, nanos });
        assert_eq!(kept(1_700_000_001, 123_456_789), 1);
        assert_eq!(kept(1_700_000_001, 123_456_700), 100);
        assert_eq!(kept(1_700_000_001, 123_456_800), 100, "it may round");
        assert_eq!(kept(1_700_000_001, 123_456_000), 1_000);
        assert_eq!(kept(1_700_000_001, 120_000_000), 10_000_000);
        assert_eq!(kept(1_700_000_001, 0), SECOND);
        assert_eq!(kept(1_700_000_002, 0), 2 * SECOND);
    }

    #[test]
    fn what_is_as_coarse_is_kept_and_what_is_finer_is_named() {
        let whole = Times { grain_nanos: SECOND, last: i64::from(i32::MAX), is_ext: true };
        assert!(whole.check(&has(1_700_000_000, 0), b"a").is_ok());
        let wanted = "the target's file system keeps times in whole seconds, and `a` has 1700000000.123456789: \
            `--size 512Mi` or more makes larger inodes; or choose another class";
        assert_eq!(refusal(whole, &has(1_700_000_000, 123_456_789)), wanted);
        let of_smb = Times { grain_nanos: 100, is_ext: false, ..Times::ANY };
        assert!(of_smb.check(&has(1_700_000_000, 123_456_700), b"a").is_ok());
        let wanted = "the target's file system keeps times in steps of 100 ns, and `a` has 1700000000.123456789: choose another class";
        assert_eq!(refusal(of_smb, &has(1_700_000_000, 123_456_789)), wanted);
        assert!(Times::ANY.check(&has(i64::MAX, 1), b"a").is_ok());
    }

    #[test]
    fn what_is_later_than_a_file_system_knows_is_named() {
        let early = Times { last: i64::from(i32::MAX), ..Times::ANY };
        assert!(early.check(&has(i64::from(i32::MAX), 7), b"a").is_ok());
        let told = refusal(early, &has(4_000_000_000, 7));
        assert!(
            told.starts_with("the target's file system keeps no time after second 2147483647, and `a` has 4000000000.000000007"),
            "{told}"
        );
    }
}
