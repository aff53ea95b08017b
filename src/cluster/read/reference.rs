//! From what a person typed to one object: `sts/x`, `statefulset x`, `deployments.apps/x`, `-l app=x`.
//!
//! What can be moved is Kubernetes' own, and known by the names that are given to it there. Discovery is asked only for what any other
//! word might mean. So a cluster at its limits does not seem to have no stateful sets.

use std::time::Duration;

use serde_json::Value;

use super::failure::SurveyError;
use crate::cluster::kinds::encoded;
use crate::cluster::{ApiError, Connection, Kind};
use crate::plan::is_object;
use crate::survey::object::{controller, mounted_claims};
use crate::survey::{AppKind, is_over};

/// What can be moved, in words.
const MOVABLE: &str = "statefulset, deployment, pod or pvc";

/// The kind a resource of the API stands for here.
fn kind_of(group: &str, plural: &str) -> Option<AppKind> {
    match (group, plural) {
        ("apps", "statefulsets") => Some(AppKind::StatefulSet),
        ("apps", "deployments") => Some(AppKind::Deployment),
        ("", "pods") => Some(AppKind::Pod),
        ("", "persistentvolumeclaims") => Some(AppKind::Claim),
        _ => None,
    }
}

/// One object to move.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// What it is.
    pub kind: AppKind,
    /// Its name.
    pub name: String,
}

/// A resource of the API, as discovery lists it.
#[derive(Clone, Debug)]
struct Resource {
    group: String,
    version: String,
    plural: String,
    singular: String,
    kind: String,
    short: Vec<String>,
}

/// Finds the one object that is meant.
///
/// # Errors
///
/// When the words name no kind or object, one that cannot be moved, or more than one.
pub async fn resolve(connection: &Connection, namespace: &str, words: &[String], selector: Option<&str>) -> Result<Reference, SurveyError> {
    match (split(words)?, selector) {
        (Some((kind, Some(name))), None) => one(connection, namespace, &kind, &name).await,
        (Some((kind, None)), Some(selector)) => {
            let kind = movable(connection, &kind).await?;
            select(connection, namespace, &[kind], selector).await
        }
        (None, Some(selector)) => {
            let kinds = [AppKind::StatefulSet, AppKind::Deployment, AppKind::Pod];
            select(connection, namespace, &kinds, selector).await
        }
        (Some((kind, None)), None) => Err(form(&format!("`{kind}` names a kind and no object"))),
        (Some((_, Some(_))), Some(_)) => Err(form("an object is named by its name or by a selector, not by both")),
        (None, None) => Err(form("nothing is named")),
    }
}

fn form(why: &str) -> SurveyError {
    SurveyError::Reference { why: why.to_owned(), hint: format!("name one {MOVABLE}, such as `sts/NAME`, or use `-l SELECTOR`") }
}

/// Kind and name; none when there are no words.
fn split(words: &[String]) -> Result<Option<(String, Option<String>)>, SurveyError> {
    let split = divide(words)?;
    match &split {
        Some((_, Some(name))) if !is_object(name) => {
            Err(form(&format!("`{name}` is no name of an object: names are lower-case letters, digits, dashes and dots")))
        }
        Some(_) | None => Ok(split),
    }
}

fn divide(words: &[String]) -> Result<Option<(String, Option<String>)>, SurveyError> {
    match words {
        [] => Ok(None),
        [one] => match one.split_once('/') {
            Some((kind, name)) if !kind.is_empty() && !name.is_empty() && !name.contains('/') => {
                Ok(Some((kind.to_owned(), Some(name.to_owned()))))
            }
            Some(_) => Err(form(&format!("`{one}` is not of the form TYPE/NAME"))),
            None => Ok(Some((one.clone(), None))),
        },
        [kind, name] if !kind.contains('/') && !name.contains('/') => Ok(Some((kind.clone(), Some(name.clone())))),
        _ => Err(form("one object is moved at a time")),
    }
}

