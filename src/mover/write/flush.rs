//! Has small files on their way to the disk while a pass writes more of them. So the sync at its end has little left to do.
//!
//! They wait in memory until somebody syncs, or until the kernel thinks of them after half a minute; one thread of the kernel
//! then writes them while all others wait. A pass that writes few is left alone, since each sync holds up the disk, which others may use too.
//! What was flushed here is not taken to be on the disk. The sync at the end is made all the same, and it tells what went wrong here too:
//! errors are told to each descriptor by itself.

use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::mover::disk::tree::Tree;
use crate::mover::ground::work;

/// How often it is looked whether to flush.
const EVERY: Duration = Duration::from_millis(100);
/// So many small files are worth it.
const FILES_MIN: usize = 1000;

/// A thread that flushes a file system until this is dropped.
#[derive(Debug)]
pub(super) struct Flush {
    waiting: Arc<AtomicUsize>,
    /// The thread, and what ends it when it is dropped.
    running: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Flush {
    /// Begins to flush what will be written to this tree.
    pub(super) fn begin(tree: &Tree) -> rustix::io::Result<Flush> {
        let root = tree.open_directory(b"")?;
        let waiting = Arc::new(AtomicUsize::new(0));
        let (over, is_over) = channel();
        let counted = Arc::clone(&waiting);
        // The sync at the end of the pass tells what goes wrong.
        let flush = move || {
            let _ = rustix::fs::syncfs(root.as_fd());
        };
        let thread = std::thread::spawn(move || flush_until(&counted, &is_over, flush));
        Ok(Flush { waiting, running: Some((over, thread)) })
    }

    /// Says that a small file was written.
    pub(super) fn note(&self) {
        self.waiting.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns how many small files were written since it flushed.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }
}

impl Drop for Flush {
    fn drop(&mut self) {
        let (over, thread) = self.running.take().expect("it is dropped once");
        drop(over);
        work::joined(thread.join());
    }
}

fn flush_until(waiting: &AtomicUsize, over: &Receiver<()>, flush: impl Fn()) {
    while let Err(RecvTimeoutError::Timeout) = over.recv_timeout(EVERY) {
        if waiting.load(Ordering::Relaxed) >= FILES_MIN {
            waiting.store(0, Ordering::Relaxed);
            flush();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    const DEADLINE: Duration = Duration::from_secs(60);

    #[test]
    fn many_files_are_flushed_once_and_few_are_not() {
        let (waiting, flushed) = (AtomicUsize::new(FILES_MIN - 1), AtomicUsize::new(0));
        let (over, is_over) = channel();
        std::thread::scope(|scope| {
            let count = || {
                flushed.fetch_add(1, Ordering::Relaxed);
            };
            let waiting = &waiting;
            scope.spawn(move || flush_until(waiting, &is_over, count));
            for flushes in 1..3 {
                std::thread::sleep(EVERY * 3);
                assert_eq!(flushed.load(Ordering::Relaxed), flushes - 1, "few were written since");
                waiting.fetch_add(FILES_MIN, Ordering::Relaxed);
                let began = Instant::now();
                while flushed.load(Ordering::Relaxed) < flushes {
                    assert!(began.elapsed() < DEADLINE, "nothing was flushed");
                    std::thread::sleep(EVERY / 10);
                }
            }
            drop(over);
        });
    }

    #[test]
    fn it_ends_when_it_is_dropped() {
        let folder = tempfile::tempdir().expect("a folder");
        let flush = Flush::begin(&Tree::open(folder.path()).expect("a tree")).expect("begun");
        let waiting = Arc::clone(&flush.waiting);
        drop(flush);
        assert_eq!(Arc::strong_count(&waiting), 1, "nobody else has it any more");
    }
}
