//! Receives pushes over HTTP and SSH and keeps the repositories; the build happens inside the push.
//!
//! A push goes through four hands. The git client speaks smart HTTP to [`handle`], or to [`ssh`], which asks who they
//! are and whether they may. `git receive-pack` puts the objects into quarantine and starts the one hook there is, `pre-receive`
//! ([`hook::main`], the server's own executable under another name). The hook hands what was pushed to [`Git`] through a
//! socket, and passes on what is said there until it is told how to end: receive-pack sends it on side-band 2, and git
//! shows it as `remote: …`. Only when the hook ends well are the objects and refs kept.
//!
//! No git process sees anybody's configuration but ours, and no hook but ours is ever run.
//!
//! Read the modules in the order they stand here.

mod access;
mod call;
mod credentials;
mod http;
mod places;
pub mod ssh;
mod transfer;

mod feed;
mod pkt_line;
mod rpc;

mod frame;
pub mod hook;

mod listen;
mod receive;
mod tickets;
mod tree;
mod updates;
mod wire;

mod git;
mod process;
mod repositories;
mod sweep;

mod bundles;

pub use crate::{
    bundles::{bundle, unbundle},
    call::is_git_path,
    git::{Deploy, Git, Limits, SshLimits},
    http::{Body, Peer, handle},
    sweep::Sweep,
};

#[cfg(test)]
mod fuzz;
