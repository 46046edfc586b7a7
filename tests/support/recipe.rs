//! Documents whose commands people type: the tests type them, too.

use anyhow::{Context as _, Result, ensure};

use crate::root;

/// The blocks of shell below `headings` of a document, the one within the other, in their order and as they stand.
pub fn commands(document: &str, headings: &[&str]) -> Result<Vec<String>> {
    let text = std::fs::read_to_string(root().join(document)).with_context(|| format!("failed to read {document}"))?;
    let mut section = text.as_str();
    for heading in headings {
        section = below(section, heading).with_context(|| format!("{document} has no heading {heading:?}"))?;
    }
    let blocks = section.split("\n```sh\n").skip(1).filter_map(|block| block.split_once("\n```"));
    let blocks: Vec<String> = blocks.map(|(commands, _)| commands.to_owned()).collect();
    ensure!(!blocks.is_empty(), "{document} has no commands below {headings:?}");
    Ok(blocks)
}

/// What stands between a heading and the next one that is no deeper.
fn below<'text>(text: &'text str, heading: &str) -> Option<&'text str> {
    let (_, rest) = text.split_once(&format!("\n{heading}\n"))?;
    let depth = heading.bytes().take_while(|byte| *byte == b'#').count();
    let ends = (1..=depth).filter_map(|depth| rest.find(&format!("\n{} ", "#".repeat(depth))));
    Some(&rest[..ends.min().unwrap_or(rest.len())])
}
