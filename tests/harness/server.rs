//! The server, ended and started by hand.

use std::{fs, os::unix::process::CommandExt, process::Command};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{Pid, PidfdFlags, pidfd_open},
};

use crate::{Installation, eventually};

impl Installation {
    /// Ends the server as a machine's shutdown does; dynos keep running.
    pub fn stop_server(&self) {
        self.end_server("-TERM");
    }

    /// Ends the server as a crash does; dynos keep running.
    pub fn kill_server(&self) {
        self.end_server("-KILL");
    }

    fn end_server(&self, signal: &str) {
        let pid = self.env()["MYPAASD_PID"].clone();
        let known = Pid::from_raw(pid.parse().expect("a process id")).expect("not zero");
        let process = pidfd_open(known, PidfdFlags::empty()).expect("the server runs");
        assert!(Command::new("kill").args([signal, "--", &pid]).status().expect("kill runs").success(), "the server runs");
        // Only then are its ports free: /proc/PID/cmdline is empty before.
        let mut ended = [PollFd::new(&process, PollFlags::IN)];
        let within = Timespec { tv_sec: 60, tv_nsec: 0 };
        assert_eq!(poll(&mut ended, Some(&within)), Ok(1), "the server to be gone");
    }

    /// Starts the server as it is built, where quickstart would build it first.
    pub fn start_server(&self) {
        let log = fs::OpenOptions::new().append(true).open(self.home.join("mypaasd.log")).expect("the server has a log");
        let mut command = Command::new(self.source("target/debug/mypaasd"));
        command.arg("--config").arg(self.home.join("config.toml")).arg("all").process_group(0);
        let pid = command.stdout(log.try_clone().expect("a file is opened twice")).stderr(log).spawn().expect("the server starts").id().to_string();
        fs::write(self.home.join("run/mypaasd.pid"), format!("{pid}\n")).expect("the pid is written");
        let env = fs::read_to_string(self.home.join("env")).expect("quickstart has written $MYPAAS_HOME/env");
        let line = |line: &str| if line.starts_with("MYPAASD_PID=") { format!("MYPAASD_PID='{pid}'\n") } else { format!("{line}\n") };
        fs::write(self.home.join("env"), env.lines().map(line).collect::<String>()).expect("the environment is written");
        let health = format!("{}/health", self.env()["MYPAAS_SERVER"]);
        eventually("the server to answer", || (self.get(&health).0 == 200).then_some(()));
    }
}
