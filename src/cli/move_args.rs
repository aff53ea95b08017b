//! What to move, where, and how: the arguments that `plan` and `execute` share.

use std::time::Duration;

use clap::Args;

use super::environment::{mover_image, named_image};
use super::fresh;
use super::values::{access_mode, bytes, duration, object, run_id};
use crate::operate::Assurances;
use crate::operate::exit::ExitClass;
use crate::operate::failure::CommandError;
use crate::operate::plan::MoveCommand;
use crate::plan::{Destination, Request, RunId, START_SECS, STOP_SECS};

/// See the module.
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
    given: AssuranceArgs,
    /// Let the kubelet give the app's `fsGroup` and its modes to the files on the new volumes, where it did not so far
    #[arg(long)]
    fs_group_may_change: bool,
    /// Run the movers as the app's user and groups instead of as root, for volumes that root may not read (exports that squash root)
    #[arg(long)]
    run_movers_as_app: bool,
    /// The image of the mover pods (or KUBECTL_STATEFUL_MOVER_IMAGE)
    #[arg(long, value_name = "IMAGE")]
    mover_image: Option<String>,
}

/// What the user gives his word for. It counts where it is said, whatever a plan or a run of before says.
#[derive(Clone, Debug, Args)]
pub(super) struct AssuranceArgs {
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

impl AssuranceArgs {
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
    pub(super) fn assurances(&self) -> Assurances {
        Assurances {
            mover_image: mover_image(self.mover_image.as_deref()),
            applier_is_paused: self.given.applier_is_paused,
            network_is_open: self.given.network_is_open,
            accept_outage_secs: self.given.accept_outage_secs(),
            plan_digest: None,
        }
    }

    /// The move that is asked for.
    pub(super) fn command<'a>(&'a self, namespace: &'a str) -> Result<MoveCommand<'a>, CommandError> {
        let (reference, selector) = (self.words.as_slice(), self.selector.as_deref());
        Ok(MoveCommand { namespace, reference, selector, request: self.request()?, is_named: self.run.is_some() })
    }

    /// What is asked of the planner.
    pub(super) fn request(&self) -> Result<Request, CommandError> {
        let Some(class) = &self.to_storage_class else {
            return Err(
                CommandError::new(ExitClass::Error, "no target is named").hinted("name a storage class with `--to-storage-class NAME`")
            );
        };
        Ok(Request {
            run: self.run.clone().unwrap_or_else(fresh::run_id),
            made_at: fresh::now(),
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

/// What stands up for the records of a run that was begun by an earlier version.
#[derive(Clone, Debug, Args)]
pub(super) struct VouchArgs {
    /// The digest of the run's plan, which you have read: for a run begun by a version that left none on its volumes
    #[arg(long, value_name = "BLAKE3")]
    pub(super) plan_digest: Option<String>,
}

impl VouchArgs {
    /// What counts of what the user says about a run that is read back.
    pub(super) fn assurances(&self) -> Assurances {
        Assurances { plan_digest: self.plan_digest.clone(), ..Assurances::default() }
    }
}
