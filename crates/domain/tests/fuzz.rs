//! Whatever people type or push: no panic, what is accepted keeps to its grammar, and what is printed reads the same again.

use std::{fmt::Display, str::FromStr};

use domain::{
    AppJson, AppName, BuildpackRef, ConfigVars, DynoName, DynoSize, Email, Procfile, PublicKey, ReleaseVersion, Sha256, StackName,
    config_vars::describe_change, formation::quantity,
};
use fuzz::Target;

const PROCFILE: Target = Target {
    name: "procfile",
    words: &[b"web: ", b"worker:", b"release: ", b": ", b":", b"#", b"web;id: x\n", b"__proto__: x\n", b"\r\n", b" \t"],
    longest: 200_000,
    run: procfile,
};

fn procfile(bytes: &[u8]) -> String {
    let read = match Procfile::parse(bytes) {
        Ok(read) => read,
        Err(why) => {
            let sentence = why.to_string();
            assert!(sentence.len() < 400 && !sentence.contains(char::is_control), "{sentence:?}");
            return variant(&why);
        }
    };
    assert!((1..=100).contains(&read.0.len()));
    for (process_type, command) in &read.0 {
        assert!(!command.is_empty() && !command.contains(['\n', '\0']) && command.trim() == command && command.len() <= 65_536);
        assert_eq!(process_type.as_str().parse().as_ref(), Ok(process_type));
    }
    let printed: String = read.0.iter().map(|(process_type, command)| format!("{process_type}: {command}\n")).collect();
    assert_eq!(Procfile::parse(printed.as_bytes()).as_ref(), Ok(&read));
    assert_eq!(read.clone().or_defaults(&read), read);
    format!("accepted {}", read.0.len())
}

const CONFIG_VARS: Target = Target {
    name: "config_vars",
    words: &[b"A=", b"PORT=1\n", b"DYNO=x\n", b"LD_PRELOAD=/x.so\n", b"${OTHER}", b"=", b"\n", b"A=B=C", b"PATH=", b"-\n"],
    longest: 100_000,
    run: config_vars,
};

/// Lines `KEY=value` set, lines `KEY` remove.
fn config_vars(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let changes = text.split('\n').map(|line| line.split_once('=').map_or((line, None), |(key, value)| (key, Some(value))));
    let changes = changes.map(|(key, value)| (key.to_owned(), value.map(str::to_owned))).collect();
    let before = ConfigVars::default().changed(&[("KEPT".to_owned(), Some("1".to_owned()))].into()).expect("it is one");
    let after = match before.changed(&changes) {
        Ok(after) => after,
        Err(why) => {
            let sentence = why.to_string();
            assert!(sentence.len() < 400 && !sentence.contains(char::is_control), "{sentence:?}");
            return variant(&why);
        }
    };
    for (key, value) in after.iter() {
        let plain = key.as_str().bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        assert!(plain && !key.as_str().starts_with(|c: char| c.is_ascii_digit()) && !["PORT", "DYNO"].contains(&key.as_str()));
        let asked = changes.get(key.as_str()).map(|value| value.as_deref());
        assert_eq!(asked.unwrap_or(Some("1")), Some(value.expose()), "values are taken literally");
    }
    assert!(after.iter().map(|(key, value)| key.as_str().len() + value.expose().len()).sum::<usize>() <= 65_536);
    assert_eq!(after.changed(&changes).as_ref(), Ok(&after), "twice is as good as once");
    assert!(describe_change(&changes).len() <= 1_000, "a release's description is a line");
    assert!(!format!("{after:?}").contains("expose"));
    format!("accepted {}", after.iter().count().min(20))
}

const BUILDPACK: Target = Target {
    name: "buildpack",
    words: &[
        b"https://",
        b"http://",
        b"git://",
        b"urn:buildpack:",
        b"heroku/",
        b"ext::sh -c ",
        b"file://",
        b"ssh://",
        b".tgz",
        b".git",
        b"#main",
        b"#",
        b"@",
        b"user:pass@",
        b"-oProxyCommand=",
        b"..",
        b"https://buildpack-registry.s3.amazonaws.com/buildpacks/",
    ],
    longest: 3_000,
    run: buildpack,
};

fn buildpack(bytes: &[u8]) -> String {
    let Ok(text) = std::str::from_utf8(bytes) else { return "no text".to_owned() };
    let read: BuildpackRef = match text.parse() {
        Ok(read) => read,
        Err(why) => return variant(&why),
    };
    let exposed = read.expose();
    assert_eq!(exposed.parse().as_ref(), Ok(&read), "what is stored is read again");
    assert!(!exposed.starts_with('-') && exposed.bytes().all(|byte| byte.is_ascii_graphic()), "{exposed:?}");
    assert!(!exposed.contains(['\'', '"', '`', '\\', '$', ';', '|', '(', ')', '<', '>']), "{exposed:?}");
    let shown = [read.to_string(), format!("{read:?}"), read.urn()];
    let Some(url) = read.url() else { return "catalogue".to_owned() };
    for secret in url.secrets().into_iter().filter(|secret| secret.len() > 3) {
        let elsewhere = url.plain().contains(secret) || "https://****@".contains(secret) || exposed.rsplit('#').next().is_some_and(|end| end.contains(secret));
        assert!(elsewhere || !shown.iter().any(|shown| shown.contains(secret)), "{shown:?} shows a secret");
    }
    assert!(!url.plain().trim_start_matches(|c: char| c.is_ascii_alphabetic()).starts_with("://-"), "a host that reads as an option");
    format!("{} {}", matches!(read, BuildpackRef::Git(_)), !url.secrets().is_empty())
}

