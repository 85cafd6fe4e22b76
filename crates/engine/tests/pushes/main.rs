//! Pushes, told through the engine: what becomes of an app, and how builds fail.

#![expect(clippy::unwrap_used, reason = "a test says so by failing")]

mod bench;
mod buildpacks;
mod failures;
mod release_phases;
mod story;
