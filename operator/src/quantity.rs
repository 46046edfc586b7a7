//! Amounts of bytes as Kubernetes writes them, as far as the operator compares and tells them.

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

/// Suffixes and what they stand for.
const SUFFIXES: [(&str, f64); 12] = [
    ("Ki", 1024.0),
    ("Mi", 1_048_576.0),
    ("Gi", 1_073_741_824.0),
    ("Ti", 1_099_511_627_776.0),
    ("Pi", 1_125_899_906_842_624.0),
    ("Ei", 1_152_921_504_606_846_976.0),
    ("k", 1e3),
    ("M", 1e6),
    ("G", 1e9),
    ("T", 1e12),
    ("P", 1e15),
    ("E", 1e18),
];

/// A quantity as a number of bytes; `None` if it is none of bytes.
pub(crate) fn bytes(quantity: &Quantity) -> Option<f64> {
    let text = quantity.0.trim();
    // Without a suffix, the exponent of `1e9` is part of the number.
    let scaled = SUFFIXES.iter().find_map(|(suffix, factor)| Some((text.strip_suffix(suffix)?, *factor)));
    let (number, factor) = scaled.unwrap_or((text, 1.0));
    number.parse::<f64>().ok().map(|number| number * factor).filter(|bytes| bytes.is_finite())
}

/// Whether a quantity is less than another one; not if one of them is no quantity of bytes.
pub(crate) fn is_less(one: &Quantity, other: &Quantity) -> bool {
    bytes(one).zip(bytes(other)).is_some_and(|(one, other)| one < other)
}

/// So many bytes as a quantity that a person reads at a glance, rounded down to three digits or so.
#[expect(clippy::cast_precision_loss, reason = "it is rounded in any case")]
pub(crate) fn rounded(bytes: u64) -> String {
    let bytes = bytes as f64;
    let (suffix, unit) = SUFFIXES[..6].iter().rev().find(|(_, unit)| bytes >= *unit).copied().unwrap_or(("", 1.0));
    let tenths = (bytes / unit * 10.0).floor();
    if tenths % 10.0 == 0.0 || tenths >= 1000.0 {
        format!("{:.0}{suffix}", (tenths / 10.0).floor())
    } else {
        format!("{:.1}{suffix}", tenths / 10.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_compared_by_what_they_mean() {
        let quantity = |text: &str| Quantity(text.to_owned());
        for (less, more) in [("10Gi", "20Gi"), ("1024Mi", "1.5Gi"), ("1G", "1Gi"), ("999", "1k"), ("1e9", "1Gi")] {
            assert!(is_less(&quantity(less), &quantity(more)), "{less} < {more}");
            assert!(!is_less(&quantity(more), &quantity(less)), "{more} < {less}");
        }
        assert!(!is_less(&quantity("1024Mi"), &quantity("1Gi")) && !is_less(&quantity("1Gi"), &quantity("1024Mi")));
        assert!(!is_less(&quantity("a lot"), &quantity("1Gi")));
    }

    #[test]
    fn what_is_told_is_a_quantity_and_never_more_than_there_is() {
        for (bytes, told) in [
            (0, "0"),
            (1023, "1023"),
            (1536, "1.5Ki"),
            (10 << 30, "10Gi"),
            ((10 << 30) - 1, "9.9Gi"),
            (1023 << 30, "1023Gi"),
            (123_456_789, "117Mi"),
        ] {
            assert_eq!(rounded(bytes), told);
            assert!(super::bytes(&Quantity(rounded(bytes))).unwrap() <= bytes as f64);
        }
    }
}
