//! Whether network policies keep mover pods of one namespace from reaching one another. Policies add up: what any of those that select a pod lets in or
//! out is let in or out, and a pod that none selects is open (<https://kubernetes.io/docs/concepts/services-networking/network-policies/>).

use serde_json::{Map, Value, json};

use crate::plan::marks;

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

/// The policies that cut mover pods off, in either direction.
pub(super) fn cut_off(policies: &[Value]) -> Vec<&Value> {
    let cuts = |policy: &&Value| DIRECTIONS.iter().any(|direction| may_select(policy, direction) && !is_open(policies, direction));
    policies.iter().filter(cuts).collect()
}

/// Whether some policy lets movers through to one another: one of all pods, or one that was made for movers.
fn is_open(policies: &[Value], direction: &Direction) -> bool {
    let of_movers = policies.iter().filter(|policy| is_of_movers(&policy["spec"]["podSelector"]) && has_type(policy, direction));
    let mut rules = of_movers.flat_map(|policy| policy["spec"][direction.rules].as_array().into_iter().flatten());
    rules.any(|rule| opens(rule, direction))
}

/// Whether a selector surely selects every mover.
fn is_of_movers(selector: &Value) -> bool {
    is_empty(selector) || *selector == json!({ "matchLabels": { marks::ROLE: marks::ROLE_MOVER } })
}

/// Whether a policy may select movers: not if it wants a label of the app. One that wants labels not to be there may.
fn may_select(policy: &Value, direction: &Direction) -> bool {
    let selector = &policy["spec"]["podSelector"];
    let mut expressions = selector["matchExpressions"].as_array().into_iter().flatten();
    let is_negative = |one: &Value| matches!(one["operator"].as_str(), Some("NotIn" | "DoesNotExist"));
    has_type(policy, direction) && (is_of_movers(selector) || is_empty(&selector["matchLabels"]) && expressions.all(is_negative))
}

fn has_type(policy: &Value, direction: &Direction) -> bool {
    policy["spec"]["policyTypes"].as_array().is_some_and(|types| types.iter().any(|one| one == direction.policy_type))
}

/// Whether a rule lets TCP through between movers, whatever the port.
fn opens(rule: &Value, direction: &Direction) -> bool {
    let is_tcp = |port: &Value| port["port"].is_null() && matches!(port["protocol"].as_str(), None | Some("TCP"));
    let any_port = rule["ports"].as_array().is_none_or(|all| all.is_empty() || all.iter().any(is_tcp));
    any_port && rule[direction.peers].as_array().is_none_or(|all| all.is_empty() || all.iter().any(has_movers))
}

/// Whether a peer is every mover of the policy's namespace.
fn has_movers(peer: &Value) -> bool {
    let (pods, namespaces) = (&peer["podSelector"], &peer["namespaceSelector"]);
    let is_selector = pods.is_object() || namespaces.is_object();
    is_selector && peer["ipBlock"].is_null() && is_of_movers(pods) && is_empty(namespaces)
}

fn is_empty(value: &Value) -> bool {
    value.as_object().is_none_or(Map::is_empty)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn cut(specs: &[Value]) -> usize {
        let policies: Vec<Value> = specs.iter().map(|spec| json!({ "spec": spec })).collect();
        cut_off(&policies).len()
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
    }

    #[test]
    fn a_policy_that_lets_a_namespace_talk_to_itself_cuts_nothing_off() {
        assert_eq!(cut(&[ingress(&json!([{ "from": [{ "podSelector": {} }] }]))]), 0);
        assert_eq!(cut(&[ingress(&json!([{ "from": [{ "namespaceSelector": {} }] }]))]), 0);
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
