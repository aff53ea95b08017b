//! Records written by a tenant who has nothing but the built-in role `edit` in one namespace. The admin runs the command that the tool
//! itself suggests; nothing of it is carried out, and what was found and who wrote it is said.

use serde_json::{Value, json};

use crate::apps;
use crate::harness::{Ran, Space};

/// A tenant's namespace with an app of his, and somebody else's beside it.
struct Neighbours {
    tenant: Space,
    victim: Space,
}

impl Neighbours {
    fn new(test: &str) -> Self {
        let (tenant, victim) = (Space::new(&format!("{test}-t")), Space::new(&format!("{test}-v")));
        tenant.kubectl(&["create", "rolebinding", "edit", "--clusterrole=edit", "--user=tenant"]);
        apps::set(&tenant, "mine", 1, &[("data", "slow")]);
        apps::set(&victim, "pg", 1, &[("data", "slow")]);
        Self { tenant, victim }
    }

    /// The plan of a run that the admin would make, as a document.
    fn plan(&self, run: &str) -> Value {
        let made = self.tenant.stateful(&["plan", "sts/mine", "--to-storage-class", "fast", "--run", run, "-o", "json"]).ends_with(0);
        serde_json::from_str(&made.stdout).expect("a plan")
    }

    /// Stores a plan as the record of a run, as the tenant.
    fn plant(&self, run: &str, plan: &Value) {
        let app = "kubectl-stateful.dev/app";
        let key = kubectl_stateful::plan::marks::app_key(kubectl_stateful::survey::AppKind::StatefulSet, "mine");
        let record = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": format!("stateful-{run}-plan-0"), "labels": {
            "app.kubernetes.io/managed-by": "kubectl-stateful", "kubectl-stateful.dev/run": run, "kubectl-stateful.dev/record": "plan",
            app: key, "kubectl-stateful.dev/state": "running" } },
            "data": { "pieces": "1", "plan": plan.to_string() } });
        self.tenant.try_kubectl(&["delete", "configmap", &format!("stateful-{run}-plan-0"), "--as", "tenant"]);
        self.tenant.give(&["-n", &self.tenant.name, "create", "--as", "tenant"], &record);
    }

    /// The victim's objects, as they are.
    fn of_victim(&self) -> (Vec<Value>, Value, Value) {
        let volumes = self.victim.volumes().iter().map(|volume| json!([volume["metadata"]["resourceVersion"], volume["spec"]])).collect();
        let set = self.victim.get("sts/pg").expect("the set");
        let claim = self.victim.get("pvc/data-pg-0").expect("the claim");
        (volumes, set["spec"].clone(), claim["spec"].clone())
    }

    /// What the admin's own plan suggests for a run that is said not to be finished, as arguments.
    fn suggested(&self, run: &str) -> Vec<String> {
        let ran = self.tenant.stateful(&["plan", "sts/mine", "--to-storage-class", "fast"]).ends_with(4);
        let command = format!("kubectl stateful execute --resume {run} -n {}", self.tenant.name);
        let ran = ran.says(&command);
        assert!(ran.stderr.contains(&format!("stateful-{run}-plan-0")), "{}", ran.stderr);
        command.split(' ').skip(2).map(str::to_owned).collect()
    }

    /// Runs everything that could be suggested, and expects each to be refused with these words.
    #[track_caller]
    fn is_refused(&self, run: &str, words: &[&str]) {
        let before = self.of_victim();
        let resume = self.suggested(run);
        let resume: Vec<&str> = resume.iter().map(String::as_str).chain(["--yes"]).collect();
        // As it was suggested: with its own `-n`.
        let ran = self.tenant.stateful_as_typed(&resume);
        let others = ["undo", "finalize"].map(|command| self.tenant.stateful(&[command, run, "--yes"]));
        for ran in [ran].into_iter().chain(others) {
            let ran: Ran = ran.ends_with(4);
            for word in words {
                assert!(ran.stderr.contains(word), "`{word}` is not in:\n{}", ran.stderr);
            }
        }
        assert_eq!(self.of_victim(), before);
    }
}

/// The steps of a kind.
fn steps<'a>(plan: &'a mut Value, does: &'static str) -> impl Iterator<Item = &'a mut Value> {
    let stages = plan["stages"].as_array_mut().expect("stages").iter_mut();
    let all = stages.flat_map(|stage| stage["steps"].as_array_mut().expect("steps").iter_mut()).map(|planned| &mut planned["step"]);
    all.filter(move |step| step["does"] == does)
}

