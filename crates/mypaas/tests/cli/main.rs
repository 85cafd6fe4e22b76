//! The real program against a small server inside the test.

#[cfg(test)]
mod admin;
#[cfg(test)]
mod apps;
#[cfg(test)]
mod auth;
#[cfg(test)]
mod bodies;
#[cfg(test)]
mod builds;
#[cfg(test)]
mod config;
#[cfg(test)]
mod demo;
#[cfg(test)]
mod disk;
#[cfg(test)]
mod docs;
#[cfg(test)]
mod failures;
#[cfg(test)]
mod git;
#[cfg(test)]
mod help;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod logs;
#[cfg(test)]
mod ps;
#[cfg(test)]
mod pty;
#[cfg(test)]
mod releases;
#[cfg(test)]
mod run;
#[cfg(test)]
mod servers;
#[cfg(test)]
mod support;
#[cfg(test)]
mod terminals;
#[cfg(test)]
mod transfers;
#[cfg(test)]
mod windows;
