//! The name of an executor: host, process, and a word that tells this machine, this boot and this set of processes from others. Whoever reads it
//! there can tell whether that process is still going; elsewhere nobody can, and nothing is said.

/// Returns the name of this process. `word` makes it unique.
#[must_use]
pub fn name(word: &str) -> String {
    format!("{}-{}-{}-{word}", host(), std::process::id(), world())
}

#[cfg(unix)]
fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

#[cfg(not(unix))]
#[expect(clippy::disallowed_methods, reason = "Windows tells the name of a machine nowhere else")]
fn host() -> String {
    std::env::var("COMPUTERNAME").unwrap_or_default()
}

/// Whether a holder is a process of this machine and boot that is gone for certain.
#[must_use]
pub fn is_gone(holder: &str) -> bool {
    let mut parts = holder.rsplit('-').skip(1);
    let (Some(there), Some(process)) = (parts.next(), parts.next()) else { return false };
    let is_here = !there.is_empty() && there == world();
    is_here && process.parse::<i32>().is_ok_and(|process| !is_there(process))
}

/// Asked by a signal that is none: of a process of another user that answers "not permitted", and its folder in `/proc` may be hidden.
#[cfg(unix)]
fn is_there(process: i32) -> bool {
    let Some(process) = rustix::process::Pid::from_raw(process) else { return true };
    rustix::process::test_kill_process(process) != Err(rustix::io::Errno::SRCH)
}

/// Where it cannot be asked, it is not known to be gone.
#[cfg(not(unix))]
fn is_there(_: i32) -> bool {
    true
}

/// Eight letters that are the same for those processes only that see each other: of one boot and one namespace of processes. Empty where that cannot be
/// known, as everywhere but on Linux.
fn world() -> String {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id");
    let processes = std::fs::read_link("/proc/self/ns/pid");
    let (Ok(boot), Ok(processes)) = (boot, processes) else { return String::new() };
    let seen = format!("{} {}", boot.trim(), processes.display());
    blake3::hash(seen.as_bytes()).to_hex()[..8].to_owned()
}

#[cfg(target_os = "linux")]
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_process_of_this_machine_is_known_to_be_gone() {
        let here = world();
        assert!(!is_gone(&name("abc")), "we are here");
        assert!(is_gone(&format!("a-host-4194305-{here}-abc")), "no process has so high a number");
        for holder in ["a-host-4194305-01234567-abc", "a-host-4194305-abc", "executor-1", "", "first"] {
            assert!(!is_gone(holder), "{holder}");
        }
    }
}
