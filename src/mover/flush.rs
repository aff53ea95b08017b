//! Has what a pass writes on its way to the disk while the pass goes on, so that the sync at its end has little left to do.
//!
//! Small files wait in memory until somebody syncs, or until the kernel thinks of them after half a minute; one thread of the kernel
//! then writes them while all others wait. What was flushed here is not taken to be on the disk: the sync at the end is made all the same, and it
//! tells what went wrong here too, because errors are told to each descriptor by itself.

use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use super::tree::Tree;

/// How long what was written is gathered before it is flushed.
const EVERY: Duration = Duration::from_millis(100);

/// A thread that flushes a file system until this is dropped.
#[derive(Debug)]
pub(super) struct Flush {
    is_due: Arc<AtomicBool>,
    /// Dropped to end the thread.
    over: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Flush {
    /// Begins to flush what will be written to this tree.
    pub(super) fn begin(tree: &Tree) -> rustix::io::Result<Flush> {
        let root = tree.open_directory(b"")?;
        let is_due = Arc::new(AtomicBool::new(false));
        let (over, is_over) = channel();
        let asked = Arc::clone(&is_due);
        // The sync at the end of the pass tells what goes wrong.
        let flush = move || {
            let _ = rustix::fs::syncfs(root.as_fd());
        };
        let thread = std::thread::spawn(move || flush_until(&asked, &is_over, flush));
        Ok(Flush { is_due, over: Some(over), thread: Some(thread) })
    }

    /// Says that something was written.
    pub(super) fn note(&self) {
        self.is_due.store(true, Ordering::Relaxed);
    }
}

impl Drop for Flush {
    fn drop(&mut self) {
        self.over = None;
        let thread = self.thread.take().expect("it is dropped once");
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    }
}

fn flush_until(is_due: &AtomicBool, over: &Receiver<()>, flush: impl Fn()) {
    while let Err(RecvTimeoutError::Timeout) = over.recv_timeout(EVERY) {
        if is_due.swap(false, Ordering::Relaxed) {
            flush();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::time::Instant;

    use super::*;

    const DEADLINE: Duration = Duration::from_secs(60);

    #[test]
    fn what_was_written_is_flushed_once() {
        let (is_due, flushed) = (AtomicBool::new(true), AtomicUsize::new(0));
        let (over, is_over) = channel();
        std::thread::scope(|scope| {
            let count = || {
                flushed.fetch_add(1, Ordering::Relaxed);
            };
            let is_due = &is_due;
            scope.spawn(move || flush_until(is_due, &is_over, count));
            for writes in 1..3 {
                let began = Instant::now();
                while flushed.load(Ordering::Relaxed) < writes {
                    assert!(began.elapsed() < DEADLINE, "nothing was flushed");
                    std::thread::sleep(EVERY / 10);
                }
                std::thread::sleep(EVERY * 3);
                assert_eq!(flushed.load(Ordering::Relaxed), writes, "nothing was written since");
                is_due.store(true, Ordering::Relaxed);
            }
            drop(over);
        });
    }

    #[test]
    fn it_ends_when_it_is_dropped() {
        let folder = tempfile::tempdir().expect("a folder");
        let flush = Flush::begin(&Tree::open(folder.path()).expect("a tree")).expect("begun");
        flush.note();
        let is_due = Arc::clone(&flush.is_due);
        drop(flush);
        assert_eq!(Arc::strong_count(&is_due), 1, "nobody else has it any more");
    }
}
