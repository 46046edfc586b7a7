//! A fenced block of a document, and what the line that opens it says.

/// A fenced block of a document.
#[derive(Clone, Debug)]
pub struct Block {
    /// The document, named from the root.
    pub document: String,
    /// The number of the line that opens it.
    pub line: usize,
    /// The nearest heading above it, without its marks.
    pub heading: String,
    /// The first word after the fence, which says what it is: `sh`, `console`, `yaml`; empty where nothing is said.
    pub language: String,
    /// What is between the fences.
    pub text: String,
    /// What stands behind the language.
    remark: String,
}

impl Block {
    /// The test that types it.
    pub fn test(&self) -> Option<&str> {
        self.said("(typed by ")
    }

    /// Why no test types it: one of the [`REASONS`](super::REASONS).
    pub fn reason(&self) -> Option<&str> {
        self.said("(not typed: ")
    }

    fn said(&self, opening: &str) -> Option<&str> {
        self.remark.strip_prefix(opening)?.strip_suffix(')')
    }

    /// Whether a reader types it.
    pub fn is_typed(&self) -> bool {
        ["sh", "bash", "shell", "console"].contains(&self.language.as_str())
    }

    /// Where it stands, for messages.
    pub fn place(&self) -> String {
        format!("{}:{}", self.document, self.line)
    }

    /// What is typed, a step each, with the lines that a reader is shown as its answer. A block of the language `sh` is one step.
    pub fn steps(&self) -> Vec<(String, Vec<&str>)> {
        if self.language != "console" {
            return vec![(self.text.clone(), Vec::new())];
        }
        let mut steps: Vec<(String, Vec<&str>)> = Vec::new();
        for line in self.text.lines() {
            match (line.strip_prefix("$ "), steps.last_mut()) {
                (Some(command), _) => steps.push((command.to_owned(), Vec::new())),
                (None, Some((_, answer))) => answer.push(line),
                (None, None) => {}
            }
        }
        steps
    }

    /// The commands, for a list of them: lines that are neither comments nor answers, without the continuation of a command.
    pub fn commands(&self) -> Vec<String> {
        let text: String = self.steps().into_iter().map(|(typed, _)| typed + "\n").collect();
        let joined = text.replace("\\\n", " ");
        let lines = joined.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
        lines.filter(|line| !line.is_empty() && !line.starts_with('#')).collect()
    }
}

/// The fenced blocks of a document.
pub(super) fn parse(document: &str, text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut heading = "";
    let mut open: Option<Block> = None;
    for (line, content) in (1..).zip(text.lines()) {
        match (content.trim_start().strip_prefix("```"), &mut open) {
            (Some(info), None) => open = Some(opened(document, line, heading, info)),
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (None, Some(block)) => block.text += &format!("{content}\n"),
            (None, None) if content.starts_with('#') => heading = content.trim_start_matches('#').trim(),
            (None, None) => {}
        }
    }
    blocks
}

fn opened(document: &str, line: usize, heading: &str, info: &str) -> Block {
    let (language, remark) = info.trim().split_once(' ').unwrap_or((info.trim(), ""));
    let (language, remark) = (language.to_owned(), remark.trim().to_owned());
    Block { document: document.to_owned(), line, heading: heading.to_owned(), language, text: String::new(), remark }
}
