//! A report as the line that a mover says: short enough to arrive in one piece, whatever is in it.
//!
//! Container runtimes cut lines at 16 KiB, and who asks for the last line would get the last piece. What a report cannot do without
//! comes first, and how much was left out is in it.

use serde_json::Value;

use crate::contract::orders::{Failure, Report, VolumeReport};

/// A line is no longer than this, its end included.
pub const LINE_BYTES_MAX: usize = 15 << 10;

/// The most bytes of a path in JSON, of which up to six stand for one character. Twenty such paths fit a line.
const PATH_BYTES_MAX: usize = 600;
/// The same of what a failure says, and of a name.
const MESSAGE_BYTES_MAX: usize = 2 << 10;
const NAME_BYTES_MAX: usize = 300;

/// What a volume takes at the least, which is what it takes with its roots: one that there is no room for when it is proven is left out of earlier
/// reports too. So it shows before the application is stopped.
const VOLUME_BYTES_MIN: usize = 300;

/// What nobody waits for in a report that is too long, and besides this in one of a volume that is proven.
const DISPENSABLE: [&str; 2] = ["entriesChanged", "bytesSent"];
const DISPENSABLE_WHEN_PROVEN: [&str; 4] = ["bytesDone", "elapsedMs", "predictedLastPassMs", "unsettled"];

/// Returns the line.
#[must_use]
pub fn of(mut report: Report) -> Vec<u8> {
    report.volumes.iter_mut().flat_map(|volume| &mut volume.differences).for_each(|path| shorten(path, PATH_BYTES_MAX));
    report.failure.iter_mut().for_each(shorten_failure);
    let line = ended(serde_json::to_vec(&report));
    if line.len() <= LINE_BYTES_MAX { line } else { brief(report) }
}

fn ended(written: serde_json::Result<Vec<u8>>) -> Vec<u8> {
    let mut line = written.expect("plain data can be serialised");
    line.push(b'\n');
    line
}

fn shorten_failure(failure: &mut Failure) {
    shorten(&mut failure.message, MESSAGE_BYTES_MAX);
    failure.volume.iter_mut().for_each(|name| shorten(name, NAME_BYTES_MAX));
}

/// Cuts a text off whose JSON would be longer.
fn shorten(text: &mut String, most: usize) {
    let mut bytes = 0;
    let longest = text.char_indices().find(|(_, one)| {
        bytes += json_bytes(*one);
        bytes > most
    });
    if let Some((at, _)) = longest {
        text.truncate(at);
        text.push('…');
    }
}

fn json_bytes(one: char) -> usize {
    match one {
        '"' | '\\' => 2,
        _ if one.is_control() => 6,
        _ => one.len_utf8(),
    }
}

/// The report with as many volumes as there is room for, and of them what is needed.
fn brief(mut report: Report) -> Vec<u8> {
    let volumes = std::mem::take(&mut report.volumes);
    // As long as it can be.
    report.volumes_left_out = u64::MAX;
    let mut left = LINE_BYTES_MAX.saturating_sub(ended(serde_json::to_vec(&report)).len());
    let fits = |volume: &Value| {
        let needed = VOLUME_BYTES_MIN.max(volume.to_string().len() + 1);
        let rest = left.checked_sub(needed);
        left = rest.unwrap_or(0);
        rest.is_some()
    };
    let told: Vec<Value> = volumes.iter().map(brief_volume).take_while(fits).collect();
    report.volumes_left_out = (volumes.len() - told.len()) as u64;
    let mut report = serde_json::to_value(&report).expect("plain data can be serialised");
    report["volumes"] = Value::Array(told);
    ended(serde_json::to_vec(&report))
}

fn brief_volume(volume: &VolumeReport) -> Value {
    let mut brief = volume.clone();
    brief.differences_left_out += brief.differences.len() as u64;
    brief.differences.clear();
    let is_proven = brief.source_root.is_some() || brief.target_root.is_some();
    let mut brief = serde_json::to_value(&brief).expect("plain data can be serialised");
    let more: &[&str] = if is_proven { &DISPENSABLE_WHEN_PROVEN } else { &[] };
    if let Some(fields) = brief.as_object_mut() {
        fields.retain(|name, _| !DISPENSABLE.contains(&name.as_str()) && !more.contains(&name.as_str()));
    }
    brief
}

#[cfg(test)]
mod tests {
    use crate::contract::orders::{self, Fingerprint, MoverState, Phase, Reason, VERSION};

    use super::*;

    fn report(volumes: Vec<VolumeReport>) -> Report {
        Report {
            version: VERSION,
            sequence: u64::MAX,
            state: MoverState::Done,
            fingerprint: Fingerprint("0f".repeat(32)),
            port: u16::MAX,
            volumes,
            volumes_left_out: 0,
            failure: None,
        }
    }

