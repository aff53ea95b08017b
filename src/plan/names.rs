//! What a name may be, whoever wrote it, and how names of ours are made. Names get into paths, selectors and commands to paste; they are
//! looked at before any of that.

use super::RunId;

/// The name of the claim that holds a target volume until the claim's own name is free.
#[must_use]
pub fn staging_name(claim: &str, run: &RunId) -> String {
    format!("{claim}-{run}")
}

/// Whether a text is the name of an object (RFC 1123 subdomain, as Kubernetes wants for claims, pods, volumes and sets).
pub(super) fn is_object(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(is_label_of_any_length)
}

/// Whether a text is the name of a namespace (RFC 1123 label).
pub(super) fn is_namespace(text: &str) -> bool {
    text.len() <= 63 && is_label_of_any_length(text)
}

fn is_label_of_any_length(text: &str) -> bool {
    let fits = |one: char| one.is_ascii_lowercase() || one.is_ascii_digit() || one == '-';
    !text.is_empty() && text.chars().all(fits) && !text.starts_with('-') && !text.ends_with('-')
}

/// Whether a text is the name of a run.
pub(super) fn is_run(text: &str) -> bool {
    text.len() <= 20 && is_label_of_any_length(text) && text.starts_with(|one: char| one.is_ascii_lowercase())
}

/// Whether a text is one that the product makes for itself (a step's id, a slot): printable, without a blank, and not long.
pub(super) fn is_own(text: &str) -> bool {
    !text.is_empty() && text.len() <= 400 && text.chars().all(|one| one.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_kubernetes_takes_are_names() {
        for good in ["a", "data-pg-0", "pvc-1.2", "0", &"a".repeat(253)] {
            assert!(is_object(good), "{good}");
        }
        for bad in ["", "A", "a/b", "a?b", "a_b", "-a", "a-", "a..b", "x/secrets?y=", "a b", &"a".repeat(254)] {
            assert!(!is_object(bad), "{bad}");
        }
        assert!(is_namespace("db") && !is_namespace("a.b") && !is_namespace(&"a".repeat(64)));
    }

    #[test]
    fn a_run_is_named_so_that_its_name_can_be_pasted() {
        for good in ["a", "m1", "my-run", "abcdefghijklmnopqrst"] {
            assert!(is_run(good), "{good}");
        }
        for bad in ["", "1a", "-a", "a-", "A", "a_b", "abcdefghijklmnopqrstu", "x; curl e", "a\u{1b}[8m"] {
            assert!(!is_run(bad), "{bad}");
        }
    }
}
