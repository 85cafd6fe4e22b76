//! The server, ended and started by hand.

use std::process::Command;

use crate::{Installation, eventually};

impl Installation {
    /// Ends the server as a machine's shutdown does; dynos keep running.
    pub fn stop_server(&self) {
        let pid = self.env()["MYPAASD_PID"].clone();
        let kill = |signal: &str| Command::new("kill").args([signal, "--", &pid]).status().expect("kill runs").success();
        assert!(kill("-TERM"), "the server runs");
        eventually("the server to be gone", || (!kill("-0")).then_some(()));
    }
}
