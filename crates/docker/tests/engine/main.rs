//! Against a real engine, with the stack images `mypaas/heroku-24:run-runtimes` and `:build-runtimes` and a built
//! `dyno-init`. Each test is an installation of its own and removes everything it made.

#![expect(clippy::unwrap_used, reason = "a test fails so")]

mod attached;
mod builds;
mod contract;
mod dynos;
mod escape;
mod keeping;
mod logs;
mod neighbours;
mod place;
mod sandboxes;
mod smart_git;
mod spares;
