//! What a push wants of the refs, and what follows from that.

use std::fmt;

/// The full hash of an object. Safe as an argument: hex digits only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ObjectId(String);

impl ObjectId {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let hex = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        (hex && matches!(text.len(), 40 | 64)).then(|| Self(text.to_owned()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// All zeros: git's way to say that there is none.
    fn is_none(&self) -> bool {
        self.0.bytes().all(|byte| byte == b'0')
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A ref that is to be created, moved or deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RefUpdate {
    /// `refs/heads/main`.
    pub(crate) name: String,
    /// `None`: to be created.
    pub(crate) old: Option<ObjectId>,
    /// `None`: to be deleted.
    pub(crate) new: Option<ObjectId>,
}

impl RefUpdate {
    /// A line as a pre-receive hook gets it: `old new name`.
    pub(crate) fn parse(line: &str) -> Option<Self> {
        let mut parts = line.splitn(3, ' ');
        let mut id = || ObjectId::parse(parts.next()?);
        let (old, new) = (id()?, id()?);
        let some = |id: ObjectId| (!id.is_none()).then_some(id);
        Some(Self { name: parts.next()?.to_owned(), old: some(old), new: some(new) })
    }
}

/// What becomes of a push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Plan {
    /// Refs go away or stay; there is nothing to say.
    Nothing,
    /// Kept, not deployed.
    Store,
    Deploy(Deployment),
    Refuse(Refused),
}

/// A branch that moves to a commit that is to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Deployment {
    pub(crate) branch: &'static str,
    pub(crate) old: Option<ObjectId>,
    pub(crate) commit: ObjectId,
}

/// Why a push is not taken at all. `Display` is for the person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    #[error("You cannot delete {branch}: it is what runs. To remove the app, use `mypaas destroy`.")]
    Deletion { branch: &'static str },
    #[error("You cannot push main and master at once: only one of them can run. Push the one to deploy.")]
    BothBranches,
    #[error("You cannot push so many refs at once (maximum is {limit}). Push them in several parts.")]
    TooMany { limit: usize },
}

/// Most refs in one push.
pub(crate) const MOST: usize = 1_000;

/// Judges all updates of one push together: they are taken all or not at all.
pub(crate) fn plan(updates: &[RefUpdate]) -> Plan {
    if updates.len() > MOST {
        return Plan::Refuse(Refused::TooMany { limit: MOST });
    }
    let deployed = |update: &RefUpdate| match update.name.as_str() {
        "refs/heads/main" => Some("main"),
        "refs/heads/master" => Some("master"),
        _ => None,
    };
    let mut deployments = Vec::new();
    for update in updates {
        match (deployed(update), &update.new) {
            (Some(branch), None) => return Plan::Refuse(Refused::Deletion { branch }),
            (Some(branch), Some(commit)) => deployments.push(Deployment { branch, old: update.old.clone(), commit: commit.clone() }),
            (None, _) => {}
        }
    }
    match (deployments.pop(), deployments.pop()) {
        (Some(_), Some(_)) => Plan::Refuse(Refused::BothBranches),
        (Some(deployment), None) => Plan::Deploy(deployment),
        (None, _) if updates.iter().any(|update| update.new.is_some()) => Plan::Store,
        (None, _) => Plan::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    const B: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
    const NONE: &str = "0000000000000000000000000000000000000000";

    fn of(lines: &[&str]) -> Plan {
        let line =
            |line: &&str| RefUpdate::parse(&line.replace("A ", &format!("{A} ")).replace("B ", &format!("{B} ")).replace("- ", &format!("{NONE} "))).unwrap();
        plan(&lines.iter().map(line).collect::<Vec<_>>())
    }

    fn deploy(branch: &'static str, old: Option<&str>) -> Plan {
        Plan::Deploy(Deployment { branch, old: old.and_then(ObjectId::parse), commit: ObjectId::parse(B).unwrap() })
    }

    #[test]
    fn main_and_master_are_deployed() {
        assert_eq!(of(&["- B refs/heads/main"]), deploy("main", None));
        assert_eq!(of(&["A B refs/heads/master"]), deploy("master", Some(A)));
        assert_eq!(of(&["- B refs/tags/v1", "A B refs/heads/main", "A - refs/heads/old"]), deploy("main", Some(A)));
    }

    #[test]
    fn everything_else_is_only_stored() {
        for name in ["refs/heads/feature", "refs/heads/main/x", "refs/heads/Main", "refs/tags/main", "refs/main", "refs/notes/commits"] {
            assert_eq!(of(&[&format!("- B {name}")]), Plan::Store, "{name}");
        }
        assert_eq!(of(&["A - refs/heads/feature"]), Plan::Nothing);
        assert_eq!(of(&[]), Plan::Nothing);
    }

    #[test]
    fn what_would_leave_the_app_in_doubt_is_refused() {
        assert_eq!(of(&["A - refs/heads/main"]), Plan::Refuse(Refused::Deletion { branch: "main" }));
        assert_eq!(of(&["- B refs/heads/main", "A - refs/heads/master"]), Plan::Refuse(Refused::Deletion { branch: "master" }));
        assert_eq!(of(&["- B refs/heads/main", "- A refs/heads/master"]), Plan::Refuse(Refused::BothBranches));
        let many = vec![RefUpdate { name: "refs/tags/x".into(), old: None, new: ObjectId::parse(A) }; MOST + 1];
        assert_eq!(plan(&many), Plan::Refuse(Refused::TooMany { limit: MOST }));
    }

    /// Hostile inputs 13, 14.
    #[test]
    fn only_full_hashes_are_hashes() {
        assert!(ObjectId::parse(A).is_some());
        assert!(ObjectId::parse(&"0f".repeat(32)).is_some());
        for bad in ["", "HEAD", "--output=x", &A[1..], &A.to_uppercase(), &format!("{}\n", &A[1..])] {
            assert_eq!(ObjectId::parse(bad), None, "{bad:?}");
        }
        for bad in ["", A, &format!("{A} {B}"), &format!("{A}  {B} refs/heads/main")] {
            assert_eq!(RefUpdate::parse(bad), None, "{bad:?}");
        }
    }
}