async fn one(connection: &Connection, namespace: &str, word: &str, name: &str) -> Result<Reference, SurveyError> {
    let kind = movable(connection, word).await?;
    let found = connection.get(&resource(kind), namespace, name).await?;
    let Some(object) = found else {
        let (what, plural) = (format!("{}/{name}", kind.word()), resource(kind).plural.to_string());
        return Err(SurveyError::NotFound { what, namespace: namespace.to_owned(), plural });
    };
    not_a_part(connection, namespace, kind, name, &object).await?;
    Ok(Reference { kind, name: name.to_owned() })
}

/// The resource of a kind that can be moved.
pub(super) fn resource(kind: AppKind) -> Kind {
    match kind {
        AppKind::StatefulSet => Kind::STATEFUL_SET,
        AppKind::Deployment => Kind::DEPLOYMENT,
        AppKind::Pod => Kind::POD,
        AppKind::Claim => Kind::CLAIM,
    }
}

/// What can be moved: kind, group, and all its names.
const KNOWN: [(AppKind, &str, &[&str]); 4] = [
    (AppKind::StatefulSet, "apps", &["sts", "statefulset", "statefulsets"]),
    (AppKind::Deployment, "apps", &["deploy", "deployment", "deployments"]),
    (AppKind::Pod, "", &["po", "pod", "pods"]),
    (AppKind::Claim, "", &["pvc", "persistentvolumeclaim", "persistentvolumeclaims"]),
];

/// The kind a word means that can be moved.
fn known(word: &str) -> Option<AppKind> {
    let (name, rest) = word.split_once('.').unwrap_or((word, ""));
    let name = name.to_lowercase();
    let placed = |group: &str| rest.is_empty() || rest == group || rest == format!("v1.{group}").trim_end_matches('.');
    KNOWN.into_iter().find(|(_, group, names)| names.contains(&name.as_str()) && placed(group)).map(|(kind, _, _)| kind)
}

async fn movable(connection: &Connection, word: &str) -> Result<AppKind, SurveyError> {
    if let Some(kind) = known(word) {
        return Ok(kind);
    }
    let Discovery { resources, silent } = discover(connection).await?;
    let Some(found) = find(&resources, word) else {
        let hint = format!("what can be moved is a {MOVABLE}");
        let why = match silent.as_slice() {
            [] => format!("the cluster has no kind `{word}`"),
            [(group, error), ..] => {
                format!("it is not known what kind `{word}` is: API group `{group}` does not say what it has ({error})")
            }
        };
        return Err(SurveyError::Reference { why, hint });
    };
    kind_of(&found.group, &found.plural).ok_or_else(|| SurveyError::Reference {
        why: format!("a {} cannot be moved by itself", found.kind),
        hint: format!("what can be moved is a {MOVABLE}; name the one that mounts its claims"),
    })
}

/// What a cluster says of its kinds.
struct Discovery {
    resources: Vec<Resource>,
    /// API groups that do not answer, with what they say instead.
    silent: Vec<(String, ApiError)>,
}

/// How often one list is asked for where that may help, and how long is waited after the first try.
const TRIES_MAX: u32 = 4;
const WAIT: Duration = Duration::from_millis(250);

async fn patiently(connection: &Connection, path: &str) -> Result<Value, ApiError> {
    for tried in 1.. {
        match connection.get_path(path).await {
            Err(error) if error.is_passing() && tried < TRIES_MAX => tokio::time::sleep(WAIT * 2u32.pow(tried - 1)).await,
            answer => return answer.map(Option::unwrap_or_default),
        }
    }
    unreachable!("it is tried a few times")
}

