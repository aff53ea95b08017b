//! `kubectl stateful plan`: shows every change before it happens. Changes nothing.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};
use jiff::Timestamp;

use super::connection::{ConnectionArgs, duration, object};
use super::{environment, expiry};
use crate::cluster::{Connection, read};
use crate::operate::failure::{CommandError, Kind};
use crate::operate::{Word, records, rehearsal, trust};
use crate::plan::{Destination, Plan, Request, RunId, START_SECS, STOP_SECS, file};
use crate::planner::{self, Refusal, TargetReason};
use crate::survey::Survey;
use crate::survey::file::{self as survey_file, Document, Unreadable};
use crate::words;

/// The mover's image that this build was given, unless another one is named. Without one there is none: of a name that was made up here
/// whoever can serve it to a node could serve any image.
const MOVER_IMAGE: Option<&str> = option_env!("STATEFUL_MOVER_IMAGE");

/// Show what a move would do, step by step, and how each step is undone
///
/// Examples:
///   # Show how StatefulSet pg would move to storage class fast
///   kubectl stateful plan sts/pg --to-storage-class fast
///
///   # Save the plan, to be reviewed and executed as it is
///   kubectl stateful plan sts/pg --to-storage-class fast --out plan.yaml
///
///   # Save what the plan is made from, for a bug report, and plan from it without the cluster
///   kubectl stateful plan sts/pg --to-storage-class fast --save-survey survey.yaml
///   kubectl stateful plan --survey survey.yaml --to-storage-class fast
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct PlanArgs {
    #[command(flatten)]
    pub(super) what: MoveArgs,
    /// Print the plan as a file
    #[arg(short, long, value_enum, value_name = "FORMAT")]
    output: Option<Format>,
    /// Write the plan to a file
    #[arg(long, value_name = "FILENAME")]
    out: Option<PathBuf>,
    /// Write what was seen in the cluster to a file, without what may be secret
    #[arg(long, value_name = "FILENAME")]
    save_survey: Option<PathBuf>,
    /// Plan from such a file instead, without a cluster; the plan is to look at, not to execute
    #[arg(long, value_name = "FILENAME", conflicts_with_all = ["words", "selector", "save_survey", "out"])]
    survey: Option<PathBuf>,
    /// Exit with 2 when the plan has changes
    #[arg(long)]
    detailed_exitcode: bool,
    /// Exit with 3 when there is nothing to do
    #[arg(long)]
    error_unchanged: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    Yaml,
    Json,
}

/// What to move, where, and how: the same for `plan` and `execute`.
#[derive(Clone, Debug, Args)]
pub(super) struct MoveArgs {
    /// What to move: TYPE/NAME or TYPE NAME, where TYPE is statefulset, deployment, pod or pvc
    #[arg(value_name = "TYPE/NAME")]
    pub(super) words: Vec<String>,
    /// Find it by its labels instead
    #[arg(short = 'l', long, value_name = "SELECTOR")]
    selector: Option<String>,
    /// The storage class to move to
    #[arg(long, value_name = "NAME", value_parser = object)]
    pub(super) to_storage_class: Option<String>,
    /// The size of the new volumes, such as 20Gi; as large as the old ones if not given
    #[arg(long, value_name = "BYTES", value_parser = bytes)]
    size: Option<u64>,
    /// The access mode of the new claims, such as ReadWriteOnce, where the class lacks that of the old ones; may be repeated
    #[arg(long = "access-mode", value_name = "MODE", value_parser = access_mode)]
    access_modes: Vec<String>,
    /// Move only this claim, may be repeated
    #[arg(long = "claim", value_name = "NAME", value_parser = object)]
    claims: Vec<String>,
    /// Leave this claim as it is, may be repeated
    #[arg(long = "skip-claim", value_name = "NAME", value_parser = object)]
    skip_claims: Vec<String>,
    /// Name the run; made up if not given
    #[arg(long, value_name = "NAME", value_parser = run_id)]
    run: Option<RunId>,
    /// Copy while the app runs until the last pass is predicted to take no longer [default: 2]
    #[arg(long, value_name = "SECONDS")]
    max_last_pass: Option<u64>,
    /// Accept nothing longer than that: a run that would take longer halts before the app is stopped (the default)
    #[arg(long, conflicts_with = "accept_outage")]
    insist: bool,
    /// Copy only while the app is stopped
    #[arg(long, conflicts_with = "insist")]
    cold: bool,
    /// Copy at most this much a second, such as 100Mi
    #[arg(long, value_name = "BYTES", value_parser = bytes)]
    bandwidth_limit: Option<u64>,
    /// Rest while the disk is slower than usual, as long as the app runs beside the copy
    #[arg(long, conflicts_with = "cold")]
    throttle: bool,
    /// How long one copy may take in all [default: 24h]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    copy_timeout: Option<Duration>,
    /// How long the app may take to become ready [default: 10m]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    ready_timeout: Option<Duration>,
    /// How long a new volume, or a mover pod, may take to be there, with a node that is made for it [default: 5m]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    start_timeout: Option<Duration>,
    /// How long a pod may take to stop beyond its grace period, and a claim to go [default: 2m]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    stop_timeout: Option<Duration>,
    /// Let movers open raw source devices for writing, for drivers that cannot publish one read-only
    #[arg(long)]
    source_devices_writable: bool,
    #[command(flatten)]
    given: WordArgs,
    /// Let the kubelet give the app's `fsGroup` and its modes to the files on the new volumes, where it did not so far
    #[arg(long)]
    fs_group_may_change: bool,
    /// Run the movers as the app's user and groups instead of as root, for volumes that root may not read, such as exports that squash root
    #[arg(long)]
    run_movers_as_app: bool,
    /// The image of the mover pods (or KUBECTL_STATEFUL_MOVER_IMAGE)
    #[arg(long, value_name = "IMAGE")]
    mover_image: Option<String>,
}

