//! Surveys as files: nothing secret gets into one, it says what was seen, and `plan` needs no cluster beside it.

use kubectl_stateful::plan::Destination;
use kubectl_stateful::planner;
use kubectl_stateful::survey::Survey;
use kubectl_stateful::survey::file::{self, Document, SurveyFileError};
use serde_json::{Value, json};

use crate::seen;
use crate::standin::{Standin, came};

/// Stands for a password, wherever people put one.
const SECRET: &str = "hunter2-correct-horse";

/// A pod spec with a secret in every place in which people put one.
fn careless_pod() -> Value {
    let probe = json!({ "httpGet": { "path": format!("/?token={SECRET}"), "port": 80, "httpHeaders": [{ "name": "Authorization", "value": SECRET }] },
        "exec": { "command": ["check", SECRET] } });
    let container = json!({
        "name": "db", "image": "db:1", "command": ["db", format!("--password={SECRET}")], "args": [SECRET], "workingDir": SECRET,
        "env": [{ "name": "PASSWORD", "value": SECRET }, { "name": "OTHER", "valueFrom": { "secretKeyRef": { "name": "db-secret", "key": "password" } } }],
        "livenessProbe": probe, "lifecycle": { "postStart": { "exec": { "command": [SECRET] } } },
        "resources": { "requests": { "memory": "1Gi" } }, "aFieldNewerThanUs": { "deep": [SECRET, { "value": SECRET }], "name": SECRET },
    });
    json!({
        "containers": [container], "initContainers": [container], "ephemeralContainers": [container],
        "tolerations": [{ "key": "db", "operator": "Equal", "value": "yes", "effect": "NoSchedule" }], "nodeSelector": { "disk": "ssd" },
        "hostAliases": [{ "ip": SECRET, "hostnames": [SECRET] }], "dnsConfig": { "searches": [SECRET] },
        "volumes": [
            { "name": "x", "csi": { "driver": "x", "volumeAttributes": { "password": SECRET }, "nodePublishSecretRef": { "name": "s" } } },
            { "name": "y", "flexVolume": { "driver": "x/y", "options": { "key": SECRET, "type": SECRET } } },
            { "name": "z", "iscsi": { "iqn": SECRET, "chapAuthSession": true } },
        ],
    })
}

/// A survey with all that.
fn careless() -> Survey {
    let mut survey = seen::set(1, &["data"]);
    let annotations = json!({
        "kubectl.kubernetes.io/last-applied-configuration": format!("{{\"env\":\"{SECRET}\"}}"), "vault/token": SECRET,
        "pv.kubernetes.io/bind-completed": "yes", "kubectl-stateful.dev/orders": SECRET,
    });
    let managed = json!([{ "manager": "x", "fieldsV1": { format!("k:{SECRET}"): {} } }]);
    survey.app.raw["spec"]["template"]["spec"] = careless_pod();
    survey.app.raw["spec"]["template"]["metadata"] = json!({ "annotations": annotations.clone() });
    for raw in [&mut survey.app.raw, &mut survey.claims[0].raw] {
        raw["metadata"]["annotations"] = annotations.clone();
        raw["metadata"]["managedFields"] = managed.clone();
        raw["status"]["conditions"] = json!([{ "type": "Ready", "status": "False", "reason": "Failed", "message": SECRET }]);
        raw["spec"]["dataSource"] = json!({ "apiGroup": "x", "kind": "Y", "name": "y", "options": SECRET });
    }
    survey.app.pods[0].spec = careless_pod();
    survey.classes[0].parameters =
        [("resturl", SECRET), ("csi.storage.k8s.io/fstype", "ext4")].map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    survey
}

#[test]
fn nothing_secret_gets_into_a_survey_file() {
    let text = file::to_yaml(&careless(), "2026-01-01T00:00:00Z", "0.1.0");
    let leaks: Vec<&str> = text.lines().filter(|line| line.contains(SECRET)).collect();
    assert_eq!(leaks, [""; 0]);
    for told in [
        "PASSWORD",
        "db-secret",
        "db:1",
        "memory: 1Gi",
        "disk: ssd",
        "ext4",
        "last-applied-configuration",
        "bind-completed",
        "volumeAttributes",
    ] {
        assert!(text.contains(told), "{told}");
    }
}

/// The same without objects that are kept whole, of which some texts are left out.
fn facts(survey: &Survey) -> Survey {
    let mut survey = survey.clone();
    survey.app.raw = Value::Null;
    survey.app.pods.iter_mut().for_each(|pod| pod.spec = Value::Null);
    survey.claims.iter_mut().for_each(|claim| claim.raw = Value::Null);
    survey
}

