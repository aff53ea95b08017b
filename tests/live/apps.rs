//! The apps that are moved: a scribe that notices by itself when anything of what it wrote is lost.
//!
//! A scribe numbers lines in `/data/log`, writes `end` when it is stopped, and looks for that when it is started: a log that
//! does not end with it, or has a gap, was torn. Its other files are summed when they are made and whenever it is asked.

use serde_json::{Value, json};

use crate::harness::Space;

/// The scribe, as a shell program. `$0` is not used; `FILES` says how many files it makes at first.
const SCRIBE: &str = r#"
cd /data || exit 1
torn() { echo "$1" >> torn; sync; }
if [ -f log ]; then
  [ "$(tail -n 1 log)" = end ] || torn "the log ends with: $(tail -n 1 log)"
  md5sum -c sums >/dev/null 2>&1 || torn "the sums are wrong"
  n=$(grep -c line log)
else
  n=0
  mkdir -p deep/er
  i=0; while [ $i -lt ${FILES:-40} ]; do head -c 5000 /dev/urandom > deep/er/$i; i=$((i+1)); done
  head -c ${BIG:-3000000} /dev/urandom > big
  ln big deep/hard; ln -s er/1 deep/soft; mkfifo pipe; chmod 4750 deep/er/1; chown 1234:567 deep/er/2
  touch -d @1000000001 deep/er/3
  find . -type f -name '[0-9]*' -o -name big | sort | xargs md5sum > sums
  sync
fi
stop() { echo end >> log; sync; exit 0; }
trap stop TERM INT
httpd -p 8080 -h /tmp
while true; do n=$((n+1)); echo "line $n" >> log; sleep 0.1; done
"#;

/// A container that runs the scribe on these mounts, the first of which is `/data`.
fn container(mounts: &[&str]) -> Value {
    let paths: Vec<Value> = mounts
        .iter()
        .enumerate()
        .map(|(index, name)| json!({ "name": name, "mountPath": if index == 0 { "/data".to_owned() } else { format!("/{name}") } }))
        .collect();
    json!({
        "name": "scribe", "image": "localhost/busybox:1", "imagePullPolicy": "IfNotPresent",
        "command": ["sh", "-c", SCRIBE],
        // Not a command: starting one in a container each second is more work than everything the scribe does.
        "readinessProbe": { "tcpSocket": { "port": 8080 }, "periodSeconds": 1 },
        "volumeMounts": paths,
    })
}

fn template(name: &str, mounts: &[&str]) -> Value {
    json!({
        "metadata": { "labels": { "app": name } },
        "spec": { "terminationGracePeriodSeconds": 20, "containers": [container(mounts)] },
    })
}

/// A set of scribes; each template is a name and a class.
pub(crate) fn set(space: &Space, name: &str, replicas: u32, templates: &[(&str, &str)]) {
    let mounts: Vec<&str> = templates.iter().map(|(template, _)| *template).collect();
    let claims: Vec<Value> = templates
        .iter()
        .map(|(template, class)| {
            json!({ "metadata": { "name": template },
                "spec": { "accessModes": ["ReadWriteOnce"], "storageClassName": class, "resources": { "requests": { "storage": size(class) } } } })
        })
        .collect();
    space.apply(&json!({
        "apiVersion": "apps/v1", "kind": "StatefulSet",
        "metadata": { "name": name, "labels": { "team": "scribes" } },
        "spec": { "serviceName": name, "replicas": replicas, "podManagementPolicy": "Parallel",
            "selector": { "matchLabels": { "app": name } },
            "template": template(name, &mounts),
            "volumeClaimTemplates": claims },
    }));
    space.until_ready(&format!("sts/{name}"));
}

/// A set of one scribe that asks for no privilege at all, as a restricted namespace wants it.
pub(crate) fn restricted_set(space: &Space, name: &str) {
    let mut template = template(name, &["data"]);
    template["spec"]["securityContext"] = json!({ "runAsUser": 1000, "runAsGroup": 1000, "fsGroup": 2000, "runAsNonRoot": true,
        "seccompProfile": { "type": "RuntimeDefault" } });
    template["spec"]["containers"][0]["securityContext"] =
        json!({ "allowPrivilegeEscalation": false, "capabilities": { "drop": ["ALL"] } });
    space.apply(&json!({
        "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": { "name": name },
        "spec": { "serviceName": name, "replicas": 1, "selector": { "matchLabels": { "app": name } }, "template": template,
            "volumeClaimTemplates": [{ "metadata": { "name": "data" }, "spec": { "accessModes": ["ReadWriteOnce"],
                "storageClassName": "slow", "resources": { "requests": { "storage": size("slow") } } } }] },
    }));
    space.until_ready(&format!("sts/{name}"));
}

