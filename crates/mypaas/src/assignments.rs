//! `KEY=VALUE` lines, as a shell, a `.env` file and `config:edit` have them.

/// The number of a line that is no assignment, from 1. Not the line: it may hold a secret.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {0} is not of the form KEY=VALUE")]
pub(crate) struct BadLine(usize);

/// Takes them apart, in their order. Values may be quoted as a shell quotes them, and then go over several lines; ` #` begins a comment.
pub(crate) fn parse(text: &str) -> Result<Vec<(String, String)>, BadLine> {
    let mut found = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let line_number = text[..text.len() - rest.len()].matches('\n').count() + 1;
        let line = rest.split('\n').next().unwrap_or_default();
        let bare = line.trim();
        if bare.is_empty() || bare.starts_with('#') {
            rest = after(rest, line.len() + 1);
            continue;
        }
        let (key, _) = line.split_once('=').ok_or(BadLine(line_number))?;
        let value_at = key.len() + 1;
        let key = key.trim();
        let key = key.strip_prefix("export ").unwrap_or(key).trim();
        if key.is_empty() || key.contains(|char: char| char.is_whitespace() || char == '\'' || char == '"') {
            return Err(BadLine(line_number));
        }
        let (value, length) = value(&rest[value_at..]).ok_or(BadLine(line_number))?;
        found.push((key.to_owned(), value));
        rest = after(rest, value_at + length);
    }
    Ok(found)
}

fn after(text: &str, at: usize) -> &str {
    text.get(at..).unwrap_or_default()
}

/// The value at the front of `text`, and how long it is with its line end; nothing when a quote is never closed.
fn value(text: &str) -> Option<(String, usize)> {
    let mut value = String::new();
    // What stands unquoted at the end is trimmed, what was quoted stays.
    let mut kept = 0;
    let mut chars = text.char_indices().peekable();
    while let Some((at, char)) = chars.next() {
        match char {
            '\n' => {
                value.truncate(kept.max(value.trim_end().len()));
                return Some((value, at + 1));
            }
            '\'' => {
                loop {
                    match chars.next()?.1 {
                        '\'' => break,
                        char => value.push(char),
                    }
                }
                kept = value.len();
            }
            '"' => {
                loop {
                    match chars.next()?.1 {
                        '"' => break,
                        '\\' => match chars.next()?.1 {
                            'n' => value.push('\n'),
                            char @ ('"' | '\\' | '$' | '`') => value.push(char),
                            char => value.extend(['\\', char]),
                        },
                        char => value.push(char),
                    }
                }
                kept = value.len();
            }
            '\\' if chars.peek().is_some_and(|(_, next)| *next == '\'') => {
                chars.next();
                value.push('\'');
                kept = value.len();
            }
            '#' if value.is_empty() || value.ends_with([' ', '\t']) => while chars.next_if(|(_, char)| *char != '\n').is_some() {},
            ' ' | '\t' | '\r' if value.is_empty() => {}
            char => value.push(char),
        }
    }
    value.truncate(kept.max(value.trim_end().len()));
    Some((value, text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::shell_assignment;

    #[test]
    fn a_dotenv_file_is_read_as_its_writer_meant_it() {
        let text = "# a comment\n\nPLAIN=one two  # said aside\nexport B = x=y\nEMPTY=\nHASH=a#b\nQ='a # b'  \nD=\"two\\nlines\"\nURL=\"a\"'b'c\nWIN=C:\\dir\r\nLAST=end";
        let found = parse(text).unwrap();
        let found: Vec<_> = found.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        let expected = [
            ("PLAIN", "one two"),
            ("B", "x=y"),
            ("EMPTY", ""),
            ("HASH", "a#b"),
            ("Q", "a # b"),
            ("D", "two\nlines"),
            ("URL", "abc"),
            ("WIN", "C:\\dir"),
            ("LAST", "end"),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn what_is_written_for_a_shell_is_read_back() {
        for value in ["", "plain", "it's", "two\nlines\n", " spaces ", "a\"b\\c$d`e", "#", "'", "é"] {
            let text = format!("{}\nNEXT=1\n", shell_assignment("KEY", value));
            assert_eq!(parse(&text).unwrap(), [("KEY".into(), value.into()), ("NEXT".into(), "1".into())], "{text}");
        }
    }

    #[test]
    fn a_bad_line_is_named_by_its_number() {
        assert_eq!(parse("A=1\nB='x\ny'\ns3cret\n"), Err(BadLine(4)));
        assert_eq!(parse("A='never closed\n"), Err(BadLine(1)));
        assert_eq!(parse("=x"), Err(BadLine(1)));
        assert_eq!(parse("two words=x"), Err(BadLine(1)));
    }
}
