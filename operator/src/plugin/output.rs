//! What is printed: text for people, JSON for programs.

use std::io::{Write as _, stdout};

use serde::Serialize;

/// The form of what is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// Words for people.
    #[default]
    Text,
    /// One JSON document.
    Json,
}

/// Why nothing was printed.
#[derive(Debug, thiserror::Error)]
#[error("failed to print")]
pub struct Error(#[from] std::io::Error);

/// Prints `value` as `format` asks for; `text` is made of it where that is text.
pub(super) fn print<T: Serialize>(format: Format, value: &T, text: impl FnOnce(&T) -> String) -> Result<(), Error> {
    match format {
        Format::Text => print_text(&text(value)),
        Format::Json => {
            let mut json = serde_json::to_string_pretty(value).map_err(std::io::Error::from)?;
            json.push('\n');
            print_text(&json)
        }
    }
}

/// Prints `text` as it is.
pub(super) fn print_text(text: &str) -> Result<(), Error> {
    Ok(stdout().lock().write_all(text.as_bytes())?)
}

/// Rows in columns that are as wide as what is in them, the last one as long as it is.
pub(super) fn columns<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let widths: [usize; N] = std::array::from_fn(width);
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("   ").trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_what_is_in_them() {
        let rows = [["NAME", "READY"], ["larder", "True"], ["é", ""]].map(|row| row.map(str::to_owned));
        assert_eq!(columns(&rows), "NAME     READY\nlarder   True\né\n");
    }
}
