//! The roles that are shipped allow what the command asks for, and nothing else; and what it asks for is all that it does, since the simulated
//! server refuses every call that they do not allow.

use std::collections::BTreeSet;

use kubectl_stateful::cluster::access::needed;
use kubectl_stateful::survey::AppKind;
use serde_json::Value;

/// Verb, group, resource (with `/subresource`), whether in a namespace.
pub(crate) type Permission = (String, String, String, bool);

/// What the shipped roles allow.
pub(crate) fn shipped() -> BTreeSet<Permission> {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/rbac.yaml");
    let text = std::fs::read_to_string(file).expect("the roles are shipped");
    let roles: Vec<Value> = text.split("\n---\n").map(|role| serde_saphyr::from_str(role).expect("a role")).collect();
    let texts = |value: &Value| -> Vec<String> {
        value.as_array().expect("a list").iter().map(|one| one.as_str().expect("a text").to_owned()).collect()
    };
    let mut all = BTreeSet::new();
    for role in &roles {
        let in_namespace = role["metadata"]["name"] == "kubectl-stateful";
        for rule in role["rules"].as_array().expect("rules") {
            let (groups, resources, verbs) = (texts(&rule["apiGroups"]), texts(&rule["resources"]), texts(&rule["verbs"]));
            for group in &groups {
                for resource in &resources {
                    all.extend(verbs.iter().map(|verb| (verb.clone(), group.clone(), resource.clone(), in_namespace)));
                }
            }
        }
    }
    all
}

#[test]
fn the_shipped_roles_allow_what_is_asked_for_and_nothing_else() {
    let kinds = [AppKind::StatefulSet, AppKind::Deployment, AppKind::Pod, AppKind::Claim];
    let asked: BTreeSet<Permission> = kinds
        .into_iter()
        .flat_map(needed)
        .map(|need| (need.verb.to_owned(), need.group.to_owned(), need.resource.to_owned(), need.namespaced))
        .collect();
    let shipped = shipped();
    let missing: Vec<_> = asked.difference(&shipped).collect();
    let needless: Vec<_> = shipped.difference(&asked).collect();
    assert!(missing.is_empty() && needless.is_empty(), "missing: {missing:?}; needless: {needless:?}");
}
