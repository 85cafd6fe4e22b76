//! `.slugignore`: what is taken out of the source before buildpacks see it.

use std::collections::HashMap;

use crate::glob::Glob;

/// The patterns of a `.slugignore`: Ruby `Dir` globs, one a line, `#` for comments, nothing to negate with. A pattern with
/// a `/` starts at the root, one without matches at any depth. A folder that matches goes with everything in it.
#[derive(Debug, Default)]
pub(crate) struct Slugignore {
    globs: Vec<Glob>,
    /// The verdicts on folders, so that one with a thousand files is judged once.
    folders: HashMap<String, bool>,
}

/// More lines than this are not read: every entry is held against every one.
const MAX_LINES: usize = 1_000;
/// Nor more than this much in all of them, alternatives written out.
const MAX_SIZE: usize = 65_536;

impl Slugignore {
    pub(crate) fn parse(text: &[u8]) -> Self {
        let text = String::from_utf8_lossy(text);
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let globs = lines.take(MAX_LINES).flat_map(|line| {
            let anchored = line.contains('/');
            Glob::parse(line).into_iter().map(move |glob| if anchored { glob } else { glob.anywhere() })
        });
        let mut left = MAX_SIZE;
        let globs = globs.map_while(|glob| {
            left = left.checked_sub(glob.size())?;
            Some(glob)
        });
        Self { globs: globs.collect(), folders: HashMap::new() }
    }

    #[cfg(test)]
    pub(crate) fn size(&self) -> usize {
        self.globs.iter().map(Glob::size).sum()
    }

    /// Whether this entry is to be left out. `path` has no empty, `.` or `..` parts.
    pub(crate) fn ignores(&mut self, path: &str, is_folder: bool) -> bool {
        if self.globs.is_empty() {
            return false;
        }
        let above = path.match_indices('/').any(|(i, _)| self.ignores_folder(&path[..i]));
        above || if is_folder { self.ignores_folder(path) } else { self.matches(path, false) }
    }

    fn ignores_folder(&mut self, path: &str) -> bool {
        if let Some(&verdict) = self.folders.get(path) {
            return verdict;
        }
        let verdict = self.matches(path, true);
        self.folders.insert(path.to_owned(), verdict);
        verdict
    }

    fn matches(&self, path: &str, is_folder: bool) -> bool {
        let names: Vec<&str> = path.split('/').collect();
        self.globs.iter().any(|glob| (is_folder || !glob.folders_only) && glob.matches(&names))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decides_what_to_leave_out() {
        let mut rules = Slugignore::parse(b"# art\n*.psd\r\n/test\n\nspec/\ndocs/*.md\n!keep.psd\n  tmp  \nlib/{a,b}\n");
        for (path, is_folder, ignored) in [
            ("a.psd", false, true),
            ("deep/er/a.psd", false, true),
            ("keep.psd", false, true),
            ("test", true, true),
            ("test/a.js", false, true),
            ("src/test/a.js", false, false),
            ("spec", false, false),
            ("spec", true, true),
            ("spec/a.rb", false, true),
            ("docs/a.md", false, true),
            ("docs/sub/a.md", false, false),
            ("docs", true, false),
            ("x/tmp/y/z", false, true),
            ("lib/b/c", false, true),
            ("lib/c/b", false, false),
            ("# art", false, false),
            ("Procfile", false, false),
        ] {
            assert_eq!(rules.ignores(path, is_folder), ignored, "{path}");
        }
    }

    #[test]
    fn hostile_40_patterns_do_not_grow_without_bound() {
        let line = "{a,b}".repeat(100) + &"x".repeat(400);
        assert!(Slugignore::parse(format!("{line}\n").repeat(1_000).as_bytes()).size() <= MAX_SIZE);
        // What is far too long for a path is no pattern; what follows counts.
        let bomb = format!("{{{}}}{}\n{}\n*.psd\n", ",".repeat(300_000), "x".repeat(300_000), "{,".repeat(200_000));
        let mut rules = Slugignore::parse(bomb.as_bytes());
        assert!(rules.ignores("a.psd", false) && !rules.ignores("b", false));
    }
}
