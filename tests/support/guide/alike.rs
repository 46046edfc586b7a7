//! Whether a program has answered what a document shows, although names at random, times and numbers differ.

/// Whether `told` is what `shown` shows: the same words, apart from those with a digit in what is shown. `...` stands for the rest
/// of a line, and as a line of its own for any lines.
pub(super) fn is_alike(shown: &[&str], told: &str) -> bool {
    lines_are_alike(shown, &told.lines().filter(|line| !line.trim().is_empty()).collect::<Vec<_>>())
}

fn lines_are_alike(shown: &[&str], told: &[&str]) -> bool {
    match (shown.split_first(), told.split_first()) {
        (None, _) => told.is_empty(),
        (Some((line, shown)), _) if line.trim().is_empty() => lines_are_alike(shown, told),
        (Some((&"...", rest)), _) => (0..=told.len()).any(|skipped| lines_are_alike(rest, &told[skipped..])),
        (Some((line, shown)), Some((said, told))) => words_are_alike(line, said) && lines_are_alike(shown, told),
        (Some(_), None) => false,
    }
}

fn words_are_alike(shown: &str, told: &str) -> bool {
    let mut said = told.split_whitespace();
    for word in shown.split_whitespace() {
        if word == "..." {
            return true;
        }
        let varies = word.contains(|letter: char| letter.is_ascii_digit());
        if !said.next().is_some_and(|said| varies || said == word) {
            return false;
        }
    }
    said.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::is_alike;

    #[test]
    fn numbers_and_what_is_left_out_may_differ() {
        let shown = ["NAME  READY  AGE", "team  True  9s", "...", "done ..."];
        assert!(is_alike(&shown, "NAME READY AGE\nteam True 120m\nmore\nand more\ndone at last"));
        assert!(is_alike(&shown, "NAME READY AGE\nteam True 1m\n\ndone"));
    }

    #[test]
    fn words_and_lines_may_not() {
        assert!(!is_alike(&["team True 9s"], "team False 9s"));
        assert!(!is_alike(&["team True 9s"], "team True"));
        assert!(!is_alike(&["team True 9s"], "team True 9s\nother True 9s"));
        assert!(!is_alike(&["team True 9s", "other True 9s"], "team True 9s"));
    }
}
