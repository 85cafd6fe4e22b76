//! The environment variables that matter here, read once.

use std::path::PathBuf;

use api_types::Secret;

/// What the environment says. An empty variable counts as one that is not set.
#[derive(Debug, Default)]
pub(crate) struct Environment {
    /// `MYPAAS_SERVER`: the server, whatever the credentials file says.
    pub(crate) server: Option<String>,
    /// `MYPAAS_TOKEN`: the token for `MYPAAS_SERVER`, and for no other server.
    pub(crate) token: Option<Secret>,
    /// `MYPAAS_CA`: the only certificates to trust.
    pub(crate) ca: Option<PathBuf>,
    /// `MYPAAS_APP`: the app when there is no `-a`.
    pub(crate) app: Option<String>,
    /// `HOME`: where `.ssh` lies.
    pub(crate) home: Option<PathBuf>,
    /// The folder that holds `mypaas/credentials.toml`.
    pub(crate) config_home: Option<PathBuf>,
    pub(crate) no_color: bool,
    /// Whether there is a display that a browser could open on.
    pub(crate) has_display: bool,
    /// `VISUAL`, or else `EDITOR`: what `config:edit` opens.
    pub(crate) editor: Option<String>,
    /// `TERM`, passed on to an attached dyno.
    pub(crate) term: Option<String>,
}

impl Environment {
    /// Reads the process's environment.
    pub(crate) fn read() -> Self {
        let config_home = variable("XDG_CONFIG_HOME")
            .map(PathBuf::from)
            // The XDG rules say that a relative path is to be ignored.
            .filter(|path| path.is_absolute())
            .or_else(|| variable("HOME").map(|home| PathBuf::from(home).join(".config")));
        Self {
            server: variable("MYPAAS_SERVER"),
            token: variable("MYPAAS_TOKEN").map(Secret::new),
            ca: variable("MYPAAS_CA").map(PathBuf::from),
            app: variable("MYPAAS_APP"),
            home: variable("HOME").map(PathBuf::from),
            config_home,
            no_color: variable("NO_COLOR").is_some(),
            has_display: variable("DISPLAY").is_some() || variable("WAYLAND_DISPLAY").is_some(),
            editor: variable("VISUAL").or_else(|| variable("EDITOR")),
            term: variable("TERM"),
        }
    }
}

/// Whether the terminal can do no more than print.
pub(crate) fn terminal_is_dumb() -> bool {
    variable("TERM").is_none_or(|term| term == "dumb")
}

/// One variable, unless it is empty.
#[expect(clippy::disallowed_methods, reason = "this is the command line's one place that reads the environment")]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
