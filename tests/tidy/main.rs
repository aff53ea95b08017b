//! House rules that no compiler checks: which room may import which, headers, forgotten files, who may print,
//! how long sentences are.
//!
//! It reads the sources as text and judges form only.

mod imports;
mod prose;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use imports::{Sources, files_of, longest_function};
use prose::{WORDS_MAX, long_sentences};

/// Room → the rooms it may import. What is not listed must not be imported.
const MAY_IMPORT: [(&str, &[&str]); 17] = [
    ("size", &[]),
    ("escape", &[]),
    ("contract", &[]),
    ("survey", &[]),
    ("mover", &["escape", "contract"]),
    ("plan", &["survey", "contract"]),
    ("planner", &["survey", "plan", "contract", "size"]),
    ("cluster", &["survey", "plan", "size"]),
    ("journal", &["plan", "cluster"]),
    ("steps", &["plan", "cluster", "contract", "journal", "survey"]),
    ("engine", &["plan", "steps", "journal", "cluster"]),
    ("operate", &["survey", "plan", "planner", "cluster", "contract", "journal", "steps", "engine", "escape"]),
    ("words", &["plan", "journal", "engine", "steps", "contract", "survey", "size", "operate", "escape"]),
    ("cli", &["operate", "words", "plan", "survey", "engine", "cluster", "size"]),
    ("main", &["*"]),
    ("lib", &["*"]),
    ("bin", &["mover", "contract"]),
];

/// No function is longer, in lines.
const LINES_MAX: usize = 62;

/// The mover's rooms, from the top: each may import itself and those after it. How a pass behaves beside the app (`manners`) may be asked by
/// every room above it, and knows nothing but the ground.
const LADDER: [&str; 9] = ["agent", "net", "pass", "walk", "write", "manifest", "disk", "manners", "ground"];

/// The planner's rooms, from the top: what is chosen is asked by all, and what a plan looks like is known by none of those who refuse it.
const PLANNER_LADDER: [&str; 4] = ["layout", "refuse", "objects", "choose"];

/// Names that say nothing about what is in a room.
const EMPTY_NAMES: [&str; 5] = ["utils", "util", "helpers", "common", "manager"];

fn sources(under: &str) -> Vec<PathBuf> {
    files(under, "rs")
}

fn files(under: &str, extension: &str) -> Vec<PathBuf> {
    files_of(&Path::new(env!("CARGO_MANIFEST_DIR")).join(under), extension)
}

fn relative(path: &Path) -> String {
    path.strip_prefix(env!("CARGO_MANIFEST_DIR")).expect("it is in the project").to_string_lossy().into_owned()
}

fn room(path: &str) -> String {
    path.trim_start_matches("src/").split('/').next().unwrap_or_default().trim_end_matches(".rs").to_owned()
}