/// What the user gives his word for. It counts where it is said, whatever a plan or a run of before says.
#[derive(Clone, Debug, Args)]
pub(super) struct WordArgs {
    /// Accept an outage of this length where it cannot be kept short: without, the run halts before the app is stopped
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    accept_outage: Option<Duration>,
    /// Take it that what applies the app's manifest (Argo CD, Flux) is paused
    #[arg(long)]
    pub(super) applier_is_paused: bool,
    /// Take it that mover pods can reach one another in spite of network policies
    #[arg(long)]
    pub(super) network_is_open: bool,
}

impl WordArgs {
    /// The accepted outage, in seconds.
    pub(super) fn accept_outage_secs(&self) -> Option<u64> {
        self.accept_outage.map(|outage| outage.as_secs())
    }
}

/// How long the last pass is aimed to take, in seconds, unless the user says otherwise.
const LAST_PASS_SECS: u64 = 2;

/// How long one copy may take in all, likewise.
const COPY_WITHIN: Duration = Duration::from_secs(24 * 3600);

/// How long the app may take to become ready, likewise.
const READY_WITHIN: Duration = Duration::from_secs(600);

impl MoveArgs {
    /// The options that were given of those that shape a plan, as they are typed: a plan that was made already is carried out as it is.
    /// What the user vouches for counts beside one, too, and is not among them.
    pub(super) fn shaping(&self) -> Vec<&'static str> {
        let Self {
            words: _,
            selector,
            to_storage_class,
            size,
            claims,
            skip_claims,
            run,
            max_last_pass,
            insist,
            cold,
            bandwidth_limit,
            throttle,
            copy_timeout,
            ready_timeout,
            start_timeout,
            stop_timeout,
            source_devices_writable,
            access_modes,
            fs_group_may_change,
            run_movers_as_app,
            given: _,
            mover_image: _,
        } = self;
        let all = [
            ("--selector", selector.is_some()),
            ("--to-storage-class", to_storage_class.is_some()),
            ("--size", size.is_some()),
            ("--claim", !claims.is_empty()),
            ("--skip-claim", !skip_claims.is_empty()),
            ("--run", run.is_some()),
            ("--max-last-pass", max_last_pass.is_some()),
            ("--insist", *insist),
            ("--cold", *cold),
            ("--bandwidth-limit", bandwidth_limit.is_some()),
            ("--throttle", *throttle),
            ("--copy-timeout", copy_timeout.is_some()),
            ("--ready-timeout", ready_timeout.is_some()),
            ("--start-timeout", start_timeout.is_some()),
            ("--stop-timeout", stop_timeout.is_some()),
            ("--source-devices-writable", *source_devices_writable),
            ("--access-mode", !access_modes.is_empty()),
            ("--fs-group-may-change", *fs_group_may_change),
            ("--run-movers-as-app", *run_movers_as_app),
        ];
        all.into_iter().filter(|(_, is_given)| *is_given).map(|(option, _)| option).collect()
    }

    /// What counts of a plan on the user's word.
    pub(super) fn word(&self) -> Word {
        Word {
            mover_image: mover_image(self.mover_image.as_deref()),
            applier_is_paused: self.given.applier_is_paused,
            network_is_open: self.given.network_is_open,
            accept_outage_secs: self.given.accept_outage_secs(),
            plan_digest: None,
        }
    }

    fn request(&self) -> Result<Request, CommandError> {
        let Some(class) = &self.to_storage_class else {
            return Err(CommandError::new(Kind::Error, "no target is named").hinted("name a storage class with `--to-storage-class NAME`"));
        };
        Ok(Request {
            run: self.run.clone().unwrap_or_else(new_run_id),
            made_at: now(),
            destination: Destination::StorageClass { name: class.clone() },
            only_claims: self.claims.clone(),
            skip_claims: self.skip_claims.clone(),
            size_bytes: self.size,
            access_modes: self.access_modes.clone(),
            bytes_per_second_max: self.bandwidth_limit,
            throttle: self.throttle,
            last_pass_secs_max: self.max_last_pass.unwrap_or(LAST_PASS_SECS),
            insist: self.insist,
            fs_group_may_change: self.fs_group_may_change,
            run_movers_as_app: self.run_movers_as_app,
            accept_outage_secs: self.given.accept_outage_secs(),
            cold: self.cold,
            copy_secs_max: self.copy_timeout.unwrap_or(COPY_WITHIN).as_secs(),
            ready_secs_max: self.ready_timeout.unwrap_or(READY_WITHIN).as_secs(),
            start_secs_max: self.start_timeout.map_or(START_SECS, |timeout| timeout.as_secs()),
            stop_secs_max: self.stop_timeout.map_or(STOP_SECS, |timeout| timeout.as_secs()),
            source_devices_writable: self.source_devices_writable,
            mover_image: named_image(self.mover_image.as_deref())?,
            applier_is_paused: self.given.applier_is_paused,
            network_is_open: self.given.network_is_open,
        })
    }
}