/// Reads the lists of kinds. An API group that does not answer after a few tries is named.
async fn discover(connection: &Connection) -> Result<Discovery, ApiError> {
    let mut resources = listed("", "v1", &patiently(connection, "/api/v1").await?);
    let groups = patiently(connection, "/apis").await?;
    let versions: Vec<(String, String)> = groups["groups"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|group| Some((group["name"].as_str()?.to_owned(), group["preferredVersion"]["version"].as_str()?.to_owned())))
        .collect();
    let reads = versions.iter().map(|(group, version)| async move {
        let list = patiently(connection, &format!("/apis/{}/{}", encoded(group), encoded(version))).await;
        (group, list.map(|list| listed(group, version, &list)))
    });
    let mut silent = Vec::new();
    for (group, read) in futures::future::join_all(reads).await {
        match read {
            Ok(more) => resources.extend(more),
            Err(error) => silent.push((group.clone(), error)),
        }
    }
    Ok(Discovery { resources, silent })
}

fn listed(group: &str, version: &str, list: &Value) -> Vec<Resource> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let all = list["resources"].as_array().into_iter().flatten();
    all.filter(|one| !text(&one["name"]).contains('/'))
        .map(|one| Resource {
            group: group.to_owned(),
            version: version.to_owned(),
            plural: text(&one["name"]),
            singular: text(&one["singularName"]),
            kind: text(&one["kind"]),
            short: one["shortNames"].as_array().into_iter().flatten().map(text).collect(),
        })
        .collect()
}

/// The kind a word means: `RESOURCE`, `RESOURCE.GROUP` or `RESOURCE.VERSION.GROUP`, in plural, singular, short form or as the kind.
fn find(resources: &[Resource], word: &str) -> Option<Resource> {
    let (name, rest) = word.split_once('.').unwrap_or((word, ""));
    let name = name.to_lowercase();
    let called =
        |one: &&Resource| one.plural == name || one.singular == name || one.kind.to_lowercase() == name || one.short.contains(&name);
    let placed = |one: &&Resource| {
        rest.is_empty()
            || rest == one.group
            || rest == format!("{}.{}", one.version, one.group)
            || rest == one.version && one.group.is_empty()
    };
    resources.iter().filter(called).find(placed).cloned()
}

async fn select(connection: &Connection, namespace: &str, kinds: &[AppKind], selector: &str) -> Result<Reference, SurveyError> {
    let mut found = Vec::new();
    for &kind in kinds {
        for object in connection.list(&resource(kind), namespace, selector).await? {
            if kinds.len() == 1 || controller(&object).is_none() {
                found.push(Reference { kind, name: object["metadata"]["name"].as_str().unwrap_or_default().to_owned() });
            }
        }
    }
    let all = || found.iter().map(|named| format!("{}/{}", named.kind.word(), named.name)).collect::<Vec<_>>().join(", ");
    match found.as_slice() {
        [one] => self::one(connection, namespace, one.kind.word(), &one.name).await,
        [] => Err(SurveyError::Reference {
            why: format!("nothing that can be moved matches `{selector}` in namespace `{namespace}`"),
            hint: format!("see what there is with `kubectl get sts,deploy,pods -l '{selector}' -n {namespace}`"),
        }),
        _ => {
            let why = format!("`{selector}` matches {} objects: {}", found.len(), all());
            Err(SurveyError::Reference { why, hint: "name one of them".to_owned() })
        }
    }
}

/// A pod that is made by a set, or a claim that a pod mounts, is moved with what it is a part of.
async fn not_a_part(connection: &Connection, namespace: &str, kind: AppKind, name: &str, object: &Value) -> Result<(), SurveyError> {
    let pods = match kind {
        AppKind::StatefulSet | AppKind::Deployment => return Ok(()),
        AppKind::Pod => vec![object.clone()],
        AppKind::Claim => {
            let pods = connection.list(&Kind::POD, namespace, "").await?;
            // One that is over is nothing to move the claim with: the planner says what it is in the way of.
            let is_over = |pod: &Value| is_over(pod["status"]["phase"].as_str().unwrap_or_default());
            pods.into_iter().filter(|pod| mounted_claims(pod).contains(&name.to_owned()) && !is_over(pod)).collect()
        }
    };
    for pod in pods {
        let whole = whole_of(connection, namespace, &pod).await?;
        let pod_name = pod["metadata"]["name"].as_str().unwrap_or_default();
        let part = match (kind, whole) {
            (AppKind::Pod, None) => continue,
            (_, Some(whole)) => whole,
            (_, None) => format!("pod/{pod_name}"),
        };
        let why = match kind {
            AppKind::Claim => format!("claim `{name}` is mounted by pod `{pod_name}`, a part of {part}"),
            _ => format!("pod `{name}` is a part of {part}"),
        };
        return Err(SurveyError::Reference { why, hint: format!("move the whole: {part}") });
    }
    Ok(())
}

