//! Runs a target within a budget, and makes a failure small and repeatable.
//!
//! The budget: `FUZZ_SECONDS` of each target, or else `FUZZ_CASES` inputs of each, or else a few hundred.

use std::{
    env, fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use proptest::test_runner::{Config, TestError, TestRunner};

use super::mutate;

/// Inputs of each target within `cargo test`.
const CASES: u32 = 300;

/// Inputs between two looks at the clock.
const BATCH: u32 = 200;

/// No input of this size may take longer, on however busy a machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often a failure is tried smaller.
const SHRINK_STEPS: u32 = 200;

/// A target: panics when a promise is broken.
pub(crate) type Check = fn(&[u8]);

/// Runs `check` on the corpus of `target`, then on changes of it until the budget is spent.
///
/// # Panics
/// With the smallest input found that breaks a promise.
pub(crate) fn run(target: &str, check: Check) {
    let corpus = corpus(target);
    for (path, input) in &corpus {
        let outcome = catch_unwind(AssertUnwindSafe(|| check(input)));
        assert!(outcome.is_ok(), "{} breaks a promise", path.display());
    }
    let inputs: Vec<Vec<u8>> = corpus.into_iter().map(|(_, input)| input).collect();
    match number("FUZZ_SECONDS") {
        Some(seconds) => {
            let (begin, budget) = (Instant::now(), Duration::from_secs(seconds));
            let mut cases = 0;
            while begin.elapsed() < budget {
                batch(target, check, &inputs, BATCH);
                cases += BATCH;
            }
            tell(&format!("{target}: {cases} inputs in {seconds} s"));
        }
        None => {
            let cases = number("FUZZ_CASES").and_then(|cases| u32::try_from(cases).ok());
            batch(target, check, &inputs, cases.unwrap_or(CASES));
        }
    }
}

#[expect(clippy::print_stdout, reason = "the figure of a run that was asked for")]
fn tell(text: &str) {
    println!("{text}");
}

fn number(variable: &str) -> Option<u64> {
    let text = env::var(variable).ok().filter(|text| !text.is_empty())?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is {text:?}, it has to be a whole number")))
}

fn batch(target: &str, check: Check, inputs: &[Vec<u8>], cases: u32) {
    let config = Config { cases, failure_persistence: None, max_shrink_iters: SHRINK_STEPS, ..Config::default() };
    let outcome = TestRunner::new(config).run(&mutate::inputs(inputs.to_vec()), |input| {
        let begin = Instant::now();
        check(&input.0);
        assert!(begin.elapsed() < PATIENCE, "it took {} s", begin.elapsed().as_secs());
        Ok(())
    });
    match outcome {
        Ok(()) => {}
        Err(TestError::Fail(reason, input)) => {
            let file = env::temp_dir().join(format!("fuzz-{target}-{}", std::process::id()));
            fs::write(&file, &input.0).unwrap();
            panic!(
                "{target}: {:.1000}\nsmallest input found: {:.1000}\nit is in {}; once the cause is mended, keep it in {}",
                reason.to_string(),
                format!("{input:?}"),
                file.display(),
                directory(target).display(),
            )
        }
        Err(TestError::Abort(reason)) => panic!("{target}: {reason}"),
    }
}

fn directory(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus").join(target)
}

/// The files of a target in the order of their names.
fn corpus(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let directory = directory(target);
    let entries = fs::read_dir(&directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "{} is empty", directory.display());
    paths
        .into_iter()
        .map(|path| {
            let input = fs::read(&path).unwrap();
            (path, input)
        })
        .collect()
}
