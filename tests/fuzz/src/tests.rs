use std::panic;

use super::*;

const TARGET: Target = Target { name: "itself", words: &[b"magic"], longest: 10_000, run: |_| String::new() };

#[test]
fn mutations_follow_from_the_seed_and_reach_what_is_asked() {
    let pool = vec![b"web: a\nworker: b\n".to_vec(), b"".to_vec()];
    let drawn = |seed| {
        let mut chance = Chance::seeded(seed);
        (0..2_000).map(|_| mutate::mutated(&pool, &TARGET, &mut chance)).collect::<Vec<_>>()
    };
    let inputs = drawn(1);
    assert_eq!(inputs, drawn(1));
    assert_ne!(inputs, drawn(2));
    assert!(inputs.iter().all(|input| input.len() <= TARGET.longest));
    assert!(inputs.iter().any(|input| input.len() > 1_000), "some are long");
    assert!(inputs.iter().any(|input| input.windows(5).any(|word| word == b"magic")), "words are used");
    assert!(inputs.iter().any(|input| input.starts_with(b"worker")), "lines change places");
}

#[test]
fn a_failure_is_told_as_small_as_it_gets() {
    let fails = Target { run: |input| if input.contains(&b'x') { panic!("an x") } else { "fine".to_owned() }, ..TARGET };
    assert_eq!(attempt(&fails, b"abc"), Ok("fine".to_owned()));
    assert_eq!(attempt(&fails, b"axc"), Err("an x".to_owned()));
    assert_eq!(smaller::smallest(&[b"abc".repeat(50), b"x".to_vec(), b"def".repeat(77)].concat(), |input| attempt(&fails, input).is_err()), b"x");
    let told = panic::catch_unwind(|| check(&Target { run: |_| panic!("always"), ..TARGET })).expect_err("it fails");
    let told = told.downcast_ref::<String>().expect("a sentence");
    let path = told.split("kept as ").nth(1).and_then(|rest| rest.split(" and").next()).expect("a path");
    assert_eq!(std::fs::read(path).expect("it is kept"), b"");
    std::fs::remove_file(path).expect("it is ours");
    assert!(told.starts_with("target itself fails: always\n  with b\"\"\n"), "{told}");
}
