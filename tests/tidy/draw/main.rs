//! Prints the house of a checkout: its rooms with their lines, which room takes names from which, circles, and what else is counted of its form.
//!
//! `draw [CHECKOUT]`. It judges nothing: that is for the tests beside it.

#[path = "../imports.rs"]
mod imports;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::Path;

use imports::{Sources, longest_function};

/// A room is a folder or a file of `src`; the mover's rooms are told by themselves.
fn room(path: &str) -> String {
    let parts: Vec<&str> = path.trim_end_matches(".rs").split('/').collect();
    match parts.as_slice() {
        ["mover", inner, _] => format!("mover/{inner}"),
        [first, ..] => (*first).to_owned(),
        [] => String::new(),
    }
}

fn main() {
    let mut told = String::new();
    let checkout = std::env::args().nth(1).unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").to_owned());
    let sources = Sources::read(Path::new(&checkout));
    let mut lines: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    let mut tallest = (0, String::new());
    let mut strings = 0;
    for (path, text) in sources.texts() {
        let counted = lines.entry(room(path)).or_default();
        *counted = (counted.0 + 1, counted.1 + text.lines().filter(|line| !line.trim().is_empty()).count());
        let (length, name) = longest_function(text);
        tallest = tallest.max((length, format!("{name} in {path}")));
        if path == "plan/step.rs" || path.starts_with("plan/step/") {
            strings += text.lines().filter(|line| line.trim_start().starts_with("pub ") && line.trim_end().ends_with(": String,")).count();
        }
    }
    let mut between: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (from, to) in sources.arrows() {
        between.entry(room(from)).or_default().extend(to.into_iter().map(room).filter(|other| *other != room(from)));
    }
    for (name, (files, count)) in &lines {
        let others: Vec<&str> = between.get(name).into_iter().flatten().map(String::as_str).collect();
        told += &format!("{name:<16} {files:>3} files {count:>6} lines  ->  {}\n", others.join(", "));
    }
    told += &format!("longest function: {} lines, {}\n", tallest.0, tallest.1);
    told += &format!("string fields of steps: {strings}\n");
    let circles = sources.circles();
    told += &format!("circles of files: {}\n", circles.len());
    for circle in circles {
        told += &format!("  {}\n", circle.join(", "));
    } // Who reads no further has read enough.
    drop(std::io::stdout().write_all(told.as_bytes()));
}