/// What a pod is a part of, through its replica set where it has one.
async fn whole_of(connection: &Connection, namespace: &str, pod: &Value) -> Result<Option<String>, ApiError> {
    let Some((mut kind, mut name)) = controller(pod) else { return Ok(None) };
    let mut set = None;
    if kind == "ReplicaSet" {
        set = match connection.get(&Kind::REPLICA_SET, namespace, name).await {
            // Then the replica set itself is named.
            Err(ApiError::Forbidden(_)) => None,
            found => found?,
        };
    }
    if let Some(owner) = set.as_ref().and_then(controller) {
        (kind, name) = owner;
    }
    Ok(Some(format!("{}/{name}", kind.to_lowercase())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn resources() -> Vec<Resource> {
        let apps = json!({ "resources": [
            { "name": "statefulsets", "singularName": "statefulset", "kind": "StatefulSet", "shortNames": ["sts"] },
            { "name": "statefulsets/scale", "singularName": "", "kind": "Scale" }] });
        let core = json!({ "resources": [{ "name": "pods", "singularName": "pod", "kind": "Pod", "shortNames": ["po"] }] });
        let metrics = json!({ "resources": [{ "name": "pods", "singularName": "", "kind": "PodMetrics" }] });
        [listed("", "v1", &core), listed("apps", "v1", &apps), listed("metrics.k8s.io", "v1beta1", &metrics)].concat()
    }

    #[test]
    fn every_way_to_write_a_kind_is_understood() {
        for word in ["sts", "statefulset", "statefulsets", "StatefulSet", "statefulsets.apps", "sts.v1.apps"] {
            assert_eq!(find(&resources(), word).map(|one| one.plural).as_deref(), Some("statefulsets"), "{word}");
        }
        assert_eq!(find(&resources(), "po").map(|one| one.group).as_deref(), Some(""));
        assert!(find(&resources(), "sts.batch").is_none());
        assert!(find(&resources(), "scale").is_none());
    }

    #[test]
    fn what_can_be_moved_is_known_without_the_cluster() {
        for (word, kind) in [
            ("sts", AppKind::StatefulSet),
            ("StatefulSet", AppKind::StatefulSet),
            ("statefulsets.apps", AppKind::StatefulSet),
            ("deploy.v1.apps", AppKind::Deployment),
            ("po", AppKind::Pod),
            ("pods.v1", AppKind::Pod),
            ("PersistentVolumeClaim", AppKind::Claim),
        ] {
            assert_eq!(known(word), Some(kind), "{word}");
        }
        for other in ["sts.batch", "pods.metrics.k8s.io", "replicaset", "sts ", ""] {
            assert_eq!(known(other), None, "{other}");
        }
    }

    #[test]
    fn words_are_split_into_kind_and_name() {
        let words = |words: &[&str]| split(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
        assert_eq!(words(&["sts/x"]).expect("good"), Some(("sts".to_owned(), Some("x".to_owned()))));
        assert_eq!(words(&["sts", "x"]).expect("good"), Some(("sts".to_owned(), Some("x".to_owned()))));
        assert_eq!(words(&["sts"]).expect("good"), Some(("sts".to_owned(), None)));
        for bad in [&["sts/"][..], &["/x"], &["a/b/c"], &["sts/x", "y"], &["sts", "x", "y"], &["sts/a b"], &["sts", "x "], &["sts/a?b"]] {
            assert!(words(bad).is_err(), "{bad:?}");
        }
    }
}
