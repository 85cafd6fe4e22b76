//! Ruby's `Dir` globs over paths of an archive.
//!
//! `*`, `?`, `[a-z]`, `[^a-z]`, `{a,b}`, `\x`, and `**/` for any depth. As in Ruby, wildcards do not match a leading dot.

/// A pattern to match paths with; their parts are without `.` and `..`.
#[derive(Debug)]
pub(crate) struct Glob {
    parts: Vec<Part>,
    /// It ended in `/`: only folders match.
    pub(crate) folders_only: bool,
}

#[derive(Debug, PartialEq)]
enum Part {
    /// `**/`: any number of folders, none hidden.
    Deep,
    Name(Vec<Token>),
}

#[derive(Debug, PartialEq)]
enum Token {
    Char(char),
    Any,
    Many,
    Set { negated: bool, ranges: Vec<(char, char)> },
}

/// Alternatives of one pattern; more are ignored.
const MAX_ALTERNATIVES: usize = 256;
/// Longest pattern that is read, in bytes.
const MAX_PATTERN: usize = 1_024;

impl Glob {
    /// All patterns that this one with `{a,b}` stands for; none if it is far too long.
    pub(crate) fn parse(pattern: &str) -> Vec<Self> {
        if pattern.len() > MAX_PATTERN {
            return Vec::new();
        }
        expand(pattern).iter().map(|pattern| Self::parse_plain(pattern)).collect()
    }

    fn parse_plain(pattern: &str) -> Self {
        let folders_only = pattern.ends_with('/');
        let names: Vec<&str> = pattern.split('/').filter(|name| !name.is_empty() && *name != ".").collect();
        let mut parts = Vec::new();
        for (i, name) in names.iter().enumerate() {
            let deep = *name == "**" && (i + 1 < names.len());
            let part = if deep { Part::Deep } else { Part::Name(tokens(name)) };
            if part != Part::Deep || parts.last() != Some(&Part::Deep) {
                parts.push(part);
            }
        }
        Self { parts, folders_only }
    }

    /// The same at any depth.
    pub(crate) fn anywhere(mut self) -> Self {
        self.parts.insert(0, Part::Deep);
        self
    }

    /// How much there is to compare with.
    pub(crate) fn size(&self) -> usize {
        let token = |token: &Token| if let Token::Set { ranges, .. } = token { 1 + ranges.len() } else { 1 };
        self.parts.iter().map(|part| if let Part::Name(tokens) = part { tokens.iter().map(token).sum() } else { 1 }).sum()
    }

    /// Whether the whole path matches.
    pub(crate) fn matches(&self, path: &[&str]) -> bool {
        // reached[i]: the parts up to here match the first i names.
        let mut reached = vec![false; path.len() + 1];
        reached[0] = true;
        for part in &self.parts {
            let mut next = vec![false; path.len() + 1];
            for i in 0..=path.len() {
                match part {
                    Part::Deep => next[i] = reached[i] || (i > 0 && next[i - 1] && !path[i - 1].starts_with('.')),
                    Part::Name(tokens) => next[i] = i > 0 && reached[i - 1] && name_matches(tokens, path[i - 1]),
                }
            }
            reached = next;
        }
        !self.parts.is_empty() && reached[path.len()]
    }
}

fn name_matches(tokens: &[Token], name: &str) -> bool {
    let name: Vec<char> = name.chars().collect();
    if name.first() == Some(&'.') && tokens.first() != Some(&Token::Char('.')) {
        return false;
    }
    let (mut token, mut at) = (0, 0);
    // Where to go on after the last `*` if what follows does not match: with one more character in it.
    let mut retry: Option<(usize, usize)> = None;
    while at < name.len() {
        match tokens.get(token) {
            Some(Token::Many) => {
                token += 1;
                retry = Some((token, at));
                continue;
            }
            Some(one) if one.matches(name[at]) => {
                token += 1;
                at += 1;
                continue;
            }
            _ => {}
        }
        let Some((after, from)) = retry else { return false };
        retry = Some((after, from + 1));
        (token, at) = (after, from + 1);
    }
    tokens[token..].iter().all(|token| *token == Token::Many)
}

impl Token {
    fn matches(&self, c: char) -> bool {
        match self {
            Self::Char(own) => *own == c,
            Self::Any => true,
            Self::Many => false,
            Self::Set { negated, ranges } => ranges.iter().any(|&(from, to)| (from..=to).contains(&c)) != *negated,
        }
    }
}

