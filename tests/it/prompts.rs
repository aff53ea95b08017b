//! Questions on a terminal, to the real command on a pseudo-terminal: typed-ahead keys do not count, Enter is needed, Ctrl-C leaves the
//! terminal as it was and says what was changed.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::Child;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::standin::Standin;

const QUESTION: &str = "Do you want to continue? [y/N] ";

/// Longer than anything here takes.
const DEADLINE: Duration = Duration::from_secs(60);

/// The command at a terminal.
struct Session {
    keys: File,
    screen: Arc<Mutex<String>>,
    child: Child,
}

impl Session {
    /// Begins a move that is asked about, with these keys typed before it is.
    fn begin(standin: &Standin, typed_ahead: &str) -> Self {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
        grantpt(&ours).and_then(|()| unlockpt(&ours)).expect("it can be used");
        let name = ptsname(&ours, Vec::new()).expect("it has a name");
        let theirs = || -> OwnedFd { rustix::fs::open(&*name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).expect("it is there") };
        let mut keys = File::from(ours);
        let (stdin, stderr) = (theirs(), theirs());
        keys.write_all(typed_ahead.as_bytes()).expect("it takes keys");
        let mut command = standin.command(&["execute", "sts/pg", "--to-storage-class", "fast"]);
        let child = command.env("TERM", "xterm").stdin(stdin).stdout(std::process::Stdio::null()).stderr(stderr).spawn().expect("it runs");
        let (screen, mut reader) = (Arc::<Mutex<String>>::default(), keys.try_clone().expect("a file"));
        let shown = Arc::clone(&screen);
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            // Once nobody has the other end open any more there is an error.
            while let Ok(length @ 1..) = reader.read(&mut buffer) {
                shown.lock().expect("no code panics while holding this lock").push_str(&String::from_utf8_lossy(&buffer[..length]));
            }
        });
        let mut session = Self { keys, screen, child };
        session.wait_for(QUESTION);
        session
    }

    fn screen(&self) -> String {
        self.screen.lock().expect("no code panics while holding this lock").clone()
    }

    fn wait_for(&mut self, text: &str) {
        let since = Instant::now();
        while !self.screen().contains(text) {
            assert!(since.elapsed() < DEADLINE, "`{text}` is not shown: {}", self.screen());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).expect("it takes keys");
    }

    /// What it ends with, and all that was shown.
    fn end(mut self) -> (Option<i32>, String) {
        let code = self.child.wait().expect("it ends").code();
        let since = Instant::now();
        while !self.screen().contains("error:") {
            assert!(since.elapsed() < DEADLINE, "no error is shown: {}", self.screen());
            std::thread::sleep(Duration::from_millis(5));
        }
        std::thread::sleep(Duration::from_millis(50));
        let screen = self.screen();
        assert!(!screen.contains("\u{1b}[?25l") || screen.ends_with("\u{1b}[?25h"), "the cursor is hidden: {screen:?}");
        (code, screen)
    }
}

#[test]
fn an_interrupt_at_a_question_says_that_nothing_was_changed() {
    let standin = Standin::with_set();
    let mut session = Session::begin(&standin, "");
    session.press("\u{3}");
    let (code, screen) = session.end();
    assert_eq!(code, Some(130), "{screen}");
    assert!(screen.contains("interrupted; nothing was changed"), "{screen}");
    assert_eq!(standin.writes(), [""; 0]);
}

/// As `n` is the default, Enter alone is no.
#[test]
fn only_a_yes_with_enter_that_was_typed_at_the_question_is_one() {
    let standin = Standin::with_set();
    // Typed ahead, and then Enter alone.
    let mut session = Session::begin(&standin, "y");
    session.press("\r");
    let (code, screen) = session.end();
    assert_eq!(code, Some(1), "{screen}");
    assert!(screen.contains("not confirmed; nothing was changed"), "{screen}");
    // A key alone does nothing yet, and can be taken back.
    let mut session = Session::begin(&standin, "");
    session.press("y");
    session.press("\u{7f}n\r");
    let (code, screen) = session.end();
    assert_eq!(code, Some(1), "{screen}");
    assert!(screen.contains("not confirmed; nothing was changed"), "{screen}");
    assert_eq!(standin.writes(), [""; 0]);
    let mut session = Session::begin(&standin, "");
    session.press("yes\r");
    let (_, screen) = session.end();
    assert!(!screen.contains("not confirmed"), "{screen}");
    assert_ne!(standin.writes(), [""; 0], "it went on");
}