fn only(plan: &mut Value, id: &str, step: Value) {
    plan["stages"] = json!([{ "name": "settle", "appIsDown": false, "steps": [{ "id": id, "deadlineSecs": 20, "step": step }] }]);
}

#[test]
fn what_a_tenant_wrote_is_not_carried_out_with_the_admins_rights() {
    let both = Neighbours::new("forged");
    let genuine = both.plan("mforged");
    let by_whom = ["stateful-mforged-plan-0", "last written by `kubectl-create`"];

    let mut plan = genuine.clone();
    let policy = json!({ "whenDeleted": "Delete", "whenScaled": "Delete" });
    (plan["app"]["namespace"], plan["app"]["name"]) = (json!(both.victim.name), json!("pg"));
    only(&mut plan, "restore-retention:pg", json!({ "does": "restoreRetention", "policy": policy }));
    both.plant("mforged", &plan);
    both.is_refused("mforged", &by_whom);

    let mut plan = genuine.clone();
    let pod = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "pwn", "namespace": "kube-system" },
        "spec": { "hostPID": true, "containers": [{ "name": "c", "image": "localhost/busybox:1", "securityContext": { "privileged": true } }] } });
    only(&mut plan, "start-mover:pwn", json!({ "does": "startMover", "pod": "pwn", "end": "source", "heldByApp": [], "manifest": pod }));
    both.plant("mforged", &plan);
    both.is_refused("mforged", &by_whom);
    let pods = both.tenant.kubectl(&["get", "pods", "-A", "-o", "name"]);
    assert!(!pods.lines().any(|pod| pod == "pod/pwn"), "{pods}");

    let mut plan = genuine.clone();
    plan["moves"][0]["target"]["claim"] = json!("data-pg-0");
    both.plant("mforged", &plan);
    both.is_refused("mforged", &by_whom);
    apps::nothing_is_lost(&both.victim, "pg-0");
    apps::nothing_is_lost(&both.tenant, "mine-0");
}

/// What would be planned is carried out when it is resumed; with anything else in it, it is not. And nothing is without a question.
#[test]
fn a_planted_plan_is_worth_no_more_than_one_that_is_planned_now() {
    let both = Neighbours::new("planted");
    let genuine = both.plan("mplant");
    let mut plan = genuine.clone();
    for step in steps(&mut plan, "settleTarget") {
        step["policy"] = json!("Retain");
    }
    both.plant("mplant", &plan);
    let ran = both.tenant.stateful(&["execute", "--resume", "mplant", "--yes"]).ends_with(4);
    assert!(ran.stderr.contains("not what would be planned now"), "{}", ran.stderr);
    both.plant("mplant", &genuine);
    both.tenant.stateful(&["execute", "--resume", "mplant"]).ends_with(1).says("there is no terminal to ask on");
    both.tenant.stateful(&["execute", "--resume", "mplant", "--yes"]).ends_with(0);
    assert_eq!(both.tenant.claim("data-mine-0").0, "fast");

    // With the run over, its record is made to point at what somebody else keeps.
    both.victim.stateful(&["execute", "sts/pg", "--to-storage-class", "fast", "--run", "mpay", "--yes"]).ends_with(0);
    let before = both.of_victim();
    let mut plan = genuine.clone();
    plan["app"]["namespace"] = json!(both.victim.name);
    plan["request"]["run"] = json!("mpay");
    both.plant("mplant", &plan);
    both.tenant.stateful(&["finalize", "mplant", "--yes"]).ends_with(4).says("last written by `kubectl-create`");
    assert_eq!(both.of_victim(), before);

    // A plan file that takes up what the victim keeps.
    let kept = both.victim.volumes().into_iter().find(|volume| volume["status"]["phase"] == "Released").expect("a kept volume");
    let mut plan = genuine;
    plan["request"]["run"] = json!("mloot");
    plan["request"]["destination"] = json!({ "to": "keptVolumes", "run": "mpay", "discardNewWrites": true, "volumes": [{
        "claim": "data-mine-0", "volume": kept["metadata"]["name"], "volumeUid": kept["metadata"]["uid"], "class": "slow", "request": "64Mi",
        "claimRef": { "namespace": both.tenant.name, "name": "data-mine-0" }, "labels": {}, "reclaimPolicy": "Delete" }] });
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("plan.json");
    std::fs::write(&file, plan.to_string()).expect("the folder is ours");
    both.tenant.stateful(&["execute", &file.to_string_lossy(), "--yes"]).ends_with(4).says("not safe to carry out");
    assert_eq!(both.of_victim(), before);
}
