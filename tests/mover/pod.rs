//! As whom movers run in their pods: what acts as a mover in these tests has no more rights than one that was shipped.
//!
//! Capabilities, user and groups belong to a thread and to the programs it starts, so that the test around it keeps its own. Who is not root has
//! fewer rights than a mover anyway, and runs as they are. The filter of system calls that a runtime sets is not made here.

use std::process::{Child, Command, Output};

use rustix::fs::{Gid, Uid};
use rustix::thread::{CapabilitySet, CapabilitySets};

/// What a mover's container has; that it is this is checked below.
const CAPABILITIES: [CapabilitySet; 6] = [
    CapabilitySet::CHOWN,
    CapabilitySet::DAC_OVERRIDE,
    CapabilitySet::FOWNER,
    CapabilitySet::FSETID,
    CapabilitySet::MKNOD,
    CapabilitySet::SETFCAP,
];

/// The user and group of an app in a namespace that lets no root in.
pub(crate) const APP: u32 = 1000;

/// Does this as the mover of a pod that runs as root.
pub(crate) fn as_root<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    let capabilities = CAPABILITIES.into_iter().fold(CapabilitySet::empty(), CapabilitySet::union);
    within_thread(0, capabilities, work)
}

/// Does this as the mover of a pod that runs as its app does, without any capability.
pub(crate) fn as_app<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    within_thread(APP, CapabilitySet::empty(), work)
}

/// Whether this process is root; if it is not, what is left out is said.
#[expect(clippy::print_stderr, reason = "a test that tries nothing has to say so")]
pub(crate) fn may_act_as_root(what: &str) -> bool {
    let is_root = rustix::process::geteuid().is_root();
    if !is_root {
        eprintln!("not tried: {what} needs root");
    }
    is_root
}

fn within_thread<T: Send>(user: u32, capabilities: CapabilitySet, work: impl FnOnce() -> T + Send) -> T {
    let outcome = std::thread::scope(|scope| {
        scope
            .spawn(|| {
                if rustix::process::geteuid().is_root() {
                    give_up(user, capabilities);
                }
                work()
            })
            .join()
    });
    outcome.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Leaves this thread these capabilities. The bounding set goes first, which takes a capability that goes too.
fn give_up(user: u32, capabilities: CapabilitySet) {
    for capability in CapabilitySet::all().difference(capabilities).iter() {
        // Those that this kernel does not know.
        let _ = rustix::thread::remove_capability_from_bounding_set(capability);
    }
    rustix::thread::set_no_new_privs(true).expect("anybody may");
    rustix::thread::set_thread_groups(&[]).expect("root may");
    let (user, group) = (Uid::from_raw(user), Gid::from_raw(user));
    rustix::thread::set_thread_res_gid(group, group, group).expect("root may");
    rustix::thread::set_thread_res_uid(user, user, user).expect("root may");
    let sets = CapabilitySets { effective: capabilities, permitted: capabilities, inheritable: CapabilitySet::empty() };
    rustix::thread::set_capabilities(None, sets).expect("there were more");
}

/// Runs a mover's program as root in a pod.
pub(crate) fn output(command: &mut Command) -> Output {
    as_root(|| command.output()).expect("the mover starts")
}

/// Starts a mover's program as root in a pod.
pub(crate) fn spawn(command: &mut Command) -> Child {
    as_root(|| command.spawn()).expect("the mover starts")
}

#[test]
#[cfg(feature = "command")]
fn they_are_those_of_the_pods_that_are_made() {
    let names: Vec<String> = CAPABILITIES.iter().map(|one| one.iter_names().map(|(name, _)| name).collect()).collect();
    assert_eq!(names, kubectl_stateful::plan::mover_pod::CAPABILITIES);
}

#[test]
fn a_program_that_is_started_so_has_no_more() {
    if !may_act_as_root("giving rights up") {
        return;
    }
    let status =
        |command: &mut Command| String::from_utf8(output(command.args(["-E", "^(Cap|Groups|NoNewPrivs)", "/proc/self/status"])).stdout);
    let told = status(&mut Command::new("grep")).expect("text");
    let field = |name: &str| told.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim).expect("a field");
    for set in ["CapPrm", "CapEff", "CapBnd"] {
        assert_eq!(u64::from_str_radix(field(set), 16), Ok(0x8000_001b | 1 << 27), "{told}");
    }
    assert_eq!((field("CapInh"), field("Groups"), field("NoNewPrivs")), ("0000000000000000", "", "1"));
}
