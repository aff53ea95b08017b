//! Two claims of two classes compared by a real mover pod.

use serde_json::{Value, json};

use crate::apps;
use crate::harness::Space;

/// A pod that keeps two claims mounted and does nothing with them.
fn holder_of_both(space: &Space) {
    let mounts = json!([{ "name": "left", "mountPath": "/left" }, { "name": "right", "mountPath": "/right" }]);
    let container = json!({ "name": "holder", "image": "localhost/busybox:1", "imagePullPolicy": "IfNotPresent", "volumeMounts": mounts,
        "command": ["sh", "-c", "trap 'exit 0' TERM; while true; do sleep 0.2; done"] });
    let volumes = ["left", "right"].map(|name| json!({ "name": name, "persistentVolumeClaim": { "claimName": name } }));
    space.apply(&json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "both" },
        "spec": { "terminationGracePeriodSeconds": 5, "containers": [container], "volumes": volumes } }));
    space.until_ready("pod/both");
}

fn verify(space: &Space, code: i32) -> Value {
    let ran = space.stateful(&["verify", "pvc/left", "pvc/right", "-o", "json"]).ends_with(code);
    space.until("the pod to be gone", |space| !space.kubectl(&["get", "pods", "-o", "name"]).contains("stateful-verify"));
    serde_json::from_str(&ran.stdout).expect("JSON")
}

#[test]
fn verify_tells_a_copy_from_one_with_a_byte_changed() {
    let space = Space::new("verify");
    apps::claim(&space, "left", "slow", false);
    apps::claim(&space, "right", "fast", false);
    holder_of_both(&space);
    // Whole seconds, since this `cp` and this `touch` know no others.
    let fill = "cd /left && mkdir -p deep && seq 1 5000 > deep/file && ln -s deep/file soft && cp -a deep soft /right/ && \
        chmod --reference=/left /right 2>/dev/null; \
        for side in /left /right; do cd $side && touch -h -d '2024-01-01 00:00:00' soft deep/file deep .; done && sync";
    space.shell("both", fill);
    let same = verify(&space, 0);
    assert_eq!((&same["isSame"], &same["differences"]), (&json!(true), &json!([])), "{same}");
    let change =
        "cd /right/deep && touch -r file /tmp/was && printf x | dd of=file bs=1 seek=9000 conv=notrunc && touch -r /tmp/was file && sync";
    space.shell("both", change);
    let differ = verify(&space, 8);
    assert_eq!((&differ["isSame"], &differ["differences"]), (&json!(false), &json!(["deep/file"])), "{differ}");
    assert_eq!(differ["claims"][0]["root"], same["claims"][0]["root"]);
}
