//! What docs/ROUTER.md and Heroku say of the router, line by line, with raw sockets on both sides: a scripted client, the
//! real `mypaasd router --routes FILE`, a scripted dyno. Each case has a router of its own.
//!
//!     cargo build -p mypaasd && cargo test -p e2e --test conformance [-- WORD…]
//!
//! runs the cases whose names contain one of the words. Time limits are short ones, set in the routes file; with
//! `CONFORMANCE=full` they are Heroku's. What the router cannot do yet stands in `known_gaps.rs` and must fail.

#![expect(clippy::print_stdout, reason = "a test program speaks to whoever runs it")]

mod cases;
mod known_gaps;
mod play;
mod secure;
mod wire;
mod world;

use std::{
    cell::RefCell,
    panic::{self, AssertUnwindSafe},
    process::ExitCode,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use domain::ErrorCode;
use known_gaps::KNOWN_GAPS;

/// A line of the spec, and how to see that it holds: `run` panics if it does not.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) run: Box<dyn Fn() + Send + Sync>,
}

pub(crate) fn case(name: impl Into<String>, run: impl Fn() + Send + Sync + 'static) -> Case {
    Case { name: name.into(), run: Box::new(run) }
}

/// Cases mostly wait.
const AT_ONCE: usize = 12;

thread_local! {
    static LAST_PANIC: RefCell<String> = const { RefCell::new(String::new()) };
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--ignored") {
        println!("conformance: needs no installation; it runs without --ignored");
        return ExitCode::SUCCESS;
    }
    let words: Vec<&String> = arguments.iter().filter(|argument| !argument.starts_with("--")).collect();
    let mut cases = cases::all();
    if let Some(twice) = cases.iter().enumerate().find_map(|(i, case)| cases[..i].iter().any(|other| other.name == case.name).then_some(&case.name)) {
        println!("two cases are named {twice:?}");
        return ExitCode::FAILURE;
    }
    if let Some((stale, _)) = KNOWN_GAPS.iter().find(|(gap, _)| !cases.iter().any(|case| case.name == *gap)) {
        println!("known_gaps.rs names {stale:?}, which is no case");
        return ExitCode::FAILURE;
    }
    if let Some(code) = ErrorCode::ALL.iter().find(|code| !cases.iter().any(|case| case.name.starts_with(&format!("{} ", code.code())))) {
        println!("no case is named after {}", code.code());
        return ExitCode::FAILURE;
    }
    cases.retain(|case| words.is_empty() || words.iter().any(|word| case.name.contains(word.as_str())));
    if arguments.iter().any(|argument| argument == "--list") {
        cases.iter().for_each(|case| println!("{}", case.name));
        return ExitCode::SUCCESS;
    }
    let result = report(&cases, &run_all(&cases));
    let logged = world::LOGGED.lock().expect("no holder panics");
    if let Some(code) = ErrorCode::ALL.iter().find(|code| words.is_empty() && !logged.contains(code.code())) {
        println!("no case has compared a whole line of {}", code.code());
        return ExitCode::FAILURE;
    }
    result
}

/// Runs them, some at once; why each one failed, if it did.
fn run_all(cases: &[Case]) -> Vec<Option<String>> {
    panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let message = panic.payload_as_str().unwrap_or("no words");
        LAST_PANIC.with_borrow_mut(|last| *last = format!("{place}: {message}"));
    }));
    let next = AtomicUsize::new(0);
    let results = Mutex::new(vec![None; cases.len()]);
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some((index, case)) = Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|index| Some((index, cases.get(index)?))) {
                    if panic::catch_unwind(AssertUnwindSafe(&case.run)).is_err() {
                        results.lock().expect("no holder panics")[index] = Some(LAST_PANIC.take());
                    }
                }
            });
        }
    });
    let _ = panic::take_hook();
    results.into_inner().expect("no holder panics")
}

fn report(cases: &[Case], results: &[Option<String>]) -> ExitCode {
    let (mut passed, mut gaps, mut wrong) = (0, 0, 0);
    for (case, result) in cases.iter().zip(results) {
        match (result, KNOWN_GAPS.iter().any(|(gap, _)| *gap == case.name)) {
            (None, false) => passed += 1,
            (Some(_), true) => gaps += 1,
            (Some(why), false) => {
                wrong += 1;
                println!("FAILED {}\n       {}", case.name, why.replace('\n', "\n       "));
            }
            (None, true) => {
                wrong += 1;
                println!("CLOSED {}\n       it passes: take it out of known_gaps.rs", case.name);
            }
        }
    }
    println!("conformance: {} cases, {passed} passed, {gaps} known gaps, {wrong} wrong", cases.len());
    if wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
