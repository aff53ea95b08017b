//! Paths beneath a volume's root, as bytes: checked when they come from the wire, joined, split and shown.
//!
//! The root is the empty path. There is no `std::path` here: names may hold any byte but `/` and NUL.

use crate::escape;

/// The longest path beneath a root; longer ones are refused, not cut.
pub const PATH_BYTES_MAX: usize = 32 << 10;
/// The longest single name (as in Linux).
pub const NAME_BYTES_MAX: usize = 255;
/// About how much of a path is shown.
const SHOWN_BYTES_MAX: usize = 512;

/// Returns whether this is one plain name: not empty, not `.` or `..`, without `/` and NUL, not too long.
#[must_use]
pub fn is_name(name: &[u8]) -> bool {
    !name.is_empty() && name.len() <= NAME_BYTES_MAX && name != b"." && name != b".." && !name.iter().any(|&byte| byte == b'/' || byte == 0)
}

/// Returns whether this path stays beneath a root by its words alone; the root itself counts.
#[must_use]
pub fn is_beneath(path: &[u8]) -> bool {
    path.is_empty() || (path.len() <= PATH_BYTES_MAX && path.split(|&byte| byte == b'/').all(is_name))
}

/// Returns `directory/name`.
#[must_use]
pub fn join(directory: &[u8], name: &[u8]) -> Vec<u8> {
    if directory.is_empty() {
        return name.to_vec();
    }
    if name.is_empty() {
        return directory.to_vec();
    }
    let mut path = Vec::with_capacity(directory.len() + 1 + name.len());
    path.extend_from_slice(directory);
    path.push(b'/');
    path.extend_from_slice(name);
    path
}

/// Returns the directory and the name of a path; the root is (empty, empty).
#[must_use]
pub fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|&byte| byte == b'/') {
        Some(at) => (&path[..at], &path[at + 1..]),
        None => (b"", path),
    }
}

/// Returns the path for a person, as one line in which everything prints: other characters and bytes that are no UTF-8 are spelled
/// out (`\x1b`, `\u{202e}`, `\xff`), a backslash as two. The root is `.`, and a long path is cut.
#[must_use]
pub fn shown(path: &[u8]) -> String {
    if path.is_empty() {
        return ".".to_owned();
    }
    let mut text = String::new();
    for piece in path.utf8_chunks().flat_map(|chunk| chunk.valid().chars().map(shown_char).chain(chunk.invalid().iter().map(shown_byte))) {
        if text.len() + piece.len() > SHOWN_BYTES_MAX {
            text.push('…');
            break;
        }
        text += &piece;
    }
    text
}

fn shown_char(one: char) -> String {
    let mut text = String::new();
    if one == '\\' {
        text.push(one);
    }
    escape::push(&mut text, one);
    text
}

fn shown_byte(byte: &u8) -> String {
    format!("\\x{byte:02x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_prints_and_tells_names_apart() {
        let cases: [(&[u8], &str); 7] = [
            (b"", "."),
            (b"a/b c", "a/b c"),
            ("größe/数据".as_bytes(), "größe/数据"),
            (b"\x1b]0;owned\x07\x1b[8m\nhint: x", "\\x1b]0;owned\\x07\\x1b[8m\\nhint: x"),
            ("\u{202e}\u{9b}".as_bytes(), "\\u{202e}\\u{9b}"),
            (b"a\xff\xc3", "a\\xff\\xc3"),
            (b"\\xff", "\\\\xff"),
        ];
        for (path, text) in cases {
            assert_eq!(shown(path), text);
        }
    }

    #[test]
    fn a_long_path_is_cut_between_what_is_spelled_out() {
        assert_eq!(shown(&[b'a'; 513]), format!("{}…", "a".repeat(512)));
        assert_eq!(shown(&[0x1b; 200]), format!("{}…", "\\x1b".repeat(128)));
    }

    #[test]
    fn words_that_lead_out_are_not_beneath() {
        for path in [&b"/etc"[..], b"..", b"a/..", b"a//b", b"a/", b"./a", b"a/./b", b"a\0b"] {
            assert!(!is_beneath(path), "{path:?}");
        }
        for path in [&b""[..], b"a", b"a/b", b"...", b"\xff\n/ "] {
            assert!(is_beneath(path), "{path:?}");
        }
    }
}
