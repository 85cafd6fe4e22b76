//! A Procfile's command as a program with its arguments. No shell is started for it: quotes, variables and leading assignments are
//! understood here, and what only a shell can do is refused.

/// What is to be started.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Words {
    /// `KEY=VALUE` before the program.
    pub(crate) variables: Vec<(String, String)>,
    /// The program, then its arguments.
    pub(crate) words: Vec<String>,
}

/// Why a line is not one program with its arguments.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotWords {
    #[error("{0:?} is something only a shell can do")]
    Shell(char),
    #[error("a quote is never closed")]
    Open,
    #[error("it names no program")]
    Empty,
}

/// Takes a line apart; `variable` says what a variable is, in quotes and outside.
pub(crate) fn split(line: &str, variable: impl Fn(&str) -> String) -> Result<Words, NotWords> {
    let mut found = Words { variables: Vec::new(), words: Vec::new() };
    let mut chars = line.chars().peekable();
    let mut word: Option<String> = None;
    let mut quoted = None;
    while let Some(char) = chars.next() {
        match (quoted, char) {
            (Some('\''), '\'') | (Some('"'), '"') => quoted = None,
            (Some('\''), char) => word.get_or_insert_default().push(char),
            (None, '\'' | '"') => {
                quoted = Some(char);
                word.get_or_insert_default();
            }
            (_, '$') => {
                let braced = chars.next_if_eq(&'{').is_some();
                let mut name = String::new();
                while let Some(char) = chars.next_if(|char| char.is_ascii_alphanumeric() || *char == '_') {
                    name.push(char);
                }
                if name.is_empty() || (braced && chars.next() != Some('}')) {
                    return Err(NotWords::Shell('$'));
                }
                word.get_or_insert_default().push_str(&variable(&name));
            }
            (_, '`') => return Err(NotWords::Shell('`')),
            (None, '\\') => word.get_or_insert_default().push(chars.next().ok_or(NotWords::Open)?),
            (Some(_), '\\') => match chars.next_if(|char| "\"\\$`".contains(*char)) {
                Some(char) => word.get_or_insert_default().push(char),
                None => word.get_or_insert_default().push('\\'),
            },
            (None, char) if "|&;<>()*?[".contains(char) || ("#~".contains(char) && word.is_none()) => return Err(NotWords::Shell(char)),
            (None, char) if char.is_whitespace() => found.take(word.take()),
            (_, char) => word.get_or_insert_default().push(char),
        }
    }
    if quoted.is_some() {
        return Err(NotWords::Open);
    }
    found.take(word);
    if found.words.is_empty() { Err(NotWords::Empty) } else { Ok(found) }
}

impl Words {
    fn take(&mut self, word: Option<String>) {
        let Some(word) = word else { return };
        let name = |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        match word.split_once('=') {
            Some((key, value)) if self.words.is_empty() && name(key) => self.variables.push((key.to_owned(), value.to_owned())),
            // The program takes no shell's place here: there is none.
            _ if self.words.is_empty() && word == "exec" => {}
            _ => self.words.push(word),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str) -> String {
        match split(line, |name| format!("<{name}>")) {
            Ok(Words { variables, words }) => format!("{variables:?} {words:?}"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn what_procfiles_usually_hold() {
        assert_eq!(check("node server.js --port $PORT"), r#"[] ["node", "server.js", "--port", "<PORT>"]"#);
        assert_eq!(check("exec gunicorn 'a b' -b 0.0.0.0:${PORT} \"it's \\\"$A\\\"\""), r#"[] ["gunicorn", "a b", "-b", "0.0.0.0:<PORT>", "it's \"<A>\""]"#);
        assert_eq!(check("RAILS_ENV=production X= bin/rails s a=b ''"), r#"[("RAILS_ENV", "production"), ("X", "")] ["bin/rails", "s", "a=b", ""]"#);
        assert_eq!(check(r"a\ b '$A'"), r#"[] ["a b", "$A"]"#);
    }

    #[test]
    fn what_only_a_shell_can_do_is_refused() {
        for (line, char) in
            [("a; b", ';'), ("a && b", '&'), ("a | b", '|'), ("a > b", '>'), ("a $(b)", '$'), ("a \"`b`\"", '`'), ("a *.js", '*'), ("a ${B:-c}", '$')]
        {
            assert_eq!(check(line), format!("{char:?} is something only a shell can do"), "{line}");
        }
        assert_eq!(check("a 'b"), "a quote is never closed");
        assert_eq!(check("A=b"), "it names no program");
    }
}