#[test]
fn rooms_import_only_what_they_may() {
    let rules: BTreeMap<&str, &[&str]> = MAY_IMPORT.into_iter().collect();
    let sources = Sources::read(Path::new(env!("CARGO_MANIFEST_DIR")));
    let mut wrong = Vec::new();
    for (file, taken) in sources.arrows() {
        let home = room(file);
        let Some(allowed) = rules.get(home.as_str()) else {
            wrong.push(format!("{file}: room `{home}` has no rule"));
            continue;
        };
        for other in
            taken.into_iter().filter(|other| room(other) != home && !allowed.contains(&"*") && !allowed.contains(&room(other).as_str()))
        {
            wrong.push(format!("{file}: `{home}` must not import {other}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_file_imports_itself_by_way_of_others() {
    let sources = Sources::read(Path::new(env!("CARGO_MANIFEST_DIR")));
    let circles: Vec<String> = sources.circles().iter().map(|circle| circle.join(", ")).collect();
    assert!(circles.is_empty(), "files that import each other in a circle: {}", circles.join("; "));
}

/// The arrows within a ladder, counted, and what is wrong with it: files that stand in no room of it, and arrows that lead upwards.
fn ladder_of(sources: &Sources, top: &str, ladder: &[&str], beside: &[&str]) -> (usize, Vec<String>) {
    let within = |path: &str| path.strip_prefix(top).and_then(|rest| rest.strip_prefix('/')).map(str::to_owned);
    let rung = |path: &str| {
        let inner = within(path)?;
        let (room, _) = inner.split_once('/')?;
        ladder.iter().position(|name| *name == room)
    };
    let (mut arrows, mut wrong) = (0, Vec::new());
    for (from, reached) in sources.arrows() {
        let Some(own) = rung(from) else {
            wrong.extend(
                within(from).filter(|name| !beside.contains(&name.as_str())).map(|_| format!("{from} is in no room of the ladder")),
            );
            continue;
        };
        for (to, other) in reached.into_iter().filter_map(|to| Some((to, rung(to)?))) {
            arrows += 1;
            if other < own {
                wrong.push(format!("{from} takes names from {to}, which is above it"));
            }
        }
    }
    (arrows, wrong)
}

#[test]
fn the_rooms_of_the_mover_lean_downwards_only() {
    let sources = Sources::read(Path::new(env!("CARGO_MANIFEST_DIR")));
    let (arrows, wrong) = ladder_of(&sources, "mover", &LADDER, &["mod.rs"]);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(arrows > 100, "only {arrows} arrows were found");
}

#[test]
fn the_rooms_of_the_planner_lean_downwards_only() {
    let sources = Sources::read(Path::new(env!("CARGO_MANIFEST_DIR")));
    let (arrows, wrong) = ladder_of(&sources, "planner", &PLANNER_LADDER, &["mod.rs", "going_back.rs"]);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(arrows > 100, "only {arrows} arrows were found");
}

/// A step that is new must be thought of wherever something depends on which step it is.
#[test]
fn no_match_over_steps_leaves_some_out() {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let mut wrong = Vec::new();
    let sources = Sources::read(Path::new(env!("CARGO_MANIFEST_DIR")));
    for (path, text) in sources.texts() {
        let lines: Vec<&str> = text.lines().collect();
        for (number, line) in
            lines.iter().enumerate().filter(|(_, line)| line.trim_start().starts_with("_ =>") || line.trim_start().starts_with("_ if"))
        {
            let arms = lines[..number].iter().rev().take_while(|other| other.trim().is_empty() || indent(other) >= indent(line));
            if arms
                .filter(|other| indent(other) == indent(line))
                .any(|arm| arm.trim_start().starts_with("Step::") || arm.trim_start().starts_with("Self::PinReclaim"))
            {
                wrong.push(format!("{path}: {}", line.trim()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}

/// Files that texts name are there: in `docs`, and in comments of `src`.
#[test]
fn files_that_are_named_are_there() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let texts = files("docs", "md").into_iter().chain(files("src", "rs")).chain([top.join("README.md"), top.join("CONTRIBUTING.md")]);
    let mut missing = Vec::new();
    let mut found = 0;
    for path in texts {
        let text = fs::read_to_string(&path).expect("it can be read");
        let named = text
            .split('`')
            .skip(1)
            .step_by(2)
            .filter(|name| name.ends_with(".rs") && name.contains('/') && !name.contains([' ', '*', '<']) && !name.contains("NAME"));
        for name in named {
            found += 1;
            // Of Kubernetes' own there are no Rust files.
            if ![top.join(name), top.join("src").join(name), top.join("tests/it").join(name)].iter().any(|file| file.exists()) {
                missing.push(format!("{}: {name}", relative(&path)));
            }
        }
    }
    assert!(missing.is_empty() && found > 10, "{found}, {missing:?}");
}

#[test]
fn sentences_of_the_docs_are_short() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let texts = files("docs", "md").into_iter().chain([top.join("README.md"), top.join("CONTRIBUTING.md")]);
    let mut long = Vec::new();
    for path in texts {
        let text = fs::read_to_string(&path).expect("it can be read");
        long.extend(long_sentences(&text).into_iter().map(|(line, sentence)| format!("{}:{line}: {sentence}", relative(&path))));
    }
    assert!(long.is_empty(), "sentences of more than {WORDS_MAX} words:\n{}", long.join("\n"));
}

/// The table of rooms in the notes says what is checked here.
#[test]
fn the_table_of_rooms_is_right() {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/internals/architecture.md")).expect("it is there");
    let rules: BTreeMap<&str, &[&str]> = MAY_IMPORT.into_iter().collect();
    let names = |cell: &str| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<BTreeSet<String>>();
    let mut told = BTreeSet::new();
    for line in text.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").collect();
        let [rooms, _, imports] = cells[..] else { continue };
        for room in names(rooms).into_iter().filter(|room| rules.contains_key(room.as_str())) {
            let allowed: BTreeSet<String> = rules[room.as_str()].iter().filter(|one| **one != "*").map(|one| (*one).to_owned()).collect();
            assert_eq!(names(imports), allowed, "{room}");
            told.insert(room);
        }
    }
    assert_eq!(told, rules.keys().map(|room| (*room).to_owned()).collect(), "every room has a row");
}

#[test]
fn functions_are_short() {
    let sources = Sources::read(Path::new(env!("CARGO_MANIFEST_DIR")));
    let longest = sources.texts().map(|(path, text)| (longest_function(text), path)).max().expect("there are files");
    assert!((20..=LINES_MAX).contains(&longest.0.0), "{longest:?}");
}

#[test]
fn kube_is_spoken_in_one_room_only() {
    let speaks = |path: &PathBuf| {
        let text = fs::read_to_string(path).expect("it can be read");
        text.lines().any(|line| !line.trim_start().starts_with("//") && line.contains("kube::"))
    };
    let elsewhere: Vec<String> =
        sources("src").iter().filter(|path| speaks(path)).map(|path| relative(path)).filter(|name| room(name) != "cluster").collect();
    assert!(elsewhere.is_empty(), "{elsewhere:?}");
}

#[test]
fn every_file_says_what_it_is_for() {
    let silent: Vec<String> = ["src", "tests"]
        .iter()
        .flat_map(|under| sources(under))
        .filter(|path| !fs::read_to_string(path).expect("it can be read").starts_with("//! "))
        .map(|path| relative(&path))
        .collect();
    assert!(silent.is_empty(), "without a header: {silent:?}");
}

#[test]
fn no_file_is_forgotten() {
    let mut forgotten = Vec::new();
    for path in ["src", "tests"].iter().flat_map(|under| sources(under)) {
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let folder = path.parent().expect("a folder");
        let is_root = ["main", "lib", "mod"].contains(&name.as_str()) || folder.ends_with("bin") || folder.ends_with("tests");
        if is_root {
            continue;
        }
        // A module is declared by the root of its folder, or by the file beside it that bears the folder's name.
        let beside = folder.with_extension("rs");
        let roots = [folder.join("mod.rs"), folder.join("main.rs"), folder.join("lib.rs"), beside];
        let declares = |root: &PathBuf| {
            let text = fs::read_to_string(root).unwrap_or_default();
            text.lines().any(|line| line.trim().trim_start_matches("pub ").trim_start_matches("pub(crate) ") == format!("mod {name};"))
        };
        if !roots.iter().any(declares) {
            forgotten.push(relative(&path));
        }
    }
    assert!(forgotten.is_empty(), "declared by no module: {forgotten:?}");
}

#[test]
fn only_words_and_the_mover_print() {
    let prints = |path: &PathBuf| {
        let text = fs::read_to_string(path).expect("it can be read");
        let words = ["println!", "eprintln!", "print!(", "eprint!("];
        text.lines().any(|line| !line.trim_start().starts_with("//") && words.iter().any(|word| line.contains(word)))
    };
    let allowed = |name: &str| name.starts_with("src/words/") || name.starts_with("src/bin/stateful-mover/");
    let wrong: Vec<String> =
        sources("src").iter().filter(|path| prints(path)).map(|path| relative(path)).filter(|name| !allowed(name)).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn names_say_something() {
    let empty: Vec<String> = sources("src")
        .iter()
        .map(|path| relative(path))
        .filter(|name| name.split(['/', '.']).any(|part| EMPTY_NAMES.contains(&part)))
        .collect();
    assert!(empty.is_empty(), "{empty:?}");
}