const NAMES: Target = Target {
    name: "names",
    words: &[
        b"shop",
        b"a-b",
        b"xn--",
        b"api",
        b"www",
        b"web.1",
        b"run.1234",
        b"v12",
        b"v-1",
        b"+1",
        b"-1",
        b"standard-2x",
        b"a@b.c",
        b"heroku-24",
        b"--help",
        b"-rf",
        b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI",
        b"ssh-rsa ",
        b"AAAA",
        b"==",
        b"PRIVATE KEY",
    ],
    longest: 20_000,
    run: names,
};

/// One text read as everything that has a name.
fn names(bytes: &[u8]) -> String {
    let Ok(text) = std::str::from_utf8(bytes) else { return "no text".to_owned() };
    let host = |name: &str| (3..=30).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    let mut what = Vec::new();
    let mut note = |kind: &'static str, printed: Option<String>| {
        if let Some(printed) = printed {
            assert!(printed.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_control()) || kind == "key", "{printed:?} is a {kind}");
            assert!(!printed.starts_with('-') || kind == "change", "{printed:?} is a {kind}");
            what.push(kind);
        }
    };
    let app = same::<AppName>(text);
    assert!(app.as_deref().is_none_or(|name| host(name) && !name.starts_with('-') && !name.ends_with('-') && name == text));
    note("app", app);
    note("dyno", same::<DynoName>(text));
    note("size", same::<DynoSize>(text));
    note("release", same::<ReleaseVersion>(text));
    note("email", same::<Email>(text));
    note("stack", same::<StackName>(text));
    note("digest", same::<Sha256>(text));
    note("key", same::<PublicKey>(text));
    note("id", text.parse::<domain::AppId>().ok().map(|id| id.to_string()));
    match quantity(text, 3) {
        Ok(number) => assert!(number <= 100),
        Err(why) => assert!(!why.to_string().contains(char::is_control) && why.to_string().len() < 400, "{why}"),
    }
    what.join(" ")
}

/// What was read, printed; it reads the same again.
fn same<T: FromStr + Display + PartialEq>(text: &str) -> Option<String> {
    let read: T = text.parse().ok()?;
    let printed = read.to_string();
    assert!(printed.parse::<T>().is_ok_and(|again| again == read), "{text:?} is printed as {printed:?}");
    Some(printed)
}

/// The first word of an error's debug print: which kind it is.
fn variant(error: &impl std::fmt::Debug) -> String {
    format!("{error:?}").chars().take_while(char::is_ascii_alphanumeric).collect()
}

#[test]
fn fuzz_procfile() {
    fuzz::check(&PROCFILE);
}

#[test]
fn fuzz_config_vars() {
    fuzz::check(&CONFIG_VARS);
}

#[test]
fn fuzz_buildpack() {
    fuzz::check(&BUILDPACK);
}

#[test]
fn fuzz_names() {
    fuzz::check(&NAMES);
}

const APP_JSON: Target = Target {
    name: "app_json",
    words: &[
        b"{",
        b"}",
        b"[",
        b"]",
        b"\"",
        b":",
        b",",
        b"\"buildpacks\":",
        b"{\"url\":\"heroku/nodejs\"}",
        b"\"a\":1,\"a\":2",
        b"\\u001b",
        b"\\ud800",
        b"1e999",
        b"null",
        b"-0",
    ],
    longest: 50_000,
    run: app_json,
};

fn app_json(bytes: &[u8]) -> String {
    match AppJson::parse(bytes) {
        Err(why) => {
            let sentence = why.to_string();
            assert!(sentence.len() < 600 && !sentence.contains(char::is_control), "{sentence:?}");
            variant(&why)
        }
        Ok(read) => {
            assert!(read.buildpacks.len() <= 50);
            let urls: Vec<_> = read.buildpacks.iter().map(|buildpack| format!("{{\"url\":\"{}\"}}", buildpack.expose())).collect();
            assert_eq!(AppJson::parse(format!("{{\"buildpacks\":[{}]}}", urls.join(",")).as_bytes()).as_ref(), Ok(&read));
            format!("accepted {}", read.buildpacks.len())
        }
    }
}

/// Hostile inputs 27.
#[test]
fn fuzz_app_json() {
    fuzz::check(&APP_JSON);
}
