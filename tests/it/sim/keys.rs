//! Keys of movers never leave them: a whole move over the network with the mover's real program, in which everything that anybody could
//! read is listened to and searched for the very keys that are in the programs' memories.
//!
//! Listened to are each request and each answer, every object at the end, all that movers say, and what the command prints. The search is
//! itself tested, by keys that are put in on purpose.

use std::sync::{Arc, Mutex};

use kubectl_stateful::engine::{Ending, Notice};
use kubectl_stateful::journal::Journal;
use kubectl_stateful::mover::net::tls::Identity;
use kubectl_stateful::operate::records;
use kubectl_stateful::words;
use serde_json::json;

use super::outcome::{Course, Move, Side, Went};
use super::scenario::{self, Scenario};
use super::sweep::in_paused_time;

/// What comes before the secret number of a P-256 key in the form of PKCS #8.
const BEFORE_KEY: [u8; 36] = [
    0x30, 0x81, 0x87, 0x02, 0x01, 0x00, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
    0xce, 0x3d, 0x03, 0x01, 0x07, 0x04, 0x6d, 0x30, 0x6b, 0x02, 0x01, 0x01, 0x04, 0x20,
];
const KEY_BYTES: usize = 32;

/// So many bytes of a key in a row are a leak.
const PART_BYTES: usize = 16;

/// Where a key is put on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slip {
    /// Into an annotation of a mover's pod, for as long as that is there.
    Annotation,
    /// Into a mover's log.
    Log,
}

/// All that was overheard, and the keys that must not be in it.
#[derive(Default)]
pub(super) struct Overheard {
    words: Vec<(&'static str, String)>,
    keys: Vec<Vec<u8>>,
    pub(super) slip: Option<Slip>,
}

impl Overheard {
    pub(super) fn note(&mut self, place: &'static str, words: impl Into<String>) {
        self.words.push((place, words.into()));
    }

    /// Takes a program's keys out of its memory, and returns one of them in the words of somebody who lets it slip.
    pub(super) fn learn(&mut self, memory: &[Vec<u8>]) -> String {
        let keys: Vec<Vec<u8>> = memory.iter().flat_map(|stretch| keys_in(stretch)).collect();
        let slipped = hex(keys.first().expect("a mover has a key"));
        self.keys.extend(keys);
        self.keys.sort();
        self.keys.dedup();
        slipped
    }

    /// Where there is something of a key.
    fn leaks(&self) -> Vec<String> {
        let traces: Vec<String> = self.keys.iter().flat_map(|key| traces(key)).collect();
        let leak = |words: &str| words.contains("PRIVATE KEY") || traces.iter().any(|trace| words.contains(trace.as_str()));
        self.words.iter().filter(|(_, words)| leak(words)).map(|(place, words)| format!("{place}: {words}")).collect()
    }

    fn counted(&self, place: &str) -> usize {
        self.words.iter().filter(|(at, _)| *at == place).count()
    }
}

/// The secret numbers of all keys in a stretch of memory, or in a file.
fn keys_in(bytes: &[u8]) -> Vec<Vec<u8>> {
    let after = |at: usize| bytes.get(at + BEFORE_KEY.len()..at + BEFORE_KEY.len() + KEY_BYTES);
    let starts = bytes.windows(BEFORE_KEY.len()).enumerate().filter(|(_, window)| *window == BEFORE_KEY);
    starts.filter_map(|(at, _)| after(at)).map(<[u8]>::to_vec).collect()
}

/// How any half of a key shows in a text, whatever stands around it.
fn traces(key: &[u8]) -> Vec<String> {
    let forms = |part: &[u8]| {
        let numbers = part.iter().map(u8::to_string).collect::<Vec<_>>().join(",");
        let mut forms = vec![hex(part), hex(part).to_uppercase(), numbers];
        forms.extend((0..3).flat_map(|shift| [base64(part, shift, *b"+/"), base64(part, shift, *b"-_")]));
        forms
    };
    key.chunks(PART_BYTES).flat_map(forms).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The letters of Base64 that these bytes alone decide, where so many others stand before them.
fn base64(bytes: &[u8], shift: usize, last_two: [u8; 2]) -> String {
    let letters = [&(b'A'..=b'Z').chain(b'a'..=b'z').chain(b'0'..=b'9').collect::<Vec<u8>>()[..], &last_two].concat();
    let bits: Vec<u8> = bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1)).collect();
    let begin = (6 - shift * 8 % 6) % 6;
    let letter = |six: &[u8]| char::from(letters[usize::from(six.iter().fold(0, |number, bit| number << 1 | bit))]);
    bits[begin..].chunks_exact(6).map(letter).collect()
}

