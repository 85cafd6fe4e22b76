//! What bash is given to run.

use std::path::Path;

/// Sources the profile the way Heroku does: `.profile.d/*.sh` in alphabetical order, then `.profile`.
const PROFILE: &str = r#"for dyno_profile in "$HOME"/.profile.d/*.sh; do if [ -f "$dyno_profile" ]; then . "$dyno_profile"; fi; done; unset dyno_profile
if [ -f "$HOME/.profile" ]; then . "$HOME/.profile"; fi
"#;

/// The script. The command stands in it as text after the profile, so that no profile can change it by way of a variable
/// or a positional parameter; and without `exec`, which would break `a && b`.
pub(crate) fn text(command: &str, profile: bool) -> String {
    if profile { format!("{PROFILE}{command}") } else { command.to_owned() }
}

/// Where bash is. Not looked up in `$PATH`, which is a config var like any other.
pub(crate) fn shell() -> &'static str {
    ["/bin/bash", "/usr/bin/bash"].into_iter().find(|path| Path::new(path).exists()).unwrap_or("/bin/bash")
}
