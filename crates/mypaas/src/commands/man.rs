//! `man`: the manual page, made from the commands themselves. See `man-pages(7)`.

use std::fmt::Write as _;

use clap::{Arg, Command};

use crate::error::Error;
use crate::help;
use crate::output;

/// Prints the page: `mypaas man | man -l -`.
pub(crate) fn page() -> Result<(), Error> {
    let mut program = help::program();
    program.build();
    output::bytes(written(&program).as_bytes())
}

fn written(program: &Command) -> String {
    let mut page = format!(".TH MYPAAS 1 \"\" \"mypaas {}\" \"User Commands\"\n", env!("CARGO_PKG_VERSION"));
    let about = program.get_about().map(ToString::to_string).unwrap_or_default();
    page.push_str(&format!(".SH NAME\nmypaas \\- {}\n", escaped(&about)));
    page.push_str(".SH SYNOPSIS\n.B mypaas\n.I COMMAND\n[\\-a APP] [\\-r REMOTE] [\\-\\-server URL]\n");
    page.push_str(".SH OPTIONS OF ALL COMMANDS\n");
    program.get_arguments().filter(|argument| argument.is_global_set() && !argument.is_hide_set()).for_each(|argument| item(&mut page, argument));
    page.push_str(".SH COMMANDS\n");
    for command in program.get_subcommands().filter(|command| !command.is_hide_set()) {
        let _ = writeln!(page, ".SS {}", escaped(command.get_name()));
        let _ = writeln!(page, "{}.", escaped(&command.get_about().map(ToString::to_string).unwrap_or_default()));
        command
            .get_arguments()
            .filter(|argument| !argument.is_global_set() && !argument.is_hide_set() && argument.get_id() != "help")
            .for_each(|argument| item(&mut page, argument));
        let others: Vec<_> = command.get_all_aliases().collect();
        if !others.is_empty() {
            let _ = writeln!(page, ".PP\nAlso: {}.", escaped(&others.join(", ")));
        }
    }
    page.push_str(
        ".SH ENVIRONMENT\n.TP\n.B MYPAAS_SERVER, MYPAAS_TOKEN, MYPAAS_CA\nStand in for a login.\n.TP\n.B MYPAAS_APP\nThe app when there is no \\-a.\n\
         .TP\n.B VISUAL, EDITOR\nWhat config:edit opens.\n.TP\n.B NO_COLOR\nNo colours.\n\
         .SH FILES\n.TP\n.I ~/.config/mypaas/credentials.toml\nThe servers one is logged in to.\n\
         .SH EXIT STATUS\n0: done. 1: it failed. 2: what was typed cannot be understood. run: that of the command.\n",
    );
    page
}

fn item(page: &mut String, argument: &Arg) {
    let values: Vec<_> = argument.get_value_names().unwrap_or_default().iter().map(ToString::to_string).collect();
    let takes_value = argument.get_action().takes_values();
    let flags = [argument.get_short().map(|short| format!("-{short}")), argument.get_long().map(|long| format!("--{long}"))];
    let flags: Vec<_> = flags.into_iter().flatten().collect();
    let mut head = flags.join(", ");
    if takes_value {
        let value = if values.is_empty() { argument.get_id().as_str().to_uppercase() } else { values.join(" ") };
        head = if head.is_empty() { value } else { format!("{head} {value}") };
    }
    let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
    let _ = writeln!(page, ".TP\n.B {}\n{}", escaped(&head), escaped(&help));
}

/// Text that means nothing to roff.
fn escaped(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-").replace('\n', " ");
    if text.starts_with(['.', '\'']) { format!("\\&{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_is_taken_for_a_request() {
        assert_eq!(escaped(".so /etc/passwd"), "\\&.so /etc/passwd");
        assert_eq!(escaped("a\\b --c"), "a\\eb \\-\\-c");
    }
}
