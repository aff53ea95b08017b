//! Amounts of bytes in words, as Kubernetes writes them. Other amounts are not written here.

const UNITS: [(&str, u64); 5] = [("Pi", 1 << 50), ("Ti", 1 << 40), ("Gi", 1 << 30), ("Mi", 1 << 20), ("Ki", 1 << 10)];

/// Returns an amount with at most one decimal, such as `1.5Gi` or `512`.
pub fn words(bytes: u64) -> String {
    let Some((unit, size)) = UNITS.iter().find(|(_, size)| bytes >= *size) else { return bytes.to_string() };
    let tenths = (u128::from(bytes) * 10 + u128::from(*size) / 2) / u128::from(*size);
    if tenths % 10 == 0 { format!("{}{unit}", tenths / 10) } else { format!("{}.{}{unit}", tenths / 10, tenths % 10) }
}

/// Returns an amount as a quantity that means exactly it, such as `1536Mi`.
pub fn quantity(bytes: u64) -> String {
    let whole = UNITS.iter().find(|(_, size)| bytes > 0 && bytes.is_multiple_of(*size));
    whole.map_or_else(|| bytes.to_string(), |(unit, size)| format!("{}{unit}", bytes / size))
}

#[cfg(test)]
mod tests {
    use super::{quantity, words};

    #[test]
    fn quantities_are_exact() {
        for (bytes, expected) in [(0, "0"), (1000, "1000"), (1536 << 20, "1536Mi"), (2 << 30, "2Gi")] {
            assert_eq!(quantity(bytes), expected);
        }
    }

    #[test]
    fn sizes_read_as_in_kubernetes() {
        let cases = [(0, "0"), (1023, "1023"), (1024, "1Ki"), (1536, "1.5Ki"), (1 << 30, "1Gi"), (10 * (1 << 40), "10Ti")];
        for (bytes, expected) in cases {
            assert_eq!(words(bytes), expected);
        }
    }
}
