//! What the `stateful-mover` command takes and does.
//!
//! `agent` is what pods run; the other subcommands do one thing by hand, for tests and for a person with two volumes mounted.
//! All the work is in [`kubectl_stateful::mover`].

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, Subcommand};
use kubectl_stateful::contract::orders::{self, VolumeMode, VolumeReport};
use kubectl_stateful::mover::agent::by_hand::{self, Settings};
use kubectl_stateful::mover::agent::obey::{Agent, Ending, Places};
use kubectl_stateful::mover::ground::fail::{Halt, Result};
use kubectl_stateful::mover::ground::number;
use kubectl_stateful::mover::pass::digest_tree;

/// Moves the data of volumes.
#[derive(Parser)]
#[command(name = "stateful-mover", version)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Carry out orders from a file and report on standard output.
    Agent(AgentArgs),
    /// Copy one folder or device to another, once, and prove it.
    Local(LocalArgs),
    /// Be the target end of a copy over the network, until its last pass is complete.
    Serve(ServeArgs),
    /// Be the source end of a copy over the network, for one pass.
    Send(SendArgs),
    /// Make keys and certificates for `serve` and `send`.
    Keys(KeysArgs),
    /// Print the root digest of a folder or device.
    Digest(DigestArgs),
    /// Compare two folders or devices in everything that a copy keeps.
    Verify(VerifyArgs),
}

#[derive(clap::Args)]
struct AgentArgs {
    /// The file with the orders; it may come later.
    #[arg(long, default_value = orders::ORDERS_FILE)]
    orders: PathBuf,
    /// The folder beneath which source volumes are mounted.
    #[arg(long, default_value = orders::SOURCE_ROOT)]
    source_root: PathBuf,
    /// The folder beneath which target volumes are mounted.
    #[arg(long, default_value = orders::TARGET_ROOT)]
    target_root: PathBuf,
    /// The folder for manifests.
    #[arg(long, default_value = orders::STATE_ROOT)]
    state: PathBuf,
    /// The port to listen on; 0 takes any.
    #[arg(long, default_value_t = 0)]
    port: u16,
}

/// What all commands by hand have in common.
#[derive(clap::Args)]
struct PassArgs {
    /// Treat it as a raw device.
    #[arg(long)]
    block: bool,
    /// Keep manifests here, so that a further pass copies only what differs.
    #[arg(long)]
    state: Option<PathBuf>,
    /// Print the whole report.
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args)]
struct LocalArgs {
    /// The folder or device to read.
    source: PathBuf,
    /// The folder or device to write.
    target: PathBuf,
    /// Nothing writes to the source: fail if something does, and report both root digests.
    #[arg(long)]
    last: bool,
    /// Prove nothing: for measuring what the proof costs.
    #[arg(long, conflicts_with = "state")]
    unproven: bool,
    /// Write at most this many bytes a second.
    #[arg(long)]
    bytes_per_second: Option<u64>,
    /// Rest while the disk of the source is slower than it is wont to be.
    #[arg(long, conflicts_with = "last")]
    throttle: bool,
    #[command(flatten)]
    pass: PassArgs,
}

#[derive(clap::Args)]
struct ServeArgs {
    /// The folder or device to write.
    target: PathBuf,
    /// The folder with `target.key`, `target.crt` and `source.crt`.
    #[arg(long)]
    keys: PathBuf,
    /// The port to listen on; 0 takes any, which is printed.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Prove nothing: for measuring what the proof costs.
    #[arg(long, conflicts_with = "state")]
    unproven: bool,
    #[command(flatten)]
    pass: PassArgs,
}

#[derive(clap::Args)]
struct SendArgs {
    /// The folder or device to read.
    source: PathBuf,
    /// Where the target end listens, as `IP:PORT`.
    address: SocketAddr,
    /// The folder with `source.key`, `source.crt` and `target.crt`.
    #[arg(long)]
    keys: PathBuf,
    /// Nothing writes to the source: fail if something does, and let the target end.
    #[arg(long)]
    last: bool,
    /// Send at most this many bytes a second.
    #[arg(long)]
    bytes_per_second: Option<u64>,
    /// Rest while the disk of the source is slower than it is wont to be.
    #[arg(long, conflicts_with = "last")]
    throttle: bool,
    #[command(flatten)]
    pass: PassArgs,
}

#[derive(clap::Args)]
struct KeysArgs {
    /// The folder to make them in.
    folder: PathBuf,
}

