//! Builds whose buildpacks were chosen.

use super::*;

/// Everything fits; what is fetched has all scripts.
fn all_fit(script: &str, output: &mut dyn OutputSink) -> i32 {
    match script {
        "python/bin/detect" => output.stdout(b"Python\n"),
        "python/bin/release" => output.stdout(b"addons: [heroku-postgresql]\nconfig_vars: {LANG: C.UTF-8}\ndefault_process_types: {web: gunicorn}\n"),
        fetch if fetch.starts_with("fetch ") => output.stdout(b"compile\ndetect\nrelease\nreport\n"),
        other if other.ends_with("/bin/detect") && !other.starts_with("nodejs") => {}
        other => return if other.starts_with("nodejs/") { node(other, output) } else { 0 },
    }
    0
}

impl Scene {
    /// What ran, in order, with the digests of fetched buildpacks as `SHA`.
    fn ran(&self) -> Vec<String> {
        let programs = self.programs.lock().unwrap();
        let short = |text: String| {
            let digest = text.split('/').next().filter(|first| first.len() == 64).map(str::to_owned);
            digest.map_or(text.clone(), |digest| text.replace(&digest, "SHA"))
        };
        programs.iter().map(|program| short(script(program))).collect()
    }
}

#[tokio::test]
async fn several_buildpacks_run_in_order_and_the_last_one_says_what_runs() {
    let scene = scene(all_fit, Trouble::None, Limits::default()).await;
    let buildpacks = ["https://user:hunter2hunter2@example.com/b.git#main", "heroku/nodejs", "heroku/python"];
    let (built, seen) = scene.build_with(&buildpacks, &[file("package.json", "{}")], ConfigVars::default()).await;
    let built = built.unwrap();
    insta::assert_snapshot!(seen.replace(&built.bytes.to_string(), "SIZE"), @r"
    -----> Building on the Heroku-24 stack
    -----> Using buildpacks:
           1. https://****@example.com/b.git#main
           2. heroku/nodejs
           3. heroku/python
    -----> https://****@example.com/b.git#main app detected
    -----> Node.js app detected
           
    -----> Installing binaries
    npm warn deprecated
           added 3 packages
    -----> Python app detected
    -----> Discovering process types
           Procfile declares types     -> (none)
           Default types for buildpack -> web

    -----> Compressing...
           Done: SIZEB
    ");
    assert_eq!(
        scene.ran(),
        [
            "fetch https://example.com/b.git",
            "SHA/bin/detect",
            "SHA/bin/compile",
            "SHA/bin/report",
            "nodejs/bin/detect",
            "nodejs/bin/compile",
            "python/bin/detect",
            "python/bin/compile",
            "python/bin/report",
            "python/bin/release",
        ]
    );
    assert_eq!((built.language.as_deref(), built.settled.len(), built.buildpacks.len()), (Some("Python"), 0, 3));
    assert_eq!(built.process_types, Procfile::parse(b"web: gunicorn").unwrap());
    assert_eq!((built.first_release.addons, built.first_release.config_vars), (vec!["heroku-postgresql".to_owned()], config(&[("LANG", "C.UTF-8")])));
    // What was not asked for is not even there.
    assert!(!listing(&scene.workspace.lock().unwrap()).iter().any(|line| line.contains("buildpacks/ruby")));
}

#[tokio::test]
async fn exports_of_all_buildpacks_before_are_sourced_before_compile_and_nothing_else() {
    let scene = scene(all_fit, Trouble::None, Limits::default()).await;
    scene.build_with(&["heroku/nodejs", "heroku/python"], &[file("package.json", "{}")], ConfigVars::default()).await.0.unwrap();
    let programs = scene.programs.lock().unwrap();
    let with_exports: Vec<_> = programs.iter().filter(|program| program.argv[0] == "bash").collect();
    assert_eq!(with_exports.len(), 1);
    assert_eq!(
        with_exports[0].argv[3..].join(" "),
        "compile 1 /tmp/codon/tmp/buildpacks/nodejs/export /tmp/codon/tmp/buildpacks/python/bin/compile /tmp/build_456789ab /tmp/codon/tmp/cache /tmp/codon/tmp/env"
    );
}

/// The script itself, run by the bash of this machine: files that are not there, that fail, that shift and that export.
#[test]
fn exports_accumulate_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    fs::write(path("one"), "export A=1; shift 9; set -- x y; false").unwrap();
    fs::write(path("two"), "export B=$A-2 __mypaas=x").unwrap();
    let mut argv: Vec<String> = ["-c", workspace::WITH_EXPORTS, "compile", "3"].map(str::to_owned).into();
    argv.extend([path("one"), path("missing"), path("two")]);
    argv.extend(["bash", "-c", "echo $A $B \"$@\"", "program", "an argument", "--"].map(str::to_owned));
    let output = std::process::Command::new("bash").args(argv).output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "1 1-2 an argument --\n", "{}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test]
async fn a_buildpack_that_does_not_fit_says_why() {
    let refusing: Scripts = |script, output| match script {
        "python/bin/detect" => {
            output.stdout(b"Error: no requirements.txt.\n\nAdd one, hunter2hunter2.\n");
            1
        }
        _ => all_fit(script, output),
    };
    let scene = scene(refusing, Trouble::None, Limits::default()).await;
    let (built, seen) = scene.build_with(&["heroku/python"], &[file("a", "")], config(&[("PASSWORD", "hunter2hunter2")])).await;
    assert!(matches!(built, Err(BuildError::NotCompatible { .. })));
    insta::assert_snapshot!(seen, @r"
    -----> Building on the Heroku-24 stack
    -----> Using buildpack: heroku/python
    -----> App not compatible with buildpack: heroku/python
           Error: no requirements.txt.

           Add one, [redacted].
           More info: https://devcenter.heroku.com/articles/buildpacks#detection-failure

     !     Push failed
    ");
    assert_eq!(scene.ran(), ["python/bin/detect"]);
}

/// Hostile inputs 15–19, 82.
#[tokio::test]
async fn credentials_reach_git_and_curl_but_neither_arguments_nor_the_terminal() {
    let failing: Scripts = |script, output| match script {
        fetch if fetch.starts_with("fetch ") => {
            output.stderr(b"fatal: unable to access 'https://ann:s3cret@example.com/b.git/': no\n");
            128
        }
        _ => all_fit(script, output),
    };
    let scene = scene(failing, Trouble::None, Limits::default()).await;
    let (built, seen) = scene.build_with(&["https://ann:s3cret@example.com/b.git"], &[file("a", "")], ConfigVars::default()).await;
    assert!(matches!(built, Err(BuildError::Fetch { .. })));
    insta::assert_snapshot!(seen, @r"
    -----> Building on the Heroku-24 stack
    -----> Using buildpack: https://****@example.com/b.git
           fatal: unable to access 'https:[redacted]example.com/b.git/': no
     !     Push rejected, error fetching buildpack https://****@example.com/b.git.
    			HINT: Is the URL right, and the branch or tag? `mypaas buildpacks` lists the app's buildpacks.

     !     Push failed
    ");
    scene.build_with(&["https://ann:s3cret@example.com/b.tgz"], &[file("a", "")], ConfigVars::default()).await.0.unwrap_err();
    let programs = scene.programs.lock().unwrap();
    assert!(programs.iter().all(|program| !program.argv.iter().any(|argument| argument.contains("s3cret"))));
    let env = |program: &Program| program.env.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>();
    assert_eq!(
        env(&programs[0])[6..],
        [
            "LIMIT=90",
            "GIT_TERMINAL_PROMPT=0",
            "GIT_ALLOW_PROTOCOL=https:http:git",
            "GIT_CONFIG_COUNT=1",
            "GIT_CONFIG_KEY_0=url.https://ann:s3cret@example.com/.insteadOf",
            "GIT_CONFIG_VALUE_0=https://example.com/",
        ]
    );
    assert_eq!(env(&programs[1])[6..], ["LIMIT=90", "FETCH_URL=https://ann:s3cret@example.com/b.tgz"]);
}

#[tokio::test]
async fn fetching_takes_too_long() {
    let slow: Scripts = |script, output| if script.starts_with("fetch ") { 124 } else { all_fit(script, output) };
    let scene = scene(slow, Trouble::None, Limits::default()).await;
    let (_, seen) = scene.build_with(&["emk/rust"], &[file("a", "")], ConfigVars::default()).await;
    assert!(
        seen.contains(
            "-----> Using buildpack: emk/rust\n       It could not be fetched within 90 seconds.\n !     Push rejected, error fetching buildpack emk/rust.\n"
        ),
        "{seen}"
    );
    assert_eq!(scene.ran(), ["fetch https://buildpack-registry.s3.amazonaws.com/buildpacks/emk/rust.tgz"]);
}

#[tokio::test]
async fn a_report_that_fails_changes_nothing_and_one_runs_after_a_failure_too() {
    let reporting: Scripts = |script, output| match script {
        "python/bin/report" => {
            output.stdout(b"secret: report");
            9
        }
        "python/bin/compile" => 3,
        _ => all_fit(script, output),
    };
    let scene = scene(reporting, Trouble::None, Limits::default()).await;
    let (built, seen) = scene.build_with(&["heroku/python"], &[file("a", "")], ConfigVars::default()).await;
    assert!(matches!(built, Err(BuildError::Compile { status: 3, .. })));
    assert!(!seen.contains("report"), "{seen}");
    assert_eq!(scene.ran(), ["python/bin/detect", "python/bin/compile", "python/bin/report"]);
}