/// Makes a class of volumes that are on this node only. A storage class is not in a namespace: it is named after ours, and must go with the test.
pub(crate) fn class_on(space: &Space, node: &str) -> String {
    let class = format!("{node}-{}", space.name);
    space.apply(&json!({ "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": { "name": class },
        "provisioner": "fast.loop.csi", "volumeBindingMode": "WaitForFirstConsumer",
        "allowedTopologies": [{ "matchLabelExpressions": [{ "key": "topology.fast.loop.csi/node", "values": [node] }] }] }));
    class
}

/// XFS cannot be made smaller than 300 MiB.
fn size(class: &str) -> &'static str {
    if class.ends_with("xfs") { "320Mi" } else { "64Mi" }
}

/// A claim by itself.
pub(crate) fn claim(space: &Space, name: &str, class: &str, block: bool) {
    space.apply(&json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": { "name": name },
        "spec": { "accessModes": ["ReadWriteOnce"], "storageClassName": class, "volumeMode": if block { "Block" } else { "Filesystem" },
            "resources": { "requests": { "storage": size(class) } } },
    }));
}

/// A deployment of one scribe on a claim.
pub(crate) fn deployment(space: &Space, name: &str, claim_name: &str) {
    let mut template = template(name, &["data"]);
    template["spec"]["volumes"] = json!([{ "name": "data", "persistentVolumeClaim": { "claimName": claim_name } }]);
    space.apply(&json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": name },
        "spec": { "replicas": 1, "strategy": { "type": "Recreate" }, "selector": { "matchLabels": { "app": name } }, "template": template },
    }));
    space.until_ready(&format!("deploy/{name}"));
}

/// A bare pod with a scribe on a claim.
pub(crate) fn pod(space: &Space, name: &str, claim_name: &str) {
    let mut spec = template(name, &["data"])["spec"].clone();
    spec["volumes"] = json!([{ "name": "data", "persistentVolumeClaim": { "claimName": claim_name } }]);
    space.apply(&json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name, "labels": { "app": name } }, "spec": spec }));
    space.until_ready(&format!("pod/{name}"));
}

/// A pod that keeps a claim mounted at `/data`, or as the device `/dev/data`, and does nothing with it.
pub(crate) fn holder(space: &Space, name: &str, claim_name: &str, block: bool) {
    holder_on(space, name, claim_name, block, &Value::Null);
}

/// As [`holder`], on this node: a volume can be mounted twice on one, but not on two.
pub(crate) fn holder_on(space: &Space, name: &str, claim_name: &str, block: bool, node: &Value) {
    let mut container = json!({ "name": "holder", "image": "localhost/busybox:1", "imagePullPolicy": "IfNotPresent",
        "command": ["sh", "-c", "trap 'exit 0' TERM; while true; do sleep 0.2; done"] });
    if block {
        container["volumeDevices"] = json!([{ "name": "data", "devicePath": "/dev/data" }]);
    } else {
        container["volumeMounts"] = json!([{ "name": "data", "mountPath": "/data" }]);
    }
    space.apply(&json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name },
        "spec": { "nodeName": node, "terminationGracePeriodSeconds": 5, "containers": [container],
            "volumes": [{ "name": "data", "persistentVolumeClaim": { "claimName": claim_name } }] } }));
    space.until_ready(&format!("pod/{name}"));
}

/// Fails the test unless the scribe in a pod has everything it ever wrote, with what it made of its files.
#[track_caller]
pub(crate) fn nothing_is_lost(space: &Space, pod: &str) {
    nothing_is_torn(space, pod);
    let kept = r#"cd /data && [ "$(stat -c %i big)" = "$(stat -c %i deep/hard)" ] && [ "$(readlink deep/soft)" = er/1 ] && [ -p pipe ] &&
        [ "$(stat -c %a deep/er/1)" = 4750 ] && [ "$(stat -c %u:%g deep/er/2)" = 1234:567 ] && [ "$(stat -c %Y deep/er/3)" = 1000000001 ]"#;
    space.shell(pod, kept);
}

/// Fails the test unless the scribe in a pod has everything it ever wrote.
#[track_caller]
pub(crate) fn nothing_is_torn(space: &Space, pod: &str) {
    let torn = space.shell(pod, "cat /data/torn 2>/dev/null; true");
    assert_eq!(torn, "", "{pod} noticed a loss");
    let gaps = r#"grep line /data/log | awk '{ if ($2 != NR) { print "line " NR " is " $0; exit } }'"#;
    assert_eq!(space.shell(pod, gaps), "", "the log of {pod} has a gap");
    space.shell(pod, "cd /data && md5sum -c sums >/dev/null");
}

/// How many lines the scribe in a pod has written.
pub(crate) fn lines(space: &Space, pod: &str) -> u64 {
    space.shell(pod, "grep -c line /data/log").trim().parse().expect("a count")
}
