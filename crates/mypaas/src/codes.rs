//! A page for each error code, from `docs/codes`.

macro_rules! pages {
    ($($code:literal),* $(,)?) => {
        &[$(($code, include_str!(concat!("../../../docs/codes/", $code, ".md")))),*]
    };
}

const PAGES: &[(&str, &str)] = pages![
    "H10", "H11", "H12", "H13", "H14", "H15", "H17", "H18", "H19", "H20", "H21", "H22", "H23", "H24", "H25", "H26", "H27", "H28", "H31", "H32", "H80", "H81",
    "H82", "H83", "H99", "L10", "L11", "L12", "L13", "L14", "R10", "R12", "R14", "R15",
];

/// The page of a code, however it is written.
pub(crate) fn page(code: &str) -> Option<&'static str> {
    PAGES.iter().find(|(known, _)| known.eq_ignore_ascii_case(code)).map(|(_, page)| *page)
}

/// The codes with what they are called.
pub(crate) fn titles() -> impl Iterator<Item = (&'static str, &'static str)> {
    PAGES.iter().map(|(code, page)| {
        let first = page.lines().next().unwrap_or_default();
        (*code, first.split_once(": ").map_or(first, |(_, title)| title))
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::*;

    /// `H12` in quotes where codes are given their words, `Error R10` in what is said: the codes that this platform uses.
    fn in_sources(folder: &Path, found: &mut BTreeSet<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                in_sources(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                for before in ["(\"", "= \"", "Error "] {
                    for after in text.split(before).skip(1) {
                        let code: String = after.chars().take(3).collect();
                        let is_code = code.starts_with(['H', 'R', 'L']) && code.len() == 3 && code[1..].bytes().all(|byte| byte.is_ascii_digit());
                        if is_code && after[3..].starts_with(['"', ' ']) {
                            found.insert(code);
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn every_code_that_is_said_has_a_page_and_every_page_is_there() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let known: BTreeSet<String> = PAGES.iter().map(|(code, _)| (*code).to_owned()).collect();
        let files = fs::read_dir(root.join("docs/codes")).unwrap().map(|entry| entry.unwrap().path());
        let files: BTreeSet<String> = files.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).filter(|name| name != "README").collect();
        assert_eq!(known, files);
        let mut said = BTreeSet::new();
        for name in ["domain", "router", "logs", "engine"] {
            in_sources(&root.join("crates").join(name).join("src"), &mut said);
        }
        assert!(said.len() > 20, "{said:?}");
        let missing: Vec<_> = said.difference(&known).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }

    #[test]
    fn a_page_says_what_it_is_why_and_what_to_do() {
        for (code, page) in PAGES {
            assert!(page.starts_with(&format!("# {code}: ")), "{code}");
            assert!(page.contains("\n## Why\n") && page.contains("\n## What to do\n") && page.ends_with('\n'), "{code}");
        }
        assert!(page("h12").unwrap().contains("30 seconds"));
        assert_eq!(page("H98"), None);
    }
}
