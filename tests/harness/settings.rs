//! An installation with other settings, for as long as a test needs them.

use std::{fs, thread};

use crate::Installation;

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
}

impl Settings<'_> {
    fn take(&self, text: &str) {
        self.installation.stop_server();
        fs::write(self.installation.home.join("config.toml"), text).expect("settings are written");
        self.installation.start_server();
    }
}

impl Drop for Settings<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            // A second panic would hide why.
            drop(fs::write(self.installation.home.join("config.toml"), &self.before));
        } else {
            self.take(&self.before);
        }
    }
}
