//! What may be typed as the value of an argument: names, durations, amounts. What is none is refused before anything is asked.

use std::time::Duration;

use crate::plan::{RunId, is_namespace, is_object};
use crate::size;

/// The name of a namespace.
pub(super) fn namespace(text: &str) -> Result<String, String> {
    let wrong = || format!("`{text}` is no name of a namespace: 1 to 63 lower-case letters, digits and dashes");
    is_namespace(text).then(|| text.to_owned()).ok_or_else(wrong)
}

/// The name of an object.
pub(super) fn object(text: &str) -> Result<String, String> {
    let wrong = || format!("`{text}` is no name of an object: lower-case letters, digits, dashes and dots");
    is_object(text).then(|| text.to_owned()).ok_or_else(wrong)
}

/// `90`, `90s`, `15m`, `24h`, and sums such as `1h30m`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is not a duration such as 90s, 15m or 24h");
    if let Ok(secs) = text.parse() {
        return Ok(Duration::from_secs(secs));
    }
    let (mut total, mut number) = (0u64, String::new());
    for one in text.chars() {
        let unit = match one {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            digit if digit.is_ascii_digit() => {
                number.push(digit);
                continue;
            }
            _ => return Err(wrong()),
        };
        let count: u64 = std::mem::take(&mut number).parse().map_err(|_| wrong())?;
        total = count.checked_mul(unit).and_then(|secs| total.checked_add(secs)).ok_or_else(wrong)?;
    }
    if number.is_empty() && !text.is_empty() { Ok(Duration::from_secs(total)) } else { Err(wrong()) }
}

/// Checks a run's name.
pub(super) fn run_id(text: &str) -> Result<RunId, String> {
    RunId::try_from(text.to_owned())
}

/// An access mode that can be written with, by its name or its usual letters.
pub(super) fn access_mode(text: &str) -> Result<String, String> {
    let full = match text {
        "RWO" | "ReadWriteOnce" => "ReadWriteOnce",
        "RWX" | "ReadWriteMany" => "ReadWriteMany",
        "RWOP" | "ReadWriteOncePod" => "ReadWriteOncePod",
        _ => return Err("name ReadWriteOnce, ReadWriteMany or ReadWriteOncePod".to_owned()),
    };
    Ok(full.to_owned())
}

/// `100Mi`, `1G` or a plain number.
pub(super) fn bytes(text: &str) -> Result<u64, String> {
    size::read::whole(text).filter(|bytes| *bytes > 0).ok_or_else(|| format!("`{text}` is not an amount such as 100Mi"))
}

#[cfg(test)]
mod tests {
    use super::duration;

    #[test]
    fn durations_are_read_as_kubectl_reads_them() {
        for (text, secs) in [("0", 0), ("90", 90), ("90s", 90), ("15m", 900), ("1h30m", 5400)] {
            assert_eq!(duration(text).map(|duration| duration.as_secs()), Ok(secs), "{text}");
        }
        for text in ["", "s", "5x", "1h30", "-1s"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