#[test]
fn what_was_seen_is_read_again() {
    for survey in [seen::set(2, &["data", "wal"]), seen::deployment(), seen::unattached(), seen::everything()] {
        let read = file::read(&file::to_yaml(&survey, "2026-01-01T00:00:00Z", "0.1.0")).expect("its own words");
        assert_eq!((read.made_at.as_str(), read.made_by.as_str()), ("2026-01-01T00:00:00Z", "0.1.0"));
        assert_eq!(facts(&read.survey), facts(&survey));
        let names = |survey: &Survey| {
            planner::plan(&seen::request(), survey, "")
                .map(|plan| plan.steps().map(|(_, step)| step.step.does(plan.subject())).collect::<Vec<_>>())
        };
        assert_eq!(names(&read.survey), names(&survey));
    }
}

#[test]
fn another_kind_or_version_of_file_is_refused_by_name() {
    let sound = file::to_yaml(&seen::set(1, &["data"]), "", "");
    let newer = sound.replace("kubectl-stateful.dev/v1", "kubectl-stateful.dev/v2");
    assert!(matches!(file::read(&newer), Err(SurveyFileError::Version { found }) if found == "kubectl-stateful.dev/v2"));
    assert!(matches!(file::read(&sound.replace("kind: Survey", "kind: Plan")), Err(SurveyFileError::Kind(kind)) if kind == "Plan"));
    assert!(matches!(file::read("apiVersion: [1"), Err(SurveyFileError::Syntax(_))));
    let more = sound.replace("survey:\n", "aFactOfLater: 1\nsurvey:\n  anotherOne: {}\n");
    assert_ne!(more, sound);
    assert_eq!(file::read(&more).expect("facts of later are passed over").survey, file::read(&sound).expect("sound").survey);
}

const PLAN: [&str; 3] = ["plan", "--to-storage-class", "fast"];

#[test]
fn the_real_command_saves_a_survey_and_plans_from_it_without_a_cluster() {
    let standin = Standin::with_set();
    let saved = standin.file("survey.yaml");
    let path = saved.to_str().expect("UTF-8");
    let live = standin.run(&[&PLAN[..], &["sts/pg", "--run", "m1", "--save-survey", path]].concat());
    assert_eq!(live.code, Some(0), "{}", live.err);
    assert!(live.err.contains(&format!("The survey is saved in {path}.")), "{}", live.err);
    let asked = standin.asked().len();
    let again = standin.run(&[&PLAN[..], &["--run", "m1", "--survey", path]].concat());
    assert_eq!(again.code, Some(0), "{}", again.err);
    assert_eq!(again.out, live.out);
    assert!(again.err.starts_with(&format!("Planned from survey {path}, made at ")), "{}", again.err);
    assert!(again.err.contains("No cluster was asked"), "{}", again.err);
    assert_eq!(standin.asked().len(), asked, "nothing was asked");
    // Nor is a kubeconfig read.
    let nowhere = came(standin.command(&[&PLAN[..], &["--survey", path]].concat()).env("KUBECONFIG", "/nonexistent/config"));
    assert_eq!(nowhere.code, Some(0), "{}", nowhere.err);
}

#[test]
fn a_survey_is_saved_of_what_is_refused() {
    let standin = Standin::with_set();
    let saved = standin.file("survey.yaml");
    let path = saved.to_str().expect("UTF-8");
    let refused = standin.run(&["plan", "sts/pg", "--to-storage-class", "none", "--save-survey", path]);
    assert_eq!(refused.code, Some(4), "{}", refused.err);
    let Document { survey, .. } = file::read(&std::fs::read_to_string(&saved).expect("it was written")).expect("its own words");
    let mut request = seen::request();
    request.destination = Destination::StorageClass { name: "none".to_owned() };
    assert!(planner::plan(&request, &survey, "").is_err());
}

#[test]
fn what_means_nothing_beside_a_survey_is_refused_by_name() {
    let standin = Standin::with_set();
    let saved = standin.file("survey.yaml");
    std::fs::write(&saved, file::to_yaml(&seen::set(1, &["data"]), "", "")).expect("there is room");
    let path = saved.to_str().expect("UTF-8");
    let cases: [(&[&str], &str); 6] = [
        (&["-n", "db"], "`--namespace` has no effect beside `--survey`"),
        (&["--context", "here"], "`--context` has no effect beside `--survey`"),
        (&["sts/pg"], "cannot be used with"),
        (&["-l", "app=pg"], "cannot be used with"),
        (&["--out", "x.yaml"], "cannot be used with"),
        (&["--save-survey", "x.yaml"], "cannot be used with"),
    ];
    for (more, said) in cases {
        let came = standin.run(&[&PLAN[..], &["--survey", path], more].concat());
        assert_eq!(came.code, Some(1), "{more:?}");
        assert!(came.err.contains(said), "{more:?}: {}", came.err);
    }
    let missing = standin.run(&[&PLAN[..], &["--survey", "/nonexistent/survey.yaml"]].concat());
    assert_eq!(missing.code, Some(1));
    assert!(
        missing.err.contains("cannot read survey `/nonexistent/survey.yaml`") && missing.err.contains("--save-survey"),
        "{}",
        missing.err
    );
}
