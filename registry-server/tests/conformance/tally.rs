//! What held where, as a table.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use crate::{
    registry::Way,
    rule::{Edition, Rule},
    rules,
};

/// How many rules were asked about, and how many held.
#[derive(Debug, Clone, Copy, Default)]
struct Count {
    asked: usize,
    held: usize,
}

/// Counts by section and way. Clones count together.
#[derive(Clone, Default)]
pub(crate) struct Tally(Arc<Mutex<BTreeMap<(&'static str, Way), Count>>>);

/// A rule that was asked about; it does not hold unless somebody says so.
pub(crate) struct Outcome {
    tally: Tally,
    place: (&'static str, Way),
}

impl Tally {
    /// Counts a rule that is about to be checked.
    pub(crate) fn begin(&self, rule: &Rule, way: Way) -> Outcome {
        let outcome = Outcome { tally: self.clone(), place: (rule.section, way) };
        outcome.count(|count| count.asked += 1);
        outcome
    }

    /// Prints a line for each section and one for all.
    #[expect(clippy::print_stdout, reason = "the table is this program's result")]
    pub(crate) fn print(&self) {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        println!("{}", row("section", "1.1", "main", &Way::ALL.map(|way| way.to_string())));
        for Total { title, released, newer } in totals() {
            let in_title = |section: &str| title == ALL || title == section;
            let cells = Way::ALL.map(|way| {
                let counted = counts.iter().filter(|((section, at), _)| in_title(section) && *at == way);
                counted.fold(Count::default(), |sum, (_, count)| sum.plus(*count)).to_string()
            });
            println!("{}", row(title, &released.to_string(), &newer.to_string(), &cells));
        }
    }
}

/// The title of the line that sums up.
const ALL: &str = "all";

/// How many rules a section has, of each edition.
struct Total {
    title: &'static str,
    released: usize,
    newer: usize,
}

/// A total for each section, and one for all.
fn totals() -> Vec<Total> {
    let of = |title: &'static str, rules: &mut dyn Iterator<Item = &'static Rule>| {
        let (released, newer): (Vec<_>, Vec<_>) = rules.partition(|rule| rule.edition == Edition::V1_1);
        Total { title, released: released.len(), newer: newer.len() }
    };
    let sections = rules::SECTIONS.iter().map(|section| of(section[0].section, &mut section.iter()));
    sections.chain([of(ALL, &mut rules::all())]).collect()
}

/// Checks that the README tells these totals.
pub(crate) fn check_readme() {
    let readme = include_str!("../../README.md");
    for Total { title, released, newer } in totals() {
        let row = format!("| {title} | {released} | {newer} |");
        assert!(readme.lines().any(|line| line == row), "registry-server/README.md lacks the line\n{row}");
    }
    let number = format!("a list of {} tests", rules::all().count());
    assert!(readme.contains(&number), "registry-server/README.md does not say {number:?}");
}

impl Outcome {
    /// The rule holds.
    pub(crate) fn holds(self) {
        self.count(|count| count.held += 1);
    }

    fn count(&self, add: impl FnOnce(&mut Count)) {
        add(self.tally.0.lock().unwrap_or_else(PoisonError::into_inner).entry(self.place).or_default());
    }
}

impl Count {
    fn plus(self, other: Self) -> Self {
        Self { asked: self.asked + other.asked, held: self.held + other.held }
    }
}

/// "12" when all hold, "11 of 12" when not.
impl fmt::Display for Count {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self { asked, held } if asked == held => write!(formatter, "{held}"),
            Self { asked, held } => write!(formatter, "{held} of {asked}"),
        }
    }
}

fn row(title: &str, released: &str, newer: &str, cells: &[String]) -> String {
    let cells: String = cells.iter().map(|cell| format!("{cell:>19}")).collect();
    format!("{title:<46}{released:>6}{newer:>6}{cells}")
}
