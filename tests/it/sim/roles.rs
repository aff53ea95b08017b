//! Moves are made under the roles that are shipped: the simulated server refuses every other call of the product, in every run of the
//! sweep. So whatever it does, in whatever trouble, is allowed by them.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use kubectl_stateful::cluster::read::resolve;
use kubectl_stateful::cluster::{ApiError, Kind};
use kubectl_stateful::engine::Ending;
use kubectl_stateful::journal::Journal;
use kubectl_stateful::operate::finalize;
use serde_json::{Value, json};

use super::foreign::{Deed, Hand};
use super::http::Asked;
use super::outcome::{Course, Move, Went};
use super::store::{Refused, text};
use super::sweep::in_paused_time;
use super::{Sim, connect, scenario};
use crate::permissions::{Permission, shipped};

impl Sim {
    /// Refuses what no shipped role allows. What everybody may is in none: to ask what one may do, and what the server has.
    pub(super) fn authorize(&self, asked: &Asked) -> Result<(), Refused> {
        static SHIPPED: LazyLock<BTreeSet<Permission>> = LazyLock::new(shipped);
        let is_anybodys = ["", "selfsubjectaccessreviews"].contains(&asked.plural.as_str());
        let needs = (asked.verb().to_owned(), asked.group.clone(), asked.resource(), !asked.namespace.is_empty());
        let is_withheld = self.withheld == Some(&asked.plural);
        if !self.has_roles || is_anybodys || SHIPPED.contains(&needs) && !is_withheld {
            return Ok(());
        }
        Err(Refused::new(403, "Forbidden", format!("no shipped role allows to {} {} in `{}`", needs.0, needs.2, asked.namespace)))
    }
}

/// The kinds that a user may name, of a group; of the core, which groups there are as well.
pub(super) fn discovery(group: &str) -> Value {
    let resource = |plural: &str, kind: &str| json!({ "name": plural, "singularName": kind.to_lowercase(), "kind": kind });
    match group {
        "apps" => json!({ "resources": [resource("statefulsets", "StatefulSet"), resource("deployments", "Deployment")] }),
        _ => json!({ "gitVersion": "v1.36.3", "groups": [{ "name": "apps", "preferredVersion": { "version": "v1" } }],
            "resources": [resource("pods", "Pod"), resource("persistentvolumeclaims", "PersistentVolumeClaim")] }),
    }
}

#[test]
fn the_server_refuses_what_no_role_allows() {
    let refused = in_paused_time(async {
        let moving = Move::new(&scenario::SMALL_SET).await;
        let cluster = connect(&moving.sim);
        let deleted = cluster.delete(&Kind::VOLUME, "", "any", &Default::default()).await;
        let elsewhere = cluster.list(&Kind::POD, "", "").await;
        let secondary = cluster.get_path("/api/v1/namespaces/app/pods/db-0/exec").await;
        [deleted.err(), elsewhere.err(), secondary.err()]
    });
    for error in refused {
        assert!(matches!(error, Some(ApiError::Forbidden(_))), "{error:?}");
    }
}

#[test]
fn a_run_is_ended_for_good_under_the_shipped_roles() {
    in_paused_time(async {
        let mut moving = Move::new(&scenario::SMALL_SET).await;
        assert!(matches!(moving.once(Course::Begin).await, Went::Ended(Ending::Completed)));
        let cluster = connect(&moving.sim);
        let journal = Journal::open(&cluster, "app", moving.plan.run()).await.expect("its journal");
        let kept = finalize::kept(&cluster, &moving.plan, &journal).await.expect("its old volumes");
        assert_eq!(kept.len(), 1);
        finalize::delete(&cluster, &kept, journal).await.expect("they go");
        let volumes = moving.with(|sim| sim.store.copies("persistentvolumes"));
        assert!(!volumes.iter().any(|volume| text(volume, "/metadata/name") == text(&kept[0], "/metadata/name")));
    });
}

/// What only helps is done without. A pod on a wrong node stays there, and the user is told why it does not start.
#[test]
fn without_the_right_to_see_nodes_a_pod_on_a_wrong_node_is_left_and_told() {
    let (went, pods) = in_paused_time(async {
        let mut moving = Move::new(&scenario::SMALL_SET).await;
        moving.with(|sim| {
            sim.withheld = Some("nodes");
            sim.expect_hand(Hand { deed: Deed::Misplaces, call: 1 });
        });
        let went = moving.once(Course::Begin).await;
        (went, moving.with(|sim| sim.store.copies("pods")))
    });
    let Went::Ended(Ending::Halted(trouble)) = went else { panic!("{went:?}") };
    assert!(trouble.to_string().contains("NodeAffinity check failed"), "{trouble}");
    assert!(pods.iter().any(|pod| text(pod, "/spec/nodeName") == "n2" && text(pod, "/metadata/name") == "db-0"), "{pods:?}");
}

/// A pod that is named is looked up through its replica set, so that the whole can be named instead.
#[test]
fn what_a_pod_is_a_part_of_is_found_under_the_shipped_roles() {
    let said = in_paused_time(async {
        let moving = Move::new(&scenario::DEPLOYMENT).await;
        let pod = moving.with(|sim| sim.store.copies("pods").iter().map(|pod| text(pod, "/metadata/name").to_owned()).next());
        let words = [format!("pod/{}", pod.expect("the app runs"))];
        resolve(&connect(&moving.sim), "app", &words, None).await.expect_err("only a whole can be moved").hint()
    });
    assert_eq!(said.as_deref(), Some("move the whole: deployment/web"));
}
