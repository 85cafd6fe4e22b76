//! `docs/HOSTILE.md` against the tests it names.

use std::{collections::BTreeSet, fs, path::Path};

/// The numbers of a cell: `1–8` or `13, 14`.
fn numbers(cell: &str) -> BTreeSet<u32> {
    let number = |text: &str| text.trim().parse::<u32>().unwrap_or_else(|_| panic!("{cell} is no number"));
    let spans = cell.split(',').map(|part| part.split_once('–').map_or_else(|| (number(part), number(part)), |(from, to)| (number(from), number(to))));
    spans.flat_map(|(from, to)| from..=to).collect()
}

/// What is wrong with one test that is named: it is not there, it is no test, or it does not say which inputs it is about.
fn wrong(root: &Path, named: &str) -> Option<String> {
    let (path, test) = named.split_once("::")?;
    let Ok(text) = fs::read_to_string(root.join(path)) else { return Some(format!("{path} is not there")) };
    let lines: Vec<_> = text.lines().map(str::trim).collect();
    let Some(at) = lines.iter().position(|line| line.strip_prefix("async ").unwrap_or(line).starts_with(&format!("fn {test}("))) else {
        return Some(format!("{named} is not there"));
    };
    let above: Vec<_> = lines[..at].iter().rev().take_while(|line| line.starts_with("#[") || line.starts_with("///")).collect();
    let lists = text.split("on_both!(").skip(1).filter_map(|rest| rest.split(')').next());
    let listed = lists.flat_map(|list| list.split([',', ' ', '\n'])).any(|name| name == test);
    if !listed && !above.iter().any(|line| line.starts_with("#[test]") || line.starts_with("#[tokio::test")) {
        return Some(format!("{named} is no test"));
    }
    let says = test.starts_with("hostile_") || above.iter().any(|line| line.starts_with("/// Hostile inputs "));
    (!says).then(|| format!("{named} does not say that it is about hostile inputs"))
}

#[test]
fn every_hostile_input_has_a_test_or_a_reason_why_not() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    let index = fs::read_to_string(root.join("docs/HOSTILE.md")).unwrap();
    let (mut seen, mut complaints) = (BTreeSet::new(), Vec::new());
    for row in index.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| number") && !line.starts_with("| ---")) {
        let cells: Vec<_> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let [inputs, _, tests] = cells.as_slice() else { panic!("not three cells: {row}") };
        seen.extend(numbers(inputs));
        let named: Vec<_> = tests.split('`').filter(|text| text.contains("::")).collect();
        if named.is_empty() && !tests.starts_with("None") {
            complaints.push(format!("{inputs} has neither a test nor a reason"));
        }
        complaints.extend(named.into_iter().filter_map(|named| wrong(root, named)));
    }
    assert_eq!(complaints, Vec::<String>::new());
    let missing: Vec<_> = (1..=55).chain(80..=83).filter(|number| !seen.contains(number)).collect();
    assert_eq!(missing, Vec::<u32>::new(), "numbers without a row");
}

#[test]
fn a_test_that_is_gone_is_noticed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let said = |named: &str| wrong(root, named).unwrap_or_default();
    assert_eq!(said("src/hostile.rs::hostile_99_nothing"), "src/hostile.rs::hostile_99_nothing is not there");
    assert_eq!(said("src/nothing.rs::x"), "src/nothing.rs is not there");
    assert_eq!(said("src/hostile.rs::numbers"), "src/hostile.rs::numbers is no test");
    assert_eq!(said("src/lib.rs::the_arrows_hold"), "src/lib.rs::the_arrows_hold does not say that it is about hostile inputs");
    assert_eq!(said("src/lib.rs::no_crate_starts_a_host_shell"), "");
    assert_eq!(numbers("1–3, 7"), [1, 2, 3, 7].into());
}
