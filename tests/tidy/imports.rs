//! Which file of `src` takes names from which, read from the sources as text, and which files do so in a circle.
//!
//! A name that a module passes on (`pub use`) counts as taken from the file that defines it. Declaring or passing on a module is no import.
//! It knows no macros and no glob imports, of which there are none outside of unit tests.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// A module's path within the crate: `["engine", "run"]`; empty for the crate's root.
type Module = Vec<String>;

/// The files of a crate, by their modules.
pub(crate) struct Sources {
    files: BTreeMap<Module, File>,
}

/// One file, as far as imports are concerned.
struct File {
    path: String,
    text: String,
    /// What it passes on under which name.
    passes_on: BTreeMap<String, Module>,
    /// The full paths it names.
    names: Vec<Module>,
}

impl Sources {
    /// Reads `src` of a checkout.
    pub(crate) fn read(checkout: &Path) -> Self {
        let src = checkout.join("src");
        let mut files = BTreeMap::new();
        for path in files_of(&src, "rs") {
            let within = path.strip_prefix(&src).expect("it was found there").to_string_lossy().into_owned();
            let text = without_reach(&without_tests(&without_comments(&fs::read_to_string(&path).expect("it can be read"))));
            files.insert(module_of(&within), File { path: within, text, passes_on: BTreeMap::new(), names: Vec::new() });
        }
        let modules: BTreeSet<Module> = files.keys().cloned().collect();
        for (home, file) in &mut files {
            file.read_names(home, &modules);
        }
        Self { files }
    }

    /// The files, by path within `src`, with their text without comments and unit tests.
    pub(crate) fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.values().map(|file| (file.path.as_str(), file.text.as_str()))
    }

    /// From which files each file takes names, by paths within `src`.
    pub(crate) fn arrows(&self) -> BTreeMap<&str, BTreeSet<&str>> {
        let mut arrows = BTreeMap::new();
        for (home, file) in &self.files {
            let reached = file.names.iter().filter_map(|name| self.defines(name)).filter(|module| *module != home);
            arrows.insert(file.path.as_str(), reached.map(|module| self.files[module].path.as_str()).collect());
        }
        arrows
    }

    /// The module whose file defines what a path names.
    fn defines(&self, path: &[String]) -> Option<&Module> {
        let mut path = path.to_vec();
        for _ in 0..8 {
            let length = (0..=path.len()).rev().find(|length| self.files.contains_key(&path[..*length]))?;
            let (module, file) = self.files.get_key_value(&path[..length])?;
            match path.get(length).and_then(|name| file.passes_on.get(name)) {
                Some(onward) if *onward != path => path = onward.iter().chain(&path[length + 1..]).cloned().collect(),
                // A crate's root, or a folder, of which nothing is named.
                _ if length == path.len() && module.is_empty() => return None,
                _ => return Some(module),
            }
        }
        None
    }

    /// The sets of files of which each reaches each other by imports.
    pub(crate) fn circles(&self) -> Vec<Vec<&str>> {
        let arrows = self.arrows();
        let reach: BTreeMap<&str, BTreeSet<&str>> = arrows.keys().map(|file| (*file, reached(&arrows, file))).collect();
        let mut circles: BTreeSet<Vec<&str>> = BTreeSet::new();
        for (file, from) in &reach {
            let circle: Vec<&str> = from.iter().copied().filter(|other| reach[other].contains(file)).collect();
            if !circle.is_empty() {
                circles.insert(circle);
            }
        }
        circles.into_iter().collect()
    }
}

fn reached<'a>(arrows: &BTreeMap<&'a str, BTreeSet<&'a str>>, from: &str) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut open: Vec<&str> = arrows[from].iter().copied().collect();
    while let Some(file) = open.pop() {
        if reached.insert(file) {
            open.extend(arrows[file].iter().copied());
        }
    }
    reached
}

impl File {
    fn read_names(&mut self, home: &Module, modules: &BTreeSet<Module>) {
        let mut aliases: BTreeMap<String, Module> = BTreeMap::new();
        let (statements, code) = uses(&self.text);
        for (is_public, tree) in statements {
            for (path, alias) in leaves(&tree) {
                let Some(path) = absolute(&path, home, modules) else { continue };
                if is_public {
                    self.passes_on.insert(alias, path);
                } else {
                    aliases.insert(alias, path.clone());
                    self.names.push(path);
                }
            }
        }
        for path in paths(&code) {
            let first = &path[0];
            let named = match aliases.get(first) {
                Some(start) => Some(start.iter().chain(&path[1..]).cloned().collect()),
                None => absolute(&path, home, modules),
            };
            self.names.extend(named);
        }
        // A module of which something is named is not itself what is imported.
        let all = self.names.clone();
        self.names.retain(|name| !modules.contains(name) || !all.iter().any(|other| other.len() > name.len() && other.starts_with(name)));
    }
}

