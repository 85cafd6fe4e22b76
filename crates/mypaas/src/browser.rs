//! The desktop's browser, where there is one.

use std::process::{Command, Stdio};

use crate::context::Context;
use crate::output;

/// Opens a URL, where there is a display.
pub(crate) fn open(context: &Context, url: &str) {
    // URLs come from servers: only what is one goes to the desktop's opener.
    if context.environment.has_display && (url.starts_with("https://") || url.starts_with("http://")) {
        let opened = Command::new("xdg-open").arg(url).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
        if !opened.is_ok_and(|status| status.success()) {
            output::talk("No browser could be opened.");
        }
    }
}