    /// With numbers as of a petabyte that takes a month.
    fn volume(index: usize, is_proven: bool) -> VolumeReport {
        let root = is_proven.then(|| "ab".repeat(32));
        VolumeReport {
            name: format!("data-postgresql-{index}"),
            phase: Phase::Through,
            entries: 1_000_000_000,
            bytes: 1 << 50,
            bytes_done: 1 << 50,
            entries_changed: 1_000_000_000,
            bytes_changed: 1 << 50,
            bytes_sent: 1 << 50,
            elapsed_ms: 2_600_000_000,
            predicted_last_pass_ms: (!is_proven).then_some(2_600_000_000),
            source_root: root.clone(),
            target_root: root,
            ..VolumeReport::default()
        }
    }

    /// The report that a line is read as. It must be one line, and arrive in one piece.
    #[track_caller]
    fn read(line: &[u8]) -> Report {
        assert!(line.len() <= LINE_BYTES_MAX, "{} bytes", line.len());
        let text = std::str::from_utf8(line).expect("JSON is UTF-8");
        assert_eq!(text.find('\n'), Some(text.len() - 1));
        orders::last_report(text).expect("one of this version").expect("a report")
    }

    #[test]
    fn what_fits_is_said_as_it_is() {
        let few = report((0..3).map(|index| volume(index, true)).collect());
        assert_eq!(read(&of(few.clone())), few);
    }

    #[test]
    fn of_forty_volumes_all_that_a_receipt_needs_is_said() {
        let said = read(&of(report((0..40).map(|index| volume(index, true)).collect())));
        assert_eq!((said.volumes.len(), said.volumes_left_out), (40, 0));
        for (index, told) in said.volumes.iter().enumerate() {
            let whole = volume(index, true);
            let needed = |of: &VolumeReport| (of.name.clone(), of.phase, of.entries, of.bytes, of.bytes_changed, of.source_root.clone());
            assert_eq!(needed(told), needed(&whole));
            assert_eq!(told.target_root, whole.target_root);
        }
    }

    /// A volume that would be missed in the proof is missed before.
    #[test]
    fn of_too_many_volumes_the_last_are_left_out_whether_they_are_proven_or_not() {
        let [warm, proven] = [false, true].map(|is_proven| read(&of(report((0..400).map(|index| volume(index, is_proven)).collect()))));
        for said in [&warm, &proven] {
            assert_eq!(said.volumes.len() as u64 + said.volumes_left_out, 400);
            assert!(said.volumes.len() >= 40 && said.volumes.last().expect("some").name.ends_with(&format!("-{}", said.volumes.len() - 1)));
        }
        assert!(warm.volumes_left_out > 0 && warm.volumes.len() <= proven.volumes.len());
        assert!(warm.volumes.iter().all(|volume| volume.predicted_last_pass_ms.is_some()));
    }

    #[test]
    fn twenty_ugly_names_fit_a_line_each_cut_off() {
        let ugly = |index: usize| format!("{index}\u{1}\u{7f}\u{85}\"\\").repeat(90);
        let differing = VolumeReport { differences: (0..20).map(ugly).collect(), ..volume(1, true) };
        let said = read(&of(report(vec![volume(0, true), differing])));
        assert_eq!(said.volumes[1].differences_left_out, 0);
        assert_eq!(said.volumes[1].differences.len(), 20);
        for (index, told) in said.volumes[1].differences.iter().enumerate() {
            let begin = told.strip_suffix('…').expect("it is cut off");
            assert!(begin.len() > 80 && ugly(index).starts_with(begin), "{told:?}");
        }
    }

    #[test]
    fn paths_that_have_no_room_are_counted() {
        let all = (0..3).map(|index| VolumeReport { differences: vec!["\u{1}".repeat(400); 20], ..volume(index, true) });
        let said = read(&of(report(all.collect())));
        assert!(said.volumes.len() == 3 && said.volumes.iter().all(|volume| volume.differences_left_out == 20), "{said:?}");
    }

    #[test]
    fn a_failure_that_talks_too_much_is_cut_off() {
        let failure = Failure { reason: Reason::System, volume: Some("v".repeat(90_000)), message: "\u{1}".repeat(90_000) };
        let said = read(&of(Report { failure: Some(failure), ..report((0..400).map(|index| volume(index, true)).collect()) }));
        assert!(said.failure.expect("why").message.ends_with("\u{1}…"));
    }

    #[test]
    fn a_name_that_has_no_room_is_left_out() {
        let said = read(&of(report(vec![VolumeReport { name: "v".repeat(90_000), ..volume(0, true) }])));
        assert_eq!((said.volumes.len(), said.volumes_left_out), (0, 1));
    }
}
