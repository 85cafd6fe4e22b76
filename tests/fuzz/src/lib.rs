//! Fuzzing with the stable compiler and nothing else: a corpus, mutations of it, and targets that must hold whatever comes.
//!
//! A target is a function from bytes to a word. It panics when something that must hold does not; the word says what became of
//! the input (`accepted 3`, `too long`), and an input with a new word joins the corpus of the run: that takes the place of the
//! coverage that a special compiler would count. Targets stand beside what they try, as tests named `fuzz_…`, and their
//! corpora under `tests/fuzz/corpus/<target>/`. What fails is made small, printed and kept there, so that every later run begins
//! with it.
//!
//! `tests/fuzz/run` runs all of them for hours; `cargo test fuzz_` for seconds, always with the same inputs.
//!
//! Environment: `FUZZ_RUNS` inputs per target (otherwise [`SHORT`]), or `FUZZ_SECONDS` for each; `FUZZ_SEED` repeats a run.

mod corpus;
mod mutate;
mod smaller;
mod watch;

use std::{
    collections::HashSet,
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

pub use mutate::Chance;

/// How many inputs a target gets when nothing else is asked for.
const SHORT: u64 = 1_500;
/// An input that is tried longer than this hangs.
const HANG: Duration = Duration::from_secs(60);
/// Inputs of a run that are mutated further.
const LARGEST_POOL: usize = 2_000;

/// Something to try.
#[derive(Clone, Copy)]
pub struct Target {
    /// Also the name of its corpus.
    pub name: &'static str,
    /// Words that mean something to it.
    pub words: &'static [&'static [u8]],
    /// Longest input, in bytes.
    pub longest: usize,
    /// What became of the input, in a word; or a panic.
    pub run: fn(&[u8]) -> String,
}

/// Tries the corpus, then mutations of it.
///
/// # Panics
/// When an input breaks the target; it says which, and keeps it in the corpus.
#[track_caller]
pub fn check(target: &Target) {
    let mut pool = corpus::read(target.name);
    assert!(!pool.is_empty(), "{} has no corpus under {}", target.name, corpus::folder(target.name).display());
    let (plan, seed) = (watch::Plan::from_environment(), watch::seed());
    let watch = watch::Watch::begin(target.name, HANG);
    let mut seen = HashSet::new();
    for input in &pool {
        seen.insert(tried(target, input, &watch));
    }
    let mut chance = Chance::seeded(seed);
    let mut count = 0;
    while plan.goes_on(count) {
        let input = mutate::mutated(&pool, target, &mut chance);
        if seen.insert(tried(target, &input, &watch)) && pool.len() < LARGEST_POOL {
            pool.push(input);
        }
        count += 1;
    }
    eprintln!("{}: {count} inputs, {} outcomes, seed {seed}", target.name, seen.len());
}

fn tried(target: &Target, input: &[u8], watch: &watch::Watch) -> String {
    watch.trying(input);
    let panic = match attempt(target, input) {
        Ok(word) => return word,
        Err(panic) => panic,
    };
    let small = smaller::smallest(input, |candidate| {
        watch.trying(candidate);
        attempt(target, candidate).is_err()
    });
    let panic = attempt(target, &small).err().unwrap_or(panic);
    let path = corpus::keep(target.name, &small);
    panic!("target {} fails: {panic}\n  with b\"{}\"\n  kept as {} and tried first from now on", target.name, small.escape_ascii(), path.display());
}

/// The word, or what the panic said.
fn attempt(target: &Target, input: &[u8]) -> Result<String, String> {
    smaller::quietly(|| catch_unwind(AssertUnwindSafe(|| (target.run)(input)))).map_err(|panic| {
        let text = panic.downcast_ref::<String>().cloned().or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        text.unwrap_or_default()
    })
}

#[cfg(test)]
mod tests;
