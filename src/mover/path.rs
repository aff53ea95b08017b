//! Paths beneath a volume's root, as bytes: checked when they come from the wire, joined, split and shown.
//!
//! The root is the empty path. There is no `std::path` here: names may hold any byte but `/` and NUL.

/// The longest path beneath a root; longer ones are refused, not cut.
pub const PATH_BYTES_MAX: usize = 32 << 10;
/// The longest single name (as in Linux).
pub const NAME_BYTES_MAX: usize = 255;

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

/// Returns the path for a person, lossily; the root as `.`.
#[must_use]
pub fn shown(path: &[u8]) -> String {
    if path.is_empty() {
        return ".".to_owned();
    }
    let mut text = String::from_utf8_lossy(path).into_owned();
    if text.len() > 512 {
        let mut cut = 512;
        while !text.is_char_boundary(cut) {
            cut -= 1;
        }
        text.truncate(cut);
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

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
