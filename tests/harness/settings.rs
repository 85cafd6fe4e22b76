//! An installation with other settings, for as long as a test needs them.

use std::{fs, process::Command};

use crate::{Installation, eventually};

/// Puts the settings back as they were when it goes.
pub struct Settings<'a> {
    installation: &'a Installation,
    before: String,
}

impl Installation {
    /// Starts the server again with more settings, given in TOML: tables that its file does not have yet.
    pub fn with_settings(&self, more: &str) -> Settings<'_> {
        let before = fs::read_to_string(self.home.join("config.toml")).expect("the installation has settings");
        let settings = Settings { installation: self, before };
        settings.take(&format!("{}\n{more}\n", settings.before));
        settings
    }

    /// Ends the server as a machine's shutdown does; dynos keep running.
    pub fn stop_server(&self) {
        let pid = self.env()["MYPAASD_PID"].clone();
        let kill = |signal: &str| Command::new("kill").args([signal, "--", &pid]).status().expect("kill runs").success();
        assert!(kill("-TERM"), "the server runs");
        eventually("the server to be gone", || (!kill("-0")).then_some(()));
    }
}

impl Settings<'_> {
    fn take(&self, text: &str) {
        self.installation.stop_server();
        fs::write(self.installation.home.join("config.toml"), text).expect("settings are written");
        self.installation.quickstart().ok();
    }
}

impl Drop for Settings<'_> {
    fn drop(&mut self) {
        self.take(&self.before);
    }
}