/// An access mode that can be written with, by its name or its usual letters.
fn access_mode(text: &str) -> Result<String, String> {
    let full = match text {
        "RWO" | "ReadWriteOnce" => "ReadWriteOnce",
        "RWX" | "ReadWriteMany" => "ReadWriteMany",
        "RWOP" | "ReadWriteOncePod" => "ReadWriteOncePod",
        _ => return Err("name ReadWriteOnce, ReadWriteMany or ReadWriteOncePod".to_owned()),
    };
    Ok(full.to_owned())
}

/// What planning came to.
pub(super) enum Planned {
    /// A plan, with the survey it was made from.
    Plan(Box<Plan>, Box<Survey>),
    /// Everything is there already; says so.
    Unchanged(String),
}

/// Surveys and plans. What was seen is saved before it is judged: why a plan is refused is what one wants to show.
pub(super) async fn make(args: &MoveArgs, connection: &Connection, namespace: &str, save: Option<&Path>) -> Result<Planned, CommandError> {
    let request = args.request()?;
    if let Some(run) = &args.run
        && records::is_there(connection, namespace, run).await?
    {
        return Err(name_is_taken(run, namespace));
    }
    let named = read::resolve(connection, namespace, &args.words, args.selector.as_deref()).await?;
    let seen = trust::seen(connection, namespace, &named, &request).await?;
    if let Some(path) = save {
        write(path, &survey_file::to_yaml(&seen, &now(), env!("CARGO_PKG_VERSION")))?;
        words::say(&words::survey_saved_text(&path.to_string_lossy()));
    }
    planned(&request, seen, connection.address())
}

/// A run's name is its own in its namespace, also after its end.
pub(super) fn name_is_taken(run: &RunId, namespace: &str) -> CommandError {
    let why = format!("refused: the name `{run}` is taken: namespace `{namespace}` has records of a run of that name");
    CommandError::new(Kind::Refused, why)
        .hinted(format!("name another run with `--run`; see that one with `kubectl stateful status {run} -n {namespace}`"))
}

fn planned(request: &Request, seen: Survey, cluster: &str) -> Result<Planned, CommandError> {
    match planner::plan(request, &seen, cluster) {
        Ok(plan) => Ok(Planned::Plan(Box::new(plan), Box::new(seen))),
        Err(refusals) => match refusals.as_slice() {
            [same @ Refusal::Target(TargetReason::SameClass { .. })] => Ok(Planned::Unchanged(same.to_string())),
            _ => Err(refusals.into()),
        },
    }
}

pub(super) async fn run(args: PlanArgs, connection: &ConnectionArgs) -> Result<(), CommandError> {
    let planned = match &args.survey {
        Some(path) => from_file(&args.what, path, connection),
        None => from_cluster(&args, connection).await,
    };
    let (plan, seen) = match planned? {
        Planned::Plan(plan, seen) => (plan, seen),
        Planned::Unchanged(why) => {
            words::say(&format!("Nothing to do: {why}."));
            return if args.error_unchanged { Err(CommandError::silent(Kind::Unchanged)) } else { Ok(()) };
        }
    };
    match (args.output, &args.out) {
        (Some(Format::Yaml), _) => words::result(&file::to_yaml(&plan)),
        (Some(Format::Json), _) => words::result(&file::to_json(&plan)),
        (None, _) => words::result(&words::plan_text(&plan, &seen)),
    }
    if let Some(path) = &args.out {
        let is_json = path.extension().is_some_and(|extension| extension == "json");
        let text = if is_json { file::to_json(&plan) } else { file::to_yaml(&plan) };
        write(path, &text)?;
        words::say(&format!("Execute it with `kubectl stateful execute {}`", path.display()));
    }
    if args.detailed_exitcode { Err(CommandError::silent(Kind::Changes)) } else { Ok(()) }
}