#[derive(clap::Args)]
struct VerifyArgs {
    /// One folder or device.
    one: PathBuf,
    /// The other.
    other: PathBuf,
    /// Treat both as raw devices.
    #[arg(long)]
    block: bool,
    /// Print a JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args)]
struct DigestArgs {
    /// The folder or device.
    path: PathBuf,
    /// Treat it as a raw device.
    #[arg(long)]
    block: bool,
    /// Print a JSON object.
    #[arg(long)]
    json: bool,
}

/// Does what the arguments say.
pub(crate) fn run() -> ExitCode {
    end_on_signals();
    allow_many_files();
    let outcome = match Args::parse().command {
        Command::Agent(args) => run_agent(args),
        Command::Local(args) => copy(&args),
        Command::Serve(args) => serve(&args),
        Command::Send(args) => send(&args),
        Command::Keys(args) => by_hand::make_keys(&args.folder),
        Command::Digest(args) => digest(&args),
        Command::Verify(args) => verify(&args),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(halt) => {
            let text = match halt {
                Halt::Cancelled => "cancelled".to_owned(),
                Halt::Failed(failure) => format!("{:?}: {}", failure.reason, failure.message),
            };
            // Where even this cannot be said, the exit code still is.
            let _ = writeln!(std::io::stderr(), "error: {text}");
            ExitCode::FAILURE
        }
    }
}

fn run_agent(args: AgentArgs) -> Result<()> {
    let places = Places { orders: args.orders, source: args.source_root, target: args.target_root, state: args.state };
    let agent = Arc::new(Agent::new(places, args.port, Box::new(std::io::stdout()))?);
    // Either way nothing is left to do. A container that ended otherwise would be started again.
    match agent.run()? {
        Ending::Done | Ending::Unheard => Ok(()),
    }
}

fn copy(args: &LocalArgs) -> Result<()> {
    let report = with_state(args.pass.state.as_deref(), |state| {
        let settings = Settings {
            is_last: args.last,
            is_unproven: args.unproven,
            bytes_per_second_max: args.bytes_per_second,
            is_throttled: args.throttle,
            ..settings(&args.pass, state)
        };
        by_hand::copy(&args.source, &args.target, &settings)
    })?;
    say_report(&report, args.pass.json)
}

fn serve(args: &ServeArgs) -> Result<()> {
    let report = with_state(args.pass.state.as_deref(), |state| {
        let settings = Settings { is_unproven: args.unproven, ..settings(&args.pass, state) };
        let listening = |port: u16| say(&if args.pass.json { serde_json::json!({ "port": port }).to_string() } else { port.to_string() });
        by_hand::serve(&args.target, &args.keys, args.port, &settings, listening)
    })?;
    say_report(&report, args.pass.json)
}

fn send(args: &SendArgs) -> Result<()> {
    let report = with_state(args.pass.state.as_deref(), |state| {
        let settings = Settings {
            is_last: args.last,
            bytes_per_second_max: args.bytes_per_second,
            is_throttled: args.throttle,
            ..settings(&args.pass, state)
        };
        by_hand::send(&args.source, args.address, &args.keys, &settings)
    })?;
    say_report(&report, args.pass.json)
}

fn settings(args: &PassArgs, state: &Path) -> Settings {
    let (mode, state) = (mode(args.block), state.to_owned());
    Settings { mode, state, is_last: false, is_unproven: false, bytes_per_second_max: None, is_throttled: false }
}

fn say_report(report: &VolumeReport, is_json: bool) -> Result<()> {
    if is_json {
        return say(&serde_json::to_string(report).expect("plain data can be serialised"));
    }
    say(&format!("{} entries, {} changed, {} bytes written", report.entries, report.entries_changed, report.bytes_changed))
}

fn verify(args: &VerifyArgs) -> Result<()> {
    let comparison = with_state(None, |state| by_hand::verify(&args.one, &args.other, mode(args.block), state))?;
    if args.json {
        say(&serde_json::to_string(&comparison).expect("plain data can be serialised"))?;
    }
    if comparison.is_same {
        return if args.json { Ok(()) } else { say("the same") };
    }
    let paths = comparison.differences.iter().map(|path| format!("`{path}`")).collect::<Vec<_>>().join(", ");
    let message = if paths.is_empty() { "the two differ".to_owned() } else { format!("the two differ, first at {paths}") };
    Err(Halt::new(orders::Reason::NotTheSame, message))
}

fn digest(args: &DigestArgs) -> Result<()> {
    let root = with_state(None, |state| digest_tree::digest(&args.path, mode(args.block), state))?.hex();
    if args.json {
        return say(&serde_json::json!({ "root": root }).to_string());
    }
    say(&root)
}

/// Keeps manifests in a folder, which is removed afterwards unless it was named.
fn with_state<T>(named: Option<&Path>, work: impl FnOnce(&Path) -> Result<T>) -> Result<T> {
    if let Some(state) = named {
        return work(state);
    }
    let state = std::env::temp_dir().join(format!("stateful-mover-{:016x}", number::new_number()?));
    let outcome = work(&state);
    // It may not have been made.
    let _ = std::fs::remove_dir_all(&state);
    outcome
}

fn mode(is_block: bool) -> VolumeMode {
    if is_block { VolumeMode::Block } else { VolumeMode::Filesystem }
}

fn say(text: &str) -> Result<()> {
    writeln!(std::io::stdout(), "{text}").map_err(|error| Halt::new(orders::Reason::System, format!("printing: {error}")))
}

/// Ends the process at once when it is told to. As the first process of a container it would otherwise not even notice.
/// Nothing is lost: what was not proven was not promised, and the next pass finds out what is there.
fn end_on_signals() {
    let (listens, listening) = std::sync::mpsc::channel::<()>();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let Ok(runtime) = runtime else { return };
        runtime.block_on(async {
            use tokio::signal::unix::{SignalKind, signal};
            let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) else {
                return;
            };
            drop(listens);
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            std::process::exit(143);
        });
    });
    // Whoever hears that the mover is ready may end it at once. That nothing is ever sent says that the thread listens, or cannot.
    let _ = listening.recv();
}

/// Deep and wide trees keep many directories open. If it cannot be had, the limit stays as it is.
fn allow_many_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let maximum = getrlimit(Resource::Nofile).maximum;
    let limit = Rlimit { current: maximum, maximum };
    let _ = setrlimit(Resource::Nofile, limit);
}
