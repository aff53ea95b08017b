//! The kubelet's own changes to what was copied are said before.

use kubectl_stateful::plan::Request;
use kubectl_stateful::survey::{DriverSeen, Survey};
use serde_json::json;

use super::{plan, refusals, way_back};
use crate::seen;

/// The note about `fsGroup`, if there is one.
fn said(request: &Request, survey: &Survey) -> Option<String> {
    plan(&Request { fs_group_may_change: true, ..request.clone() }, survey).notes.into_iter().find(|note| note.contains("the kubelet"))
}

fn drivers(slow: &str, fast: &str) -> Vec<DriverSeen> {
    let driver = |name: &str, policy: &str| DriverSeen {
        name: name.to_owned(),
        attach_required: true,
        tells_capacity: false,
        fs_group_policy: policy.to_owned(),
    };
    vec![driver("slow.csi", slow), driver("fast.csi", fast)]
}

fn with_group(slow: &str, fast: &str) -> Survey {
    let mut survey = seen::set(1, &["data"]);
    survey.app.raw["spec"]["template"]["spec"]["securityContext"] = json!({ "fsGroup": 999 });
    survey.drivers = drivers(slow, fast);
    survey
}

#[test]
fn modes_are_not_changed_without_the_users_word() {
    let survey = with_group("None", "File");
    let refusals = refusals(&seen::request(), &survey);
    assert_eq!(
        refusals,
        [
            "on fast.csi the kubelet would give fsGroup 999 and its modes to every file of claim `data-pg-0`; on slow.csi it did not. A database that checks modes may not start"
        ]
    );
    for (slow, fast) in [("File", "File"), ("None", "None"), ("File", "None")] {
        plan(&seen::request(), &with_group(slow, fast));
    }
}

#[test]
fn a_driver_that_lets_the_kubelet_change_modes_is_said() {
    let note = said(&seen::request(), &with_group("None", "File")).expect("a note");
    assert!(
        note.starts_with("on fast.csi the kubelet gives group 999 and its modes to every file of claim data-pg-0; on slow.csi it did not.")
    );
    assert!(note.contains("`undo --discard-new-writes`"), "{note}");
    let mut survey = with_group("None", "File");
    survey.app.raw["spec"]["template"]["spec"]["securityContext"]["fsGroupChangePolicy"] = json!("OnRootMismatch");
    assert!(said(&seen::request(), &survey).expect("a note").contains("unless the volume's root has that group"));
}

#[test]
fn a_policy_that_depends_on_the_file_system_is_weighed_as_the_kubelet_does() {
    let by_type = "ReadWriteOnceWithFSType";
    let mut survey = with_group(by_type, by_type);
    assert_eq!(said(&seen::request(), &survey), None, "both ends have a file system type");
    survey.claims[0].volume.as_mut().expect("a volume").fs_type.clear();
    assert!(
        said(&seen::request(), &survey).expect("a note").contains("may give group 999"),
        "the class leaves the type to its provisioner"
    );
    survey.classes[0].parameters.insert("csi.storage.k8s.io/fstype".to_owned(), "ext4".to_owned());
    assert!(said(&seen::request(), &survey).expect("a note").contains("gives group 999"));
    survey.claims[0].access_modes = vec!["ReadWriteMany".to_owned()];
    assert_eq!(said(&seen::request(), &survey), None);
    let volume = survey.claims[0].volume.as_mut().expect("a volume");
    (volume.source, volume.driver) = ("nfs".to_owned(), None);
    survey.drivers[1].fs_group_policy = "File".to_owned();
    assert!(said(&seen::request(), &survey).expect("a note").contains("on a nfs volume it did not"));
}

#[test]
fn without_a_group_or_a_difference_nothing_is_said() {
    assert_eq!(said(&seen::request(), &with_group("File", "File")), None);
    assert_eq!(said(&seen::request(), &with_group("File", "None")), None, "the files keep what they were given");
    let mut survey = with_group("None", "File");
    survey.app.raw["spec"]["template"]["spec"]["securityContext"] = json!({});
    assert_eq!(said(&seen::request(), &survey), None);
    let mut survey = with_group("None", "File");
    survey.claims[0].block = true;
    survey.claims[0].raw["spec"]["volumeMode"] = json!("Block");
    assert_eq!(said(&seen::request(), &survey), None);
}

#[test]
fn the_way_back_says_that_modes_are_copied_back() {
    let (request, mut survey) = way_back(false);
    survey.app.raw["spec"]["template"]["spec"]["securityContext"] = json!({ "fsGroup": 999 });
    survey.drivers = drivers("None", "File");
    survey.claims[0].volume.as_mut().expect("a volume").driver = Some("fast.csi".to_owned());
    let note = said(&request, &survey).expect("a note");
    assert!(note.contains("which are copied back") && note.contains("`--discard-new-writes`"), "{note}");
}