async fn from_cluster(args: &PlanArgs, connection: &ConnectionArgs) -> Result<Planned, CommandError> {
    let cluster = connection.open().await?;
    let planned = make(&args.what, &cluster, &connection.namespace(&cluster), args.save_survey.as_deref()).await;
    words::warn(&cluster.warnings().take());
    if let Ok(Planned::Plan(plan, seen)) = &planned {
        expiry::warn(cluster.expiry(), plan, seen);
        rehearsal::rehearse(&cluster, plan).await?;
    }
    planned
}

/// Plans from a survey that was saved. Nothing is asked of a cluster, so that what says which one is refused.
fn from_file(args: &MoveArgs, path: &Path, connection: &ConnectionArgs) -> Result<Planned, CommandError> {
    if let Some(flag) = connection.given().first() {
        let why = format!("`{flag}` has no effect beside `--survey`, which connects to no cluster");
        return Err(CommandError::new(Kind::Error, why).hinted(format!("leave out `{flag}`, or leave out `--survey` to ask the cluster")));
    }
    let Document { made_at, made_by, survey, .. } = read_survey(path)?;
    words::say(&words::survey_head_text(&path.to_string_lossy(), &made_at, &made_by));
    planned(&args.request()?, survey, "")
}

fn read_survey(path: &Path) -> Result<Document, CommandError> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        CommandError::new(Kind::Error, format!("cannot read survey `{}`: {error}", path.display())).hinted(HOW_TO_SURVEY)
    })?;
    survey_file::read(&text).map_err(|error| {
        let hint = match error {
            Unreadable::Syntax(_) | Unreadable::Kind(_) => HOW_TO_SURVEY,
            Unreadable::Version { .. } => "use the version of kubectl-stateful that made it, or make another one",
        };
        CommandError::new(Kind::Error, format!("`{}` cannot be used: {error}", path.display())).hinted(hint)
    })
}

const HOW_TO_SURVEY: &str = "make one with `kubectl stateful plan … --save-survey survey.yaml`";

fn write(path: &Path, text: &str) -> Result<(), CommandError> {
    std::fs::write(path, text).map_err(|error| {
        CommandError::new(Kind::Error, format!("cannot write `{}`: {error}", path.display())).hinted("name a file in a folder of yours")
    })
}

/// The image that was named, or that of the environment, or that of this build.
pub(super) fn mover_image(named: Option<&str>) -> Option<String> {
    let named = named.map(str::to_owned).or_else(|| environment("KUBECTL_STATEFUL_MOVER_IMAGE"));
    named.or_else(|| MOVER_IMAGE.map(str::to_owned))
}

/// As [`mover_image`], where there must be one.
pub(super) fn named_image(named: Option<&str>) -> Result<String, CommandError> {
    mover_image(named).ok_or_else(|| {
        CommandError::new(Kind::Error, "no image for the mover pods is named")
            .hinted("name one that your nodes can pull, best by its digest, with `--mover-image IMAGE` or KUBECTL_STATEFUL_MOVER_IMAGE")
    })
}

/// Now, to the second.
pub(super) fn now() -> String {
    let second = Timestamp::now().as_second();
    Timestamp::from_second(second).map(|now| now.to_string()).unwrap_or_default()
}

/// A run's name: `m` and seven characters from the time and from chance, so that two machines never make the same one.
pub(super) fn new_run_id() -> RunId {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let chance = std::hash::BuildHasher::hash_one(&std::collections::hash_map::RandomState::new(), Timestamp::now().as_nanosecond());
    let letters = (0..7).map(|place| char::from(LETTERS[usize::from((chance >> (5 * place)) as u8 & 31)]));
    RunId(std::iter::once('m').chain(letters).collect())
}

/// Checks a run's name.
pub(super) fn run_id(text: &str) -> Result<RunId, String> {
    RunId::try_from(text.to_owned())
}

/// `100Mi`, `1G` or a plain number.
fn bytes(text: &str) -> Result<u64, String> {
    read::bytes(text).filter(|bytes| *bytes > 0).ok_or_else(|| format!("`{text}` is not an amount such as 100Mi"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_runs_that_are_made_up_are_names_and_differ() {
        let (one, other) = (new_run_id(), new_run_id());
        assert!(run_id(&one.0).is_ok());
        assert_ne!(one, other);
    }
}
