//! Inode flags: found and named while the app runs, since a copy would not have them.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use kubectl_stateful::contract::orders::{Reason, VolumeMode};
use rustix::fs::{IFlags, ioctl_getflags, ioctl_setflags};

use crate::ends::{self, Ends};
use crate::pod;

/// A file or folder that has a flag until this is dropped.
struct Flagged(PathBuf, IFlags);

impl Flagged {
    /// Sets a flag; none where the file system has none, or where we may not, which is said.
    #[expect(clippy::print_stderr, reason = "a test that tries nothing has to say so")]
    fn new(path: &Path, flag: IFlags) -> Option<Flagged> {
        let set = File::open(path).map_err(|_| rustix::io::Errno::NOENT).and_then(|file| {
            let before = ioctl_getflags(&file)?;
            ioctl_setflags(&file, before | flag)
        });
        match set {
            Ok(()) => Some(Flagged(path.to_owned(), flag)),
            Err(errno @ (rustix::io::Errno::NOTTY | rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::PERM)) => {
                eprintln!("not tried: {flag:?} cannot be set here: {errno}");
                None
            }
            Err(errno) => panic!("{flag:?} of {}: {errno}", path.display()),
        }
    }
}

impl Drop for Flagged {
    fn drop(&mut self) {
        let file = File::open(&self.0).expect("it is there still");
        let flags = ioctl_getflags(&file).expect("it had one");
        ioctl_setflags(&file, flags.difference(self.1)).expect("it could be set");
    }
}

const FLAGS: [(IFlags, &str); 2] = [(IFlags::IMMUTABLE, "chattr -i"), (IFlags::APPEND, "chattr -a")];

fn ends_with_files() -> Ends {
    let ends = Ends::new(VolumeMode::Filesystem);
    std::fs::create_dir(ends.source().join("conf")).expect("a folder");
    std::fs::write(ends.source().join("conf/small"), "small").expect("a file");
    std::fs::write(ends.source().join("conf/large"), vec![1; 9 << 20]).expect("a file");
    std::fs::write(ends.source().join("conf/linked"), "linked").expect("a file");
    std::fs::hard_link(ends.source().join("conf/linked"), ends.source().join("conf/second")).expect("a link");
    ends
}

#[test]
fn what_has_a_flag_is_named_in_the_first_pass() {
    for (flag, remedy) in FLAGS {
        for (name, shown) in [("conf/small", "`conf/small`"), ("conf/large", "`conf/large`"), ("conf", "`conf`"), ("", "`.`")] {
            let mut ends = ends_with_files();
            let Some(flagged) = Flagged::new(&ends.source().join(name), flag) else { return };
            let failure = ends::failure(ends.pass(false));
            assert_eq!(failure.reason, Reason::CannotKeep);
            assert!(failure.message.starts_with(shown) && failure.message.contains(remedy), "{failure:?}");
            drop(flagged);
            let report = ends.pass(true).expect("nothing is in the way any more");
            assert!(report.source_root.is_some() && report.source_root == report.target_root);
        }
    }
}

#[test]
fn what_is_linked_and_has_a_flag_is_named_over_tls_too() {
    let mut ends = ends_with_files();
    let Some(_flagged) = Flagged::new(&ends.source().join("conf/linked"), IFlags::IMMUTABLE) else { return };
    let failure = ends::failure(ends.pass_over_tls(false));
    assert_eq!(failure.reason, Reason::CannotKeep);
    assert!(failure.message.contains("is immutable"), "{failure:?}");
}

#[test]
fn a_flag_that_is_set_between_passes_is_found_though_all_else_is_as_it_was() {
    let mut ends = ends_with_files();
    ends.pass(false).expect("a warm pass");
    let Some(_flagged) = Flagged::new(&ends.source().join("conf/small"), IFlags::APPEND) else { return };
    assert_eq!(ends::failure(ends.pass(true)).reason, Reason::CannotKeep);
}

#[test]
fn what_is_only_compared_may_have_any() {
    let mut ends = ends_with_files();
    ends.pass(true).expect("a pass");
    let Some(_flagged) = Flagged::new(&ends.source().join("conf/small"), IFlags::IMMUTABLE) else { return };
    for command in [&["verify", "source", "target"][..], &["digest", "source"]] {
        let mut mover = Command::new(env!("CARGO_BIN_EXE_stateful-mover"));
        let output = pod::output(mover.args(command).current_dir(ends.source().parent().expect("a folder")));
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}