fn over_the_network() -> &'static Scenario {
    scenario::ALL.iter().find(|scenario| scenario.name == "set over the network").expect("there is one")
}

/// Makes the whole move and listens to it.
async fn listened_to(slip: Option<Slip>) -> Overheard {
    let overheard = Arc::new(Mutex::new(Overheard { slip, ..Overheard::default() }));
    let mut moving = Move::new(over_the_network()).await;
    moving.with(|sim| sim.overheard = Some(Arc::clone(&overheard)));
    let went = moving.once(Course::Begin).await;
    assert!(matches!(went, Went::Ended(Ending::Completed)), "{went:?}");
    let printed = printed_at_last(&moving).await;
    moving.check(Side::Target).await;
    let violations = moving.with(|sim| {
        sim.overheard = None;
        sim.violations.clone()
    });
    assert!(violations.is_empty(), "{violations:?}");
    let mut overheard = std::mem::take(&mut *overheard.lock().expect("no code panics while holding this lock"));
    overheard.note("printed", printed);
    for (key, object) in moving.with(|sim| sim.store.every()) {
        overheard.note("stored", format!("{key:?} {object}"));
    }
    overheard
}

/// What the command prints once it is through, in all forms of the status.
async fn printed_at_last(moving: &Move) -> String {
    let connection = super::connect(&moving.sim);
    let journal = Journal::open(&connection, "app", moving.plan.run()).await.expect("it is there");
    let entries = Journal::entries(&connection, "app", moving.plan.run()).await.expect("they are there");
    let all = json!({ "plan": moving.plan, "entries": entries });
    let look = records::status(&connection, &moving.plan, &journal, &entries).await.expect("it can be looked at");
    let (completed, status) =
        (words::completed_text(&moving.plan, &entries), words::status_text(&moving.plan, journal.state(), &entries, &look));
    format!("{}{}{all}", completed.as_str(), status.as_str())
}

/// A notice as the command prints it for scripts; what it prints for people is part of that.
pub(super) fn printed(notice: &Notice) -> String {
    serde_json::to_string(notice).expect("notices have only string keys")
}

#[test]
fn no_key_is_stored_logged_or_printed() {
    let overheard = in_paused_time(listened_to(None));
    assert_eq!(overheard.keys.len(), 2, "each end has a key of its own");
    for place in ["asked", "answered", "said by a mover", "printed", "stored"] {
        assert!(overheard.counted(place) > 0, "nothing was {place}");
    }
    assert_eq!(overheard.leaks(), Vec::<String>::new());
}

#[test]
fn a_key_that_is_let_slip_is_noticed() {
    for (slip, place) in [(Slip::Annotation, "answered"), (Slip::Log, "said by a mover")] {
        let leaks = in_paused_time(listened_to(Some(slip))).leaks();
        assert!(leaks.iter().any(|leak| leak.starts_with(place)), "{slip:?}: {leaks:?}");
    }
}

/// The key of a file that movers which are started by hand have.
fn a_key() -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    Identity::make().expect("a key").save(&path("key"), &path("certificate")).expect("saved");
    std::fs::read(path("key")).expect("a file")
}

#[test]
fn a_key_is_known_again_in_every_form() {
    let file = a_key();
    let mut overheard = Overheard::default();
    overheard.learn(std::slice::from_ref(&file));
    let numbers = serde_json::to_string(&file).expect("JSON");
    let shifted = |shift| base64(&[vec![7; shift], file.clone()].concat(), 0, *b"+/");
    let half = hex(&file[BEFORE_KEY.len() + PART_BYTES..BEFORE_KEY.len() + KEY_BYTES]);
    let forms = [hex(&file), hex(&file).to_uppercase(), numbers, shifted(0), shifted(1), shifted(2), half];
    for form in forms.into_iter().chain(["-----BEGIN PRIVATE KEY-----".to_owned()]) {
        overheard.words = vec![("printed", format!("before {form} after"))];
        assert_eq!(overheard.leaks().len(), 1, "{form}");
    }
    overheard.words = vec![("printed", hex(&a_key()))];
    assert_eq!(overheard.leaks(), Vec::<String>::new(), "another key is not this one");
}