fn tokens(name: &str) -> Vec<Token> {
    let mut rest = name.chars().peekable();
    let mut tokens = Vec::new();
    while let Some(c) = rest.next() {
        tokens.push(match c {
            '*' if tokens.last() == Some(&Token::Many) => continue,
            '*' => Token::Many,
            '?' => Token::Any,
            '[' => set(&mut rest),
            '\\' => Token::Char(rest.next().unwrap_or('\\')),
            c => Token::Char(c),
        });
    }
    tokens
}

fn set(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Token {
    let negated = rest.next_if(|&c| c == '^' || c == '!').is_some();
    let mut ranges = Vec::new();
    while let Some(c) = rest.next() {
        let from = match c {
            ']' if !ranges.is_empty() => break,
            '\\' => rest.next().unwrap_or('\\'),
            c => c,
        };
        let mut ahead = rest.clone();
        match (ahead.next(), ahead.next()) {
            (Some('-'), Some(to)) if to != ']' => {
                ranges.push((from, to));
                *rest = ahead;
            }
            _ => ranges.push((from, from)),
        }
    }
    Token::Set { negated, ranges }
}

/// `a{b,c}d` → `abd`, `acd`.
fn expand(pattern: &str) -> Vec<String> {
    let mut open = vec![pattern.to_owned()];
    let mut plain = Vec::new();
    while let Some(pattern) = open.pop() {
        match first_braces(&pattern) {
            _ if plain.len() + open.len() >= MAX_ALTERNATIVES => {}
            None => plain.push(pattern),
            Some((before, alternatives, after)) => open.extend(alternatives.iter().map(|one| format!("{before}{one}{after}"))),
        }
    }
    plain
}

fn first_braces(pattern: &str) -> Option<(&str, Vec<&str>, &str)> {
    let (mut depth, mut start, mut escaped) = (0, 0, false);
    let mut cuts = Vec::new();
    for (i, c) in pattern.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '{' => {
                depth += 1;
                if depth == 1 {
                    start = i;
                    cuts = vec![i + 1];
                }
            }
            ',' if depth == 1 => cuts.push(i + 1),
            '}' if depth == 1 => {
                cuts.push(i + 1);
                let alternatives = cuts.windows(2).map(|cut| &pattern[cut[0]..cut[1] - 1]).collect();
                return Some((&pattern[..start], alternatives, &pattern[i + 1..]));
            }
            '}' if depth > 1 => depth -= 1,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, path: &str) -> bool {
        let names: Vec<&str> = path.split('/').collect();
        Glob::parse(pattern).iter().any(|glob| glob.matches(&names))
    }

    #[test]
    fn globs_match_as_in_ruby() {
        for (pattern, path, expected) in [
            ("*.psd", "a.psd", true),
            ("*.psd", "b/a.psd", false),
            ("*", ".env", false),
            (".*", ".env", true),
            ("?rc", ".rc", false),
            ("a?c", "aéc", true),
            ("docs/*", "docs/a", true),
            ("docs/*", "docs/a/b", false),
            ("docs/**/*.md", "docs/a.md", true),
            ("docs/**/*.md", "docs/a/b/c.md", true),
            ("docs/**/*.md", "docs/.git/c.md", false),
            ("**/tmp", "tmp", true),
            ("**/tmp", "a/b/tmp", true),
            ("**", "a", true),
            ("**", "a/b", false),
            ("[a-c]x", "bx", true),
            ("[^a-c]x", "bx", false),
            ("[]]x", "]x", true),
            ("{a,b{1,2}}.txt", "b2.txt", true),
            ("{a,b{1,2}}.txt", "b.txt", false),
            ("\\*.txt", "*.txt", true),
            ("\\*.txt", "a.txt", false),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "aXbYbZ", false),
            ("{open", "{open", true),
        ] {
            assert_eq!(matches(pattern, path), expected, "{pattern} over {path}");
        }
    }

    #[test]
    fn a_hostile_pattern_is_matched_quickly_too() {
        assert!(!matches(&"*a".repeat(200), &"a".repeat(4000)[..3999].replace("aaa", "aab")));
        assert!(!matches(&"**/a/".repeat(50), &vec!["a"; 200].join("/").replace("a/a", "a/b")));
        assert!(Glob::parse(&"{a,b}".repeat(100)).len() <= MAX_ALTERNATIVES);
    }
}
