//! What a source asks for: buildpacks in its files, submodules in its tree; and slugs that grow.

use super::*;
use crate::{job::Submodule, testing::link};

fn titles(built: &Built) -> (Vec<String>, Vec<String>) {
    let shown = |list: &[BuildpackRef]| list.iter().map(ToString::to_string).collect();
    (shown(&built.buildpacks), shown(&built.settled))
}

fn fits(script: &str, output: &mut dyn OutputSink) -> i32 {
    if script.starts_with("fetch ") {
        output.stdout(b"compile\ndetect\n");
    }
    if script.starts_with("nodejs/") { node(script, output) } else { 0 }
}

const APP_JSON: &str = r#"{"name": "shop", "buildpacks": [{"url": "heroku/python"}, {"url": "heroku/nodejs"}]}"#;

#[tokio::test]
async fn the_first_that_says_something_decides() {
    let scene = scene(fits, Trouble::None, Limits::default()).await;
    let both = [file(".buildpacks", "# only this\nheroku/nodejs\n"), file("app.json", APP_JSON)];
    let of = async |chosen: &[&str], source: &[Given<'_>]| titles(&scene.build_with(chosen, source, ConfigVars::default()).await.0.unwrap());
    let list = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
    assert_eq!(of(&["heroku/python"], &both).await, (list(&["heroku/python"]), list(&[])));
    assert_eq!(of(&[], &both).await, (list(&["heroku/nodejs"]), list(&[])));
    assert_eq!(of(&[], &both[1..]).await, (list(&["heroku/python", "heroku/nodejs"]), list(&["heroku/python", "heroku/nodejs"])));
    assert_eq!(of(&[], &[file(".buildpacks", "\n"), file("app.json", "{}")]).await, (list(&["heroku/nodejs"]), list(&["heroku/nodejs"])));
    // In a folder of the source they are files like any others.
    assert_eq!(of(&[], &[file("lib/app.json", APP_JSON)]).await.0, ["heroku/nodejs"]);
}

#[tokio::test]
async fn a_file_that_says_nonsense_fails_the_build_if_it_is_asked() {
    let scene = scene(fits, Trouble::None, Limits::default()).await;
    let deep = format!("{{\"env\": {}{}}}", "[".repeat(10_000), "]".repeat(10_000));
    let large = format!("{{\"scripts\": {{\"postdeploy\": \"{}\"}}}}", "x".repeat(1 << 20));
    for (source, sentence) in [
        (file("app.json", "{\"env\": {\"A\": \"1\", \"A\": \"2\"}}"), "app.json cannot be read: the key \"A\" stands twice in one object at line 1 column 22."),
        (file("app.json", &deep), "app.json cannot be read: it is nested more than 32 levels deep at line 1 column "),
        (file("app.json", &large), "`app.json` must be a plain file of at most 1 MB."),
        (link(EntryType::Symlink, "app.json", "/etc/passwd"), "`app.json` must be a plain file of at most 1 MB."),
        (
            file("app.json", r#"{"buildpacks": [{"url": "ext::sh -c id"}]}"#),
            "app.json names a buildpack in its buildpacks that cannot be used. A buildpack URL must begin with ",
        ),
        (
            file(".buildpacks", "file:///etc\n"),
            ".buildpacks names a buildpack that cannot be used. A buildpack URL must begin with https://, http:// or git://.",
        ),
    ] {
        let source = [source];
        let (built, seen) = scene.build(&source, ConfigVars::default()).await;
        assert!(matches!(built, Err(BuildError::SourceInvalid(_))), "{sentence}");
        assert!(seen.contains(&format!(" !     Push rejected, {sentence}")), "{seen}");
        scene.build_with(&["heroku/nodejs"], &source, ConfigVars::default()).await.0.unwrap();
    }
}

#[tokio::test]
async fn credentials_in_a_file_of_the_source_are_hidden_too() {
    let telling: Scripts = |script, output| {
        if script.ends_with("/bin/compile") {
            output.stdout(b"cloned https://me:hunter2hunter2@example.com/b\n");
        }
        fits(script, output)
    };
    let scene = scene(telling, Trouble::None, Limits::default()).await;
    let (_, seen) = scene.build(&[file(".buildpacks", "https://me:hunter2hunter2@example.com/b.git")], ConfigVars::default()).await;
    assert!(seen.contains("-----> Using buildpack: https://****@example.com/b.git\n") && !seen.contains("hunter2"), "{seen}");
}

#[tokio::test]
async fn a_large_slug_is_warned_of() {
    let scene = scene(node, Trouble::None, Limits { slug_soft_bytes: 100, ..Limits::default() }).await;
    let (_, seen) = scene.build(&[file("package.json", "{}")], ConfigVars::default()).await;
    let warning = " !     Warning: Your slug size (0 MB) exceeds our soft limit (0 MB) which may affect boot time.\n";
    assert!(seen.contains("       Done: ") && seen.ends_with(warning), "{seen}");
}

/// A scene whose sandboxes give this tree out of the folder that submodules are fetched in.
async fn with_submodules(git: fn(&[String], &mut dyn OutputSink) -> i32, fetched: Vec<u8>) -> Scene {
    let mut scene = scene(node, Trouble::None, Limits::default()).await;
    let inside = scene.playground.act();
    let programs = scene.programs.clone();
    let act: Act = Arc::new(move |program, archives, output| {
        if matches!(program.argv[0].as_str(), "git" | "find") {
            programs.lock().unwrap().push(program.clone());
            return git(&program.argv, output);
        }
        inside(program, archives, output)
    });
    scene.playground.replace(act, "/tmp/source", fetched);
    let folder = scene._folder.path().join("buildpacks");
    scene.builder = Builder::new(Arc::new(scene.playground.clone()), Arc::new(scene.blobs.clone()), folder, Limits::default());
    scene
}

async fn build_checkout(scene: &Scene, source: &[Given<'_>], submodules: &[(&str, &str)]) -> (Result<Built, BuildError>, String) {
    let mut screen = Screen::default();
    let submodules = submodules.iter().map(|(path, commit)| Submodule { path: (*path).to_owned(), commit: (*commit).to_owned() }).collect();
    let source = SourceTree::Tree { tar: stream_of(&tar(source)), submodules };
    let built = scene.builder.build(Job { source, ..job(&[], ConfigVars::default()) }, &mut screen).await;
    let failure = built.as_ref().err().map(failure_lines).unwrap_or_default();
    (built, screen.0 + &failure.join("\n"))
}

#[tokio::test]
async fn submodules_are_fetched_before_slugignore_is_followed() {
    let git = |argv: &[String], output: &mut dyn OutputSink| {
        if argv.contains(&"submodule".to_owned()) {
            output.stderr(b"Cloning into '/tmp/source/lib'...\n");
        }
        0
    };
    let fetched = tar(&[folder("source"), file("source/.slugignore", "*.md"), folder("source/lib"), file("source/lib/a.c", ""), file("source/lib/a.md", "")]);
    let scene = with_submodules(git, fetched).await;
    let commit = "c".repeat(40);
    let (built, seen) = build_checkout(&scene, &[file(".slugignore", "*.md"), folder("lib")], &[("lib", &commit), ("-x,y", &commit)]).await;
    built.unwrap();
    let heading =
        "-----> Git submodules detected, installing\n       Cloning into '/tmp/source/lib'...\n-----> Deleting 1 files matching .slugignore patterns.\n";
    assert!(seen.contains(heading), "{seen}");
    let workspace = listing(&scene.workspace.lock().unwrap());
    assert!(workspace.contains(&"-0664 1000:1000 build_456789ab/lib/a.c \"\"".to_owned()), "{workspace:?}");
    let programs = scene.programs.lock().unwrap();
    let ran: Vec<_> = programs.iter().take(4).map(|program| program.argv.join(" ").replace(&commit, "SHA")).collect();
    insta::assert_snapshot!(ran.join("\n"), @r"
    git init -q /tmp/source
    git -C /tmp/source update-index --add --cacheinfo 160000,SHA,lib --cacheinfo 160000,SHA,-x,y
    git -C /tmp/source submodule update --init --recursive --jobs 4
    find /tmp/source -name .git -prune -exec rm -rf -- {} +
    ");
    let protocols = ("GIT_ALLOW_PROTOCOL".to_owned(), "https:http:git".to_owned());
    assert!(programs[2].env.contains(&protocols) && programs[2].env.iter().all(|(key, _)| key != "SOURCE_VERSION"));
}

#[tokio::test]
async fn submodules_that_do_not_come_fail_the_build() {
    let git = |argv: &[String], output: &mut dyn OutputSink| {
        output.stderr(b"fatal: No url found for submodule path 'lib' in .gitmodules\n");
        if argv.contains(&"submodule".to_owned()) { 128 } else { 0 }
    };
    let scene = with_submodules(git, Vec::new()).await;
    let (built, seen) = build_checkout(&scene, &[folder("lib")], &[("lib", "1")]).await;
    assert!(matches!(built, Err(BuildError::SourceInvalid(_))));
    let end = "       fatal: No url found for submodule path 'lib' in .gitmodules\n !     Push rejected, submodule install failed.\n\n !     Push failed";
    assert!(seen.ends_with(end), "{seen}");
    let many = vec![("lib", "1"); 101];
    assert!(build_checkout(&scene, &[], &many).await.1.contains("Push rejected, the source has more than 100 submodules."));
}
