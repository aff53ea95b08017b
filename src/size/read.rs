//! Kubernetes quantities as whole numbers (`k8s.io/apimachinery/pkg/api/resource`), rounded up as the scheduler does. Signs are not read.

/// Returns a quantity such as `1.5Gi`, `1e3` or `500m` as a whole number; none when it is not one, or too large.
pub fn whole(text: &str) -> Option<u64> {
    scaled(text, 1)
}

/// The same in thousandths, for processors.
pub fn thousandths(text: &str) -> Option<u64> {
    scaled(text, 1000)
}

fn scaled(text: &str, by: u128) -> Option<u64> {
    let end = text.find(|one: char| !one.is_ascii_digit() && one != '.').unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    let (up, down) = factor(suffix)?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let digits: u128 = format!("{whole}{fraction}").parse().ok()?;
    let below = 10u128.checked_pow(u32::try_from(fraction.len()).ok()?)?.checked_mul(down)?;
    u64::try_from(digits.checked_mul(up)?.checked_mul(by)?.div_ceil(below)).ok()
}

/// By how much a suffix multiplies and divides.
fn factor(suffix: &str) -> Option<(u128, u128)> {
    let binary = |power: u32| Some((1u128 << (10 * power), 1));
    let decimal = |power: u32| Some((10u128.pow(power), 1));
    match suffix {
        "" => Some((1, 1)),
        "n" => Some((1, 1_000_000_000)),
        "u" => Some((1, 1_000_000)),
        "m" => Some((1, 1000)),
        "Ki" => binary(1),
        "Mi" => binary(2),
        "Gi" => binary(3),
        "Ti" => binary(4),
        "Pi" => binary(5),
        "Ei" => binary(6),
        "k" => decimal(3),
        "M" => decimal(6),
        "G" => decimal(9),
        "T" => decimal(12),
        "P" => decimal(15),
        "E" => decimal(18),
        _ => exponent(suffix.strip_prefix(['e', 'E'])?),
    }
}

fn exponent(text: &str) -> Option<(u128, u128)> {
    let power: i32 = text.parse().ok().filter(|power: &i32| power.abs() <= 30)?;
    let size = 10u128.pow(power.unsigned_abs());
    Some(if power < 0 { (1, size) } else { (size, 1) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_read_as_kubernetes_reads_them() {
        let cases = [
            ("0", Some(0)),
            ("1Gi", Some(1 << 30)),
            ("1.5Gi", Some(3 << 29)),
            ("1G", Some(1_000_000_000)),
            ("1e3", Some(1000)),
            ("1E3", Some(1000)),
            ("2E", Some(2_000_000_000_000_000_000)),
            ("500m", Some(1)),
            (".5k", Some(500)),
            ("1025e-1", Some(103)),
            ("", None),
            ("Gi", None),
            ("1 Gi", None),
            ("-1", None),
            ("1Qi", None),
        ];
        for (text, expected) in cases {
            assert_eq!(whole(text), expected, "{text}");
        }
        assert_eq!(thousandths("1.5"), Some(1500));
        assert_eq!(thousandths("250m"), Some(250));
    }
}
