//! Whether network policies keep mover pods of one namespace from reaching one another. Policies add up: what any of those that select a pod
//! lets in or out is let in or out. A pod that none selects is open (<https://kubernetes.io/docs/concepts/services-networking/network-policies/>).

use serde_json::{Value, json};

use super::selector;
use crate::plan::marks;

/// The label that the server gives to each namespace, with its name.
const NAMESPACE_NAME: &str = "kubernetes.io/metadata.name";

/// One of the two ways that traffic goes, in the fields of a policy.
struct Direction {
    policy_type: &'static str,
    rules: &'static str,
    peers: &'static str,
}

const DIRECTIONS: [Direction; 2] = [
    Direction { policy_type: "Ingress", rules: "ingress", peers: "from" },
    Direction { policy_type: "Egress", rules: "egress", peers: "to" },
];

/// The policies of a namespace that cut mover pods off, in either direction.
pub(super) fn cut_off<'a>(policies: &'a [Value], namespace: &str) -> Vec<&'a Value> {
    let cuts = |policy: &&Value| {
        DIRECTIONS.iter().any(|direction| selects_movers(policy) && has_type(policy, direction) && !is_open(policies, direction, namespace))
    };
    policies.iter().filter(cuts).collect()
}

/// Whether some policy lets movers through to one another.
fn is_open(policies: &[Value], direction: &Direction, namespace: &str) -> bool {
    let of_movers = policies.iter().filter(|policy| selects_movers(policy) && has_type(policy, direction));
    let mut rules = of_movers.flat_map(|policy| policy["spec"][direction.rules].as_array().into_iter().flatten());
    rules.any(|rule| opens(rule, direction, namespace))
}

fn selects_movers(policy: &Value) -> bool {
    let selector = &policy["spec"]["podSelector"];
    selector.is_null() || is_mover(selector)
}

/// Whether a selector matches the labels of mover pods (the run's own name is not known to anybody who writes policies).
fn is_mover(selector: &Value) -> bool {
    selector::matches(selector, &json!({ marks::MANAGED_BY: marks::US, marks::ROLE: marks::ROLE_MOVER }))
}

fn has_type(policy: &Value, direction: &Direction) -> bool {
    policy["spec"]["policyTypes"].as_array().is_some_and(|types| types.iter().any(|one| one == direction.policy_type))
}

/// Whether a rule lets TCP through between movers, whatever the port.
fn opens(rule: &Value, direction: &Direction, namespace: &str) -> bool {
    let is_tcp = |port: &Value| port["port"].is_null() && matches!(port["protocol"].as_str(), None | Some("TCP"));
    let any_port = rule["ports"].as_array().is_none_or(|all| all.is_empty() || all.iter().any(is_tcp));
    let has_movers = |peer: &Value| has_movers(peer, namespace);
    any_port && rule[direction.peers].as_array().is_none_or(|all| all.is_empty() || all.iter().any(has_movers))
}

/// Whether a peer is the movers of this namespace. What other labels a namespace has is not asked.
fn has_movers(peer: &Value, namespace: &str) -> bool {
    let (pods, namespaces) = (&peer["podSelector"], &peer["namespaceSelector"]);
    let is_selector = pods.is_object() || namespaces.is_object();
    let of_namespace = namespaces.is_null() || selector::matches(namespaces, &json!({ NAMESPACE_NAME: namespace }));
    is_selector && (pods.is_null() || is_mover(pods)) && of_namespace
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(specs: &[Value]) -> usize {
        let policies: Vec<Value> = specs.iter().map(|spec| json!({ "spec": spec })).collect();
        cut_off(&policies, "db").len()
    }

    fn ingress(rules: &Value) -> Value {
        json!({ "podSelector": {}, "policyTypes": ["Ingress"], "ingress": rules })
    }

    #[test]
    fn a_policy_cuts_off_when_it_selects_all_and_opens_less() {
        assert_eq!(cut(&[json!({ "podSelector": {}, "policyTypes": ["Ingress"] })]), 1);
        assert_eq!(cut(&[json!({ "podSelector": {}, "policyTypes": ["Ingress", "Egress"], "ingress": [{}] })]), 1);
        assert_eq!(cut(&[ingress(&json!([{}]))]), 0);
        assert_eq!(cut(&[json!({ "podSelector": { "matchLabels": { "a": "b" } }, "policyTypes": ["Ingress"] })]), 0);
        let all_but = json!({ "matchExpressions": [{ "key": "a", "operator": "DoesNotExist" }] });
        assert_eq!(cut(&[json!({ "podSelector": all_but, "policyTypes": ["Ingress"] })]), 1);
        let managed = json!({ "matchExpressions": [{ "key": "app.kubernetes.io/managed-by", "operator": "Exists" }] });
        assert_eq!(cut(&[json!({ "podSelector": managed, "policyTypes": ["Ingress"] })]), 1, "movers bear that label");
    }

    #[test]
    fn a_policy_that_lets_a_namespace_talk_to_itself_cuts_nothing_off() {
        assert_eq!(cut(&[ingress(&json!([{ "from": [{ "podSelector": {} }] }]))]), 0);
        assert_eq!(cut(&[ingress(&json!([{ "from": [{ "namespaceSelector": {} }] }]))]), 0);
        let named = |name: &str| json!({ "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": name } } });
        assert_eq!(cut(&[ingress(&json!([{ "from": [named("db")] }]))]), 0);
        assert_eq!(cut(&[ingress(&json!([{ "from": [named("web")] }]))]), 1);
        assert_eq!(cut(&[ingress(&json!([{ "from": [{ "podSelector": {} }], "ports": [{ "port": 5432 }] }]))]), 1);
        assert_eq!(cut(&[ingress(&json!([{ "from": [{ "podSelector": { "matchLabels": { "app": "web" } } }] }]))]), 1);
        assert_eq!(cut(&[ingress(&json!([{ "from": [{ "namespaceSelector": { "matchLabels": { "a": "b" } } }] }]))]), 1);
        assert_eq!(cut(&[ingress(&json!([{ "from": [{ "ipBlock": { "cidr": "0.0.0.0/0" } }] }]))]), 1, "pods are no part of it for some");
    }

    #[test]
    fn policies_add_up() {
        let deny = json!({ "podSelector": {}, "policyTypes": ["Ingress", "Egress"] });
        let allow = json!({ "podSelector": {}, "policyTypes": ["Ingress", "Egress"],
            "ingress": [{ "from": [{ "podSelector": {} }] }], "egress": [{ "to": [{ "podSelector": {} }] }] });
        assert_eq!(cut(&[deny.clone(), allow]), 0);
        assert_eq!(cut(&[deny.clone(), ingress(&json!([{}]))]), 1, "nothing is let out");
        let mut for_movers =
            json!({ "podSelector": { "matchLabels": { "kubectl-stateful.dev/role": "mover" } }, "policyTypes": ["Ingress", "Egress"] });
        for (rules, peers) in [("ingress", "from"), ("egress", "to")] {
            for_movers[rules] = json!([{ peers: [{ "podSelector": for_movers["podSelector"] }], "ports": [{ "protocol": "TCP" }] }]);
        }
        assert_eq!(cut(&[deny.clone(), for_movers]), 0, "as the refusal has it");
        let for_web = json!({ "podSelector": { "matchLabels": { "app": "web" } }, "policyTypes": ["Ingress", "Egress"], "ingress": [{}], "egress": [{}] });
        assert_eq!(cut(&[deny, for_web]), 1);
    }
}
