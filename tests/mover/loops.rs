//! File systems of a test's own, on files: what a copy may rely on differs from one to the other.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A file system that is mounted until this is dropped.
pub(crate) struct Mounted {
    folder: tempfile::TempDir,
}

impl Mounted {
    /// Makes one of this size with this command and mounts it; none where that may not be done, which is said.
    #[expect(clippy::print_stderr, reason = "a test that tries nothing has to say so")]
    pub(crate) fn new(mebibytes: u64, make: &[&str]) -> Option<Mounted> {
        let mounted = Mounted { folder: tempfile::tempdir().expect("a folder") };
        let image = mounted.folder.path().join("image");
        std::fs::File::create(&image).and_then(|file| file.set_len(mebibytes << 20)).expect("a file");
        std::fs::create_dir(mounted.path()).expect("a folder");
        let run = |program: &str, arguments: &[&Path]| {
            let output = Command::new(program).args(arguments).output();
            output.is_ok_and(|output| output.status.success())
        };
        let arguments: Vec<&Path> = make[1..].iter().map(Path::new).chain([image.as_path()]).collect();
        let is_mounted = run(make[0], &arguments) && run("mount", &[Path::new("-o"), Path::new("loop"), &image, &mounted.path()]);
        if !is_mounted {
            eprintln!("not tried: {make:?} cannot be made or mounted here");
        }
        is_mounted.then_some(mounted)
    }

    pub(crate) fn ext4(mebibytes: u64, more: &[&str]) -> Option<Mounted> {
        Mounted::new(mebibytes, &[&["mkfs.ext4", "-q", "-F"], more].concat())
    }

    pub(crate) fn xfs() -> Option<Mounted> {
        Mounted::new(320, &["mkfs.xfs", "-q", "-f"])
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("mounted")
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // The loop device goes with the mount.
        let _ = Command::new("umount").arg(self.path()).output();
    }
}
