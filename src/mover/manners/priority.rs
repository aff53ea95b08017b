//! Lets a thread step back behind everything else on its machine: the CPU and the disk are its own only while nobody wants them.
//!
//! For warm passes, beside which the app runs. A thread without privileges cannot take back what it gave up, so that one steps
//! back for its whole life; threads that it starts are like it. Both are requests: niceness counts among the processes of one
//! control group, and disks without a scheduler (`none`) know no priorities. Nothing is decided by whether they were granted.
//!
//! The unsafe code is two system calls that take numbers and no pointers; they have no safe interface in our libraries.
#![expect(unsafe_code, reason = "priorities of I/O have no safe interface")]

/// How a thread stands behind others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Priority {
    /// The niceness, 19 being the last in line.
    pub nice: i32,
    /// Whether its requests wait until the disk has nothing else to do.
    pub is_idle_at_disk: bool,
}

/// `IOPRIO_WHO_PROCESS`, which means a thread; with the number 0 the calling one.
const WHO_THREAD: libc::c_int = 1;
const THIS: libc::c_int = 0;
/// `IOPRIO_CLASS_SHIFT`: what is below it is the level within a class.
const CLASS_SHIFT: i64 = 13;
/// `IOPRIO_CLASS_IDLE`.
const CLASS_IDLE: i64 = 3;
const NICE_MAX: i32 = 19;

/// Puts the calling thread behind all others, for as long as it lives.
pub fn step_back() {
    // What is refused leaves the thread as it was, which is as good as not having asked.
    let _ = rustix::process::setpriority_process(None, NICE_MAX);
    // SAFETY: the call takes three numbers and touches no memory of ours.
    let _ = unsafe { libc::syscall(libc::SYS_ioprio_set, WHO_THREAD, THIS, CLASS_IDLE << CLASS_SHIFT) };
}

/// Returns how the calling thread stands.
#[must_use]
pub fn of_this_thread() -> Priority {
    // SAFETY: the call takes two numbers and touches no memory of ours.
    let class = unsafe { libc::syscall(libc::SYS_ioprio_get, WHO_THREAD, THIS) } >> CLASS_SHIFT;
    let nice = rustix::process::getpriority_process(None).unwrap_or(0);
    Priority { nice, is_idle_at_disk: class == CLASS_IDLE }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_stepped_back_takes_its_own_with_it_and_leaves_others_as_they_are() {
        let before = of_this_thread();
        let stepped_back = Priority { nice: NICE_MAX, is_idle_at_disk: true };
        let thread = std::thread::spawn(|| {
            step_back();
            (of_this_thread(), std::thread::spawn(of_this_thread).join().expect("no panic"))
        });
        assert_eq!(thread.join().expect("no panic"), (stepped_back, stepped_back));
        assert_eq!(of_this_thread(), before);
        assert!(!before.is_idle_at_disk, "a test that is idle itself shows nothing");
    }
}