/// All files of a folder with this extension.
pub(crate) fn files_of(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("the folder is there") {
            let path = entry.expect("it can be read").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|own| own == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn module_of(within: &str) -> Module {
    let mut parts: Module = within.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
    if parts.last().is_some_and(|last| last == "mod") || parts == ["lib"] {
        parts.pop();
    }
    parts
}

fn without_comments(text: &str) -> String {
    text.lines().map(|line| line.split_once("//").map_or(line, |(code, _)| code)).collect::<Vec<_>>().join("\n")
}

/// Unit tests stand at the end of their file.
fn without_tests(text: &str) -> String {
    text.find("#[cfg(test)]\nmod ").map_or(text, |at| &text[..at]).to_owned()
}

/// How far a name can be seen says nothing of what is imported: `pub(in crate::room)` is as `pub(super)`.
fn without_reach(text: &str) -> String {
    let mut parts = text.split("pub(in ");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + "pub(super)" + part.split_once(')').map_or(part, |(_, rest)| rest))
}

/// The `use` statements of a file, each with whether it passes names on, and the rest of the file.
fn uses(text: &str) -> (Vec<(bool, String)>, String) {
    let (mut statements, mut code, mut open) = (Vec::new(), String::new(), None::<(bool, String)>);
    for line in text.lines() {
        let trimmed = line.trim();
        let begun = ["use ", "pub use ", "pub(crate) use ", "pub(super) use "]
            .iter()
            .find_map(|head| Some((*head != "use ", trimmed.strip_prefix(head)?)));
        match (&mut open, begun) {
            (Some((_, statement)), _) => *statement += trimmed,
            (None, Some((is_public, rest))) => open = Some((is_public, rest.to_owned())),
            (None, None) => code += &format!("{line}\n"),
        }
        if open.as_ref().is_some_and(|(_, statement)| statement.ends_with(';')) {
            statements.extend(open.take().map(|(is_public, statement)| (is_public, statement.trim_end_matches(';').to_owned())));
        }
    }
    (statements, code)
}

/// The paths of a tree of imports, each with the name it is known by.
fn leaves(tree: &str) -> Vec<(Vec<String>, String)> {
    let Some((head, rest)) = tree.split_once('{') else {
        let (path, alias) = tree.split_once(" as ").map_or((tree, None), |(path, alias)| (path, Some(alias.trim())));
        let mut path: Vec<String> = path.trim().split("::").map(str::to_owned).collect();
        if path.last().is_some_and(|last| last == "self") {
            path.pop();
        }
        let known_by = alias.or(path.last().map(String::as_str)).unwrap_or_default().to_owned();
        return vec![(path, known_by)];
    };
    let inner = rest.rsplit_once('}').map_or(rest, |(inner, _)| inner);
    let (mut depth, mut parts) = (0, vec![String::new()]);
    for one in inner.chars() {
        match one {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        match one {
            ',' if depth == 0 => parts.push(String::new()),
            _ => parts.last_mut().expect("there is one").push(one),
        }
    }
    let full = parts.iter().map(|part| part.trim()).filter(|part| !part.is_empty());
    full.flat_map(|part| leaves(&format!("{head}{part}"))).collect()
}

/// The paths of two or more names in code.
fn paths(code: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for line in code.lines() {
        for word in line.split(|one: char| !(one.is_alphanumeric() || one == '_' || one == ':')) {
            let path: Vec<String> = word.trim_matches(':').split("::").map(str::to_owned).collect();
            if path.len() > 1 && path.iter().all(|name| !name.is_empty() && !name.contains(':')) {
                found.push(path);
            }
        }
    }
    found
}

/// A path from the crate's root; none where it leads out of the crate.
fn absolute(path: &[String], home: &Module, modules: &BTreeSet<Module>) -> Option<Module> {
    let first = path.first()?.as_str();
    let supers = path.iter().take_while(|name| *name == "super").count();
    let child: Module = home.iter().cloned().chain([first.to_owned()]).collect();
    let (start, rest): (&[String], &[String]) = match first {
        "crate" | "kubectl_stateful" => (&[], &path[1..]),
        "self" => (home.as_slice(), &path[1..]),
        "super" => (&home[..home.len().checked_sub(supers)?], &path[supers..]),
        _ if modules.contains(&child) => (home.as_slice(), path),
        _ => return None,
    };
    Some(start.iter().chain(rest).cloned().collect())
}

/// The longest function of a text, in lines, with its name.
pub(crate) fn longest_function(text: &str) -> (usize, String) {
    let mut best = (0, String::new());
    let lines: Vec<&str> = text.lines().collect();
    for (index, line) in lines.iter().enumerate() {
        let Some((_, rest)) = line.split_once("fn ").filter(|(head, _)| {
            head.trim().split(' ').all(|word| word.is_empty() || word.starts_with("pub") || ["async", "const", "unsafe"].contains(&word))
        }) else {
            continue;
        };
        let indent = line.len() - line.trim_start().len();
        let end = lines[index..].iter().position(|other| other.trim_end() == format!("{}}}", " ".repeat(indent)));
        let length = end.map_or(1, |end| end + 1);
        if length > best.0 && !line.trim_end().ends_with(';') {
            best = (length, rest.split(['(', '<']).next().unwrap_or_default().to_owned());
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> (Vec<Module>, BTreeMap<String, Module>) {
        let module = |path: &str| path.split('/').map(str::to_owned).collect::<Module>();
        let modules = ["room", "room/one", "room/two", "other"].map(module).into();
        let text = without_reach(text);
        let mut file = File { path: String::new(), text, passes_on: BTreeMap::new(), names: Vec::new() };
        file.read_names(&module("room/one"), &modules);
        (file.names, file.passes_on)
    }

    #[test]
    fn how_far_a_name_is_seen_is_no_import() {
        let (imports, passed_on) = names("pub(in crate::room) fn one() {}\npub(in crate::room) use super::two::Two;\n");
        assert!(imports.is_empty(), "{imports:?}");
        assert_eq!(passed_on["Two"], ["room", "two", "Two"]);
        assert_eq!(names("fn one() -> crate::other::Other {}\n").0, [["other", "Other"]]);
    }
}
