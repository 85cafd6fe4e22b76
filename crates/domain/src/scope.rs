//! What a token may be used for.

use std::{collections::BTreeSet, fmt, str::FromStr};

/// Heroku's scopes of OAuth tokens. Each also names what a request needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// Whatever its owner may do.
    Global,
    /// Seeing whose token it is.
    Identity,
    /// Seeing apps, but for config vars and what else is secret.
    Read,
    /// Changing apps, but for what sees or changes config vars.
    Write,
    /// Seeing apps with their config vars.
    ReadProtected,
    /// Changing apps with their config vars, and running code, which sees them.
    WriteProtected,
}

/// A text that is no scope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Scope must be one of global, identity, read, write, read-protected, write-protected: {0}")]
pub struct UnknownScope(String);

impl Scope {
    const ALL: [Self; 6] = [Self::Global, Self::Identity, Self::Read, Self::Write, Self::ReadProtected, Self::WriteProtected];

    /// As clients write it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Global => "global",
            Self::Identity => "identity",
            Self::Read => "read",
            Self::Write => "write",
            Self::ReadProtected => "read-protected",
            Self::WriteProtected => "write-protected",
        }
    }

    /// Whether a token of this scope may do what needs `needed`. Who may change something may see it.
    pub const fn covers(self, needed: Self) -> bool {
        use Scope::{Global, Identity, Read, ReadProtected, Write, WriteProtected};
        match self {
            Global => true,
            Identity => matches!(needed, Identity),
            Read => matches!(needed, Identity | Read),
            Write => matches!(needed, Identity | Read | Write),
            ReadProtected => matches!(needed, Identity | Read | ReadProtected),
            WriteProtected => matches!(needed, Identity | Read | Write | ReadProtected | WriteProtected),
        }
    }
}

impl FromStr for Scope {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, UnknownScope> {
        Self::ALL.into_iter().find(|scope| scope.word() == text).ok_or_else(|| UnknownScope(text.chars().filter(|c| !c.is_control()).take(40).collect()))
    }
}

/// The scopes of one token; never none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scopes(BTreeSet<Scope>);

impl Scopes {
    /// Those of a login.
    pub fn global() -> Self {
        Self(BTreeSet::from([Scope::Global]))
    }

    /// These; the scope of a login if there are none.
    pub fn of(words: &[String]) -> Result<Self, UnknownScope> {
        if words.is_empty() { Ok(Self::global()) } else { words.iter().map(|word| word.parse()).collect::<Result<_, _>>().map(Self) }
    }

    /// Whether one of them covers what is needed.
    pub fn cover(&self, needed: Scope) -> bool {
        self.0.iter().any(|scope| scope.covers(needed))
    }

    /// As clients write them.
    pub fn words(&self) -> Vec<String> {
        self.0.iter().map(|scope| scope.word().to_owned()).collect()
    }
}

/// `read write`: as they are stored.
impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words().join(" "))
    }
}

impl FromStr for Scopes {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, UnknownScope> {
        if text.trim().is_empty() {
            return Err(UnknownScope(String::new()));
        }
        text.split_whitespace().map(str::parse).collect::<Result<_, _>>().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_covers_what() {
        let table: Vec<_> =
            Scope::ALL.iter().map(|scope| Scope::ALL.iter().map(|needed| if scope.covers(*needed) { 'x' } else { '-' }).collect::<String>()).collect();
        assert_eq!(table, ["xxxxxx", "-x----", "-xx---", "-xxx--", "-xx-x-", "-xxxxx"]);
    }

    #[test]
    fn they_are_read_as_written() {
        let scopes = Scopes::of(&["write".to_owned(), "identity".to_owned()]).unwrap();
        assert_eq!((scopes.to_string().as_str(), scopes.to_string().parse()), ("identity write", Ok(scopes.clone())));
        assert!(Scopes::of(&["all".to_owned()]).is_err() && "".parse::<Scopes>().is_err());
        assert_eq!(Scopes::of(&[]), Ok(Scopes::global()));
    }
}
