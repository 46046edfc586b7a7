//! The same file and `REGISTRY_*` variables come to the same configuration here as in version 3.1 of the reference, whose own
//! parser is asked, but for a list of differences that are wanted.
//!
//! Files and variables are random, from the table of keys. `LAYOUT_SEED=n` repeats one case, whose seed a failure names;
//! `LAYOUT_RUNS=n` makes that many.

mod cases;
mod differences;
mod effective;

use anyhow::{Context as _, Result, bail, ensure};
use support::command::{command, outcome};
use support::figure::figure;
use support::server::Program;
use tempfile::TempDir;

use self::cases::Case;
use self::differences::{WANTED, Wanted};
use self::effective::{Difference, Effective};
use crate::sequences::seeds_of_runs;

/// Cases, unless told otherwise. Each is two short processes.
const CASES: u64 = 60;

/// What `program` says that the case comes to.
async fn asked(program: Program, case: &Case) -> Result<Effective> {
    let folder = TempDir::new()?;
    let file = folder.path().join("config.yml");
    std::fs::write(&file, case.file())?;
    let arguments: &[&str] = if program == Program::Ours { &["serve", "--check"] } else { &["configuration"] };
    let mut command = command(program.path()?, arguments);
    command.arg(file).env_clear().envs(&case.variables);
    let output = outcome(command, "").await?;
    ensure!(output.success, "{program} refuses it: {}", output.stderr);
    Effective::parse(&output.stdout).with_context(|| format!("{program} prints {}", output.stdout))
}

async fn differences(case: &Case) -> Result<Vec<Difference>> {
    let (theirs, ours) = (asked(Program::Registry3, case).await?, asked(Program::Ours, case).await?);
    Ok(theirs.differences(&ours))
}

/// The reason for which a difference is wanted.
fn wanted(case: &Case, difference: &Difference) -> Option<&'static Wanted> {
    WANTED.iter().find(|wanted| (wanted.is)(case, difference))
}

#[tokio::test]
async fn a_random_file_and_variables_come_to_what_the_reference_makes_of_them() -> Result<()> {
    let seeds = seeds_of_runs(CASES)?;
    figure("layout: seeds of configurations", format_args!("{seeds:?}"));
    for seed in seeds {
        let case = Case::random(seed);
        let found = differences(&case).await.with_context(|| format!("LAYOUT_SEED={seed} repeats {case}"))?;
        let unwanted: Vec<_> = found.iter().filter(|difference| wanted(&case, difference).is_none()).collect();
        ensure!(unwanted.is_empty(), "LAYOUT_SEED={seed} repeats {case}\nwhich differs in {unwanted:#?}");
    }
    Ok(())
}

/// None is in the list for what was once so.
#[tokio::test]
async fn every_wanted_difference_is_one() -> Result<()> {
    for expected in WANTED {
        let case = Case::of((expected.example)());
        let found = differences(&case).await.with_context(|| case.to_string())?;
        let reasons: Vec<_> = found.iter().map(|difference| wanted(&case, difference).map(|is| is.reason)).collect();
        if !reasons.contains(&Some(expected.reason)) {
            bail!("{case}\nshows nothing of {:?}, but {found:#?}", expected.reason);
        }
    }
    Ok(())
}
