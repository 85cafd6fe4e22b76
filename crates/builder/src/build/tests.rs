use std::{
    fs,
    sync::{Mutex, atomic::Ordering},
    time::Duration,
};

use ::tar::EntryType;
use domain::{ConfigVars, Procfile};
use ports::{
    blobs::disk::DiskBlobs,
    sandbox::{OutputSink, Program, fake::Act},
};

use super::*;
use crate::{
    error::failure_lines,
    testing::{Given, Playground, Screen, Trouble, config, file, folder, listing, stream_of, tar},
};

/// What buildpacks do: a script (`nodejs/bin/detect`) and where it writes to, to its status.
type Scripts = fn(&str, &mut dyn OutputSink) -> i32;

/// A build, its buildpacks, and everything it ran.
struct Scene {
    _folder: tempfile::TempDir,
    builder: Builder,
    blobs: DiskBlobs,
    playground: Playground,
    programs: Arc<Mutex<Vec<Program>>>,
    /// What was put into the sandbox.
    workspace: Arc<Mutex<Vec<u8>>>,
}

mod chosen;
mod imports;
mod wishes;

const BUILD: &str = "01890000-0000-7000-8000-0123456789ab";

async fn scene(scripts: Scripts, trouble: Trouble, limits: Limits) -> Scene {
    let folder_on_host = tempfile::tempdir().unwrap();
    let buildpacks = folder_on_host.path().join("buildpacks");
    for name in ["python", "nodejs"] {
        fs::create_dir_all(buildpacks.join(name).join("bin")).unwrap();
        for script in ["detect", "compile", "release", "report"].into_iter().filter(|script| name == "python" || *script != "report") {
            fs::write(buildpacks.join(name).join("bin").join(script), "#!/bin/sh").unwrap();
        }
    }
    fs::create_dir(buildpacks.join("lib")).unwrap();
    fs::write(buildpacks.join("lib/output.sh"), "shared").unwrap();
    let programs: Arc<Mutex<Vec<Program>>> = Arc::default();
    let workspace: Arc<Mutex<Vec<u8>>> = Arc::default();
    let (seen, put) = (programs.clone(), workspace.clone());
    let act: Act = Arc::new(move |program, inside, output| {
        if program.argv[0] != "cat" {
            seen.lock().unwrap().push(program.clone());
        }
        *put.lock().unwrap() = inside["/tmp"].to_vec();
        if program.argv[0] == "cat" {
            return cat(&inside["/tmp"], &format!("build_456789ab/{}", program.argv[2]), output);
        }
        scripts(&script(program), output)
    });
    let built = tar(&[folder("build_456789ab"), file("build_456789ab/server.js", "listen()")]);
    let playground = Playground::new(act, "/tmp/build_456789ab", built, trouble);
    let blobs = DiskBlobs::open(folder_on_host.path().join("blobs")).await.unwrap();
    let builder = Builder::new(Arc::new(playground.clone()), Arc::new(blobs.clone()), buildpacks, limits);
    Scene { _folder: folder_on_host, builder, blobs, playground, programs, workspace }
}

fn cat(archive: &[u8], path: &str, output: &mut dyn OutputSink) -> i32 {
    let mut archive = ::tar::Archive::new(archive);
    let Some(mut entry) = archive.entries().unwrap().map(Result::unwrap).find(|entry| *entry.path_bytes() == *path.as_bytes()) else { return 1 };
    let mut content = Vec::new();
    std::io::Read::read_to_end(&mut entry, &mut content).unwrap();
    output.stdout(&content);
    0
}

/// `nodejs/bin/compile`, however it is called, or `fetch URL`.
fn script(program: &Program) -> String {
    let named = |argument: &String| Some(argument.strip_prefix("/tmp/codon/tmp/buildpacks/")?.to_owned()).filter(|name| name.contains("/bin/"));
    let fetched = || program.argv.get(5).cloned().or_else(|| Some(program.env.iter().find(|(key, _)| key == "FETCH_URL")?.1.clone()));
    program.argv.iter().find_map(named).unwrap_or_else(|| format!("fetch {}", fetched().unwrap()))
}

fn job(source: &[Given<'_>], config: ConfigVars) -> Job {
    Job {
        build: BUILD.parse().unwrap(),
        app: "01890000-0000-7000-8000-000000000001".parse().unwrap(),
        stack: "heroku-24".parse().unwrap(),
        source: stream_of(&tar(source)).into(),
        source_version: "0123456789abcdef0123456789abcdef01234567".into(),
        config,
        buildpacks: Vec::new(),
        request_id: "request-1".into(),
    }
}

impl Scene {
    /// Builds, and shows what a person sees: the failure's block too.
    async fn build(&self, source: &[Given<'_>], config: ConfigVars) -> (Result<Built, BuildError>, String) {
        self.build_with(&[], source, config).await
    }

    /// The same with the buildpacks that were chosen.
    async fn build_with(&self, buildpacks: &[&str], source: &[Given<'_>], config: ConfigVars) -> (Result<Built, BuildError>, String) {
        let mut screen = Screen::default();
        let buildpacks = buildpacks.iter().map(|text| text.parse().unwrap()).collect();
        let built = self.builder.build(Job { buildpacks, ..job(source, config) }, &mut screen).await;
        let failure = built.as_ref().err().map(failure_lines).unwrap_or_default();
        let opened = self.playground.opened.load(Ordering::SeqCst);
        assert_eq!(self.playground.closed.load(Ordering::SeqCst), opened, "every sandbox is closed");
        (built, screen.0 + &failure.join("\n"))
    }
}

fn node(script: &str, output: &mut dyn OutputSink) -> i32 {
    match script {
        "nodejs/bin/detect" => output.stdout(b"Node.js\n"),
        "nodejs/bin/compile" => {
            output.stdout(b"       \n-----> Installing binaries\n");
            output.stderr(b"npm warn deprecated\n");
            output.stdout(b"       added 3 packages");
        }
        "nodejs/bin/release" => output.stdout(b"default_process_types:\n  web: npm start\n"),
        _ => return 1,
    }
    0
}

#[tokio::test]
async fn an_app_is_built() {
    let scene = scene(node, Trouble::None, Limits::default()).await;
    let (built, seen) = scene.build(&[file("package.json", "{}")], config(&[("NPM_TOKEN", "s3cr3t")])).await;
    let built = built.unwrap();
    assert_eq!(seen.lines().last(), Some(format!("       Done: {}B", built.bytes).as_str()));
    insta::assert_snapshot!(seen.replace(&built.bytes.to_string(), "SIZE"), @r"
    -----> Building on the Heroku-24 stack
    -----> Determining which buildpack to use for this app
    -----> Node.js app detected
           
    -----> Installing binaries
    npm warn deprecated
           added 3 packages
    -----> Discovering process types
           Procfile declares types     -> (none)
           Default types for buildpack -> web

    -----> Compressing...
           Done: SIZEB
    ");
    assert_eq!((built.language.as_deref(), built.settled), (Some("Node.js"), vec!["heroku/nodejs".parse().unwrap()]));
    assert_eq!(built.process_types, Procfile::parse(b"web: npm start").unwrap());
    assert!(scene.blobs.has(built.sha256).await.unwrap());
}

#[tokio::test]
async fn buildpacks_find_everything_where_heroku_has_it() {
    let scene = scene(node, Trouble::None, Limits::default()).await;
    scene.build(&[file("package.json", "{}")], config(&[("NPM_TOKEN", "s3cr3t"), ("B", "two\nlines")])).await.0.unwrap();
    let workspace = listing(&scene.workspace.lock().unwrap());
    insta::assert_snapshot!(workspace.join("\n"), @r##"
    d0755 1000:1000 build_456789ab
    -0664 1000:1000 build_456789ab/package.json "{}"
    d0755 1000:1000 codon
    d0755 1000:1000 codon/tmp
    d0755 1000:1000 codon/tmp/buildpacks
    d0755 1000:1000 codon/tmp/buildpacks/lib
    -0644 1000:1000 codon/tmp/buildpacks/lib/output.sh "shared"
    d0755 1000:1000 codon/tmp/buildpacks/nodejs
    d0755 1000:1000 codon/tmp/buildpacks/nodejs/bin
    -0755 1000:1000 codon/tmp/buildpacks/nodejs/bin/compile "#!/bin/sh"
    -0755 1000:1000 codon/tmp/buildpacks/nodejs/bin/detect "#!/bin/sh"
    -0755 1000:1000 codon/tmp/buildpacks/nodejs/bin/release "#!/bin/sh"
    d0755 1000:1000 codon/tmp/buildpacks/python
    d0755 1000:1000 codon/tmp/buildpacks/python/bin
    -0755 1000:1000 codon/tmp/buildpacks/python/bin/compile "#!/bin/sh"
    -0755 1000:1000 codon/tmp/buildpacks/python/bin/detect "#!/bin/sh"
    -0755 1000:1000 codon/tmp/buildpacks/python/bin/release "#!/bin/sh"
    -0755 1000:1000 codon/tmp/buildpacks/python/bin/report "#!/bin/sh"
    d0700 1000:1000 codon/tmp/env
    -0600 1000:1000 codon/tmp/env/B "two\nlines"
    -0600 1000:1000 codon/tmp/env/NPM_TOKEN "s3cr3t"
    "##);
    let programs = scene.programs.lock().unwrap();
    let argvs: Vec<String> = programs.iter().map(|program| program.argv.join(" ")).collect();
    insta::assert_snapshot!(argvs.join("\n"), @r"
    /tmp/codon/tmp/buildpacks/nodejs/bin/detect /tmp/build_456789ab
    /tmp/codon/tmp/buildpacks/python/bin/detect /tmp/build_456789ab
    /tmp/codon/tmp/buildpacks/nodejs/bin/compile /tmp/build_456789ab /tmp/codon/tmp/cache /tmp/codon/tmp/env
    /tmp/codon/tmp/buildpacks/nodejs/bin/release /tmp/build_456789ab
    ");
    for program in programs.iter() {
        let folder = program.argv[0].split("/bin/").next().unwrap();
        assert_eq!(program.working_dir, folder, "some name what lies beside them by relative paths");
        let env: Vec<String> = program.env.iter().map(|(key, value)| format!("{key}={value}")).collect();
        insta::allow_duplicates! { insta::assert_snapshot!(env.join("\n"), @r"
        HOME=/app
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
        STACK=heroku-24
        SOURCE_VERSION=0123456789abcdef0123456789abcdef01234567
        REQUEST_ID=request-1
        LANG=C.UTF-8
        ") };
    }
}

#[tokio::test]
async fn the_procfile_comes_before_the_buildpacks_defaults() {
    let scene = scene(node, Trouble::None, Limits::default()).await;
    let types = async |procfile| {
        let (built, seen) = scene.build(&[file("Procfile", procfile)], ConfigVars::default()).await;
        let lines: Vec<String> = seen.lines().filter(|line| line.contains("types ")).map(str::to_owned).collect();
        (built.unwrap().process_types, lines)
    };
    let (both, lines) = types("worker: node worker.js\nrelease: migrate").await;
    assert_eq!(both, Procfile::parse(b"release: migrate\nweb: npm start\nworker: node worker.js").unwrap());
    assert_eq!(lines, ["       Procfile declares types     -> release, worker", "       Default types for buildpack -> web"]);
    let (own, lines) = types("web: node .\nworker: node worker.js").await;
    assert_eq!(own, Procfile::parse(b"web: node .\nworker: node worker.js").unwrap());
    assert_eq!(lines, ["       Procfile declares types -> web, worker"]);
}

#[tokio::test]
async fn slugignore_is_told() {
    let scene = scene(node, Trouble::None, Limits::default()).await;
    let (_, seen) = scene.build(&[file(".slugignore", "*.psd"), file("a.psd", ""), file("b.psd", "")], ConfigVars::default()).await;
    assert!(seen.starts_with("-----> Building on the Heroku-24 stack\n-----> Deleting 2 files matching .slugignore patterns.\n-----> Determining"), "{seen}");
}

#[tokio::test]
async fn no_buildpack_fits() {
    let scene = scene(|_, _| 1, Trouble::None, Limits::default()).await;
    let (_, seen) = scene.build(&[file("README", "")], ConfigVars::default()).await;
    let expected = "-----> Building on the Heroku-24 stack\n\
        -----> Determining which buildpack to use for this app\n \
        !     No default language could be detected for this app.\n\
        \t\t\tHINT: This occurs when Heroku cannot detect the buildpack to use for this application automatically.\n\
        \t\t\tSee https://devcenter.heroku.com/articles/buildpacks\n\n \
        !     Push failed";
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn several_buildpacks_fit() {
    let both: Scripts = |script, output| match script {
        "python/bin/detect" => {
            output.stdout(b"Python");
            0
        }
        _ => node(script, output),
    };
    let scene = scene(both, Trouble::None, Limits::default()).await;
    let (built, seen) = scene.build(&[file("package.json", "{}")], ConfigVars::default()).await;
    assert_eq!(built.unwrap().buildpacks, ["heroku/nodejs".parse().unwrap()]);
    let warning = " !     Warning: Multiple default buildpacks reported the ability to handle this app. \
        The first buildpack in the list below will be used.\n\
        \t\t\tDetected buildpacks: Node.js,Python\n\
        \t\t\tSee https://devcenter.heroku.com/articles/buildpacks#buildpack-detect-order\n\
        -----> Node.js app detected\n";
    assert!(seen.contains(warning), "{seen}");
}

#[tokio::test]
async fn compiling_fails() {
    let failing: Scripts = |script, output| match script {
        "nodejs/bin/compile" => {
            output.stderr(b"npm error 404\n");
            7
        }
        _ => node(script, output),
    };
    let scene = scene(failing, Trouble::None, Limits::default()).await;
    let (built, seen) = scene.build(&[file("package.json", "{}")], ConfigVars::default()).await;
    assert!(matches!(built, Err(BuildError::Compile { status: 7, .. })));
    insta::assert_snapshot!(seen, @r"
    -----> Building on the Heroku-24 stack
    -----> Determining which buildpack to use for this app
    -----> Node.js app detected
    npm error 404
     !     Push rejected, failed to compile Node.js app.

     !     Push failed
    ");
}

#[tokio::test]
async fn a_procfile_that_does_not_parse_fails_before_anything_runs() {
    let scene = scene(node, Trouble::None, Limits::default()).await;
    let (_, seen) = scene.build(&[file("Procfile", "web node .")], ConfigVars::default()).await;
    insta::assert_snapshot!(seen, @r"
    -----> Building on the Heroku-24 stack
     !     Procfile line 1 does not read `type: command`: web node .
     !     See: https://devcenter.heroku.com/articles/procfile

     !     Push failed
    ");
    assert_eq!(scene.playground.opened.load(Ordering::SeqCst), 0);
}

/// Hostile inputs 43.
#[tokio::test]
async fn the_slug_is_too_large() {
    let scene = scene(node, Trouble::None, Limits { slug_bytes: 100, ..Limits::default() }).await;
    let (built, seen) = scene.build(&[file("package.json", "{}")], ConfigVars::default()).await;
    let Err(BuildError::SlugTooLarge { bytes, limit: 100 }) = built else { panic!("{built:?}") };
    let block = format!(
        "-----> Compressing...\n !     Compiled slug size: {bytes}B is too large (max is 100B).\n \
         !     See: http://devcenter.heroku.com/articles/slug-size\n !     Push failed"
    );
    assert!(seen.ends_with(&block), "{seen}");
}

#[tokio::test(start_paused = true)]
async fn the_build_takes_too_long() {
    let scene = scene(node, Trouble::Hangs, Limits::default()).await;
    let (_, seen) = scene.build(&[file("package.json", "{}")], ConfigVars::default()).await;
    assert!(seen.contains("added 3 packages"), "{seen}");
    assert!(seen.contains(" !     Push rejected, the build timed out (limit is 15 minutes).\n"), "{seen}");
}

#[tokio::test]
async fn memory_runs_out() {
    let scene = scene(node, Trouble::RunsOutOfMemory, Limits { memory_mib: 512, ..Limits::default() }).await;
    let (built, seen) = scene.build(&[file("package.json", "{}")], ConfigVars::default()).await;
    assert!(matches!(built, Err(BuildError::OutOfMemory { limit_mib: 512 })));
    assert!(seen.contains(" !     Push rejected, the build ran out of memory (limit is 512 MB).\n"), "{seen}");
}

#[tokio::test]
async fn bin_release_writes_nonsense() {
    let nonsense: Scripts = |script, output| match script {
        "nodejs/bin/release" => {
            output.stdout(b"default_process_types: hunter2hunter2");
            0
        }
        _ => node(script, output),
    };
    let scene = scene(nonsense, Trouble::None, Limits::default()).await;
    let (_, seen) = scene.build(&[file("package.json", "{}")], config(&[("PASSWORD", "hunter2hunter2")])).await;
    assert!(seen.contains(" !     Push rejected, bin/release of buildpack heroku/nodejs did not write the YAML expected: "), "{seen}");
    assert!(!seen.contains("hunter2"), "{seen}");
}

#[tokio::test]
async fn bin_release_writes_too_much() {
    let endless: Scripts = |script, output| match script {
        "nodejs/bin/release" => {
            (0..100).for_each(|_| output.stdout(&[b'#'; 1024]));
            0
        }
        _ => node(script, output),
    };
    let scene = scene(endless, Trouble::None, Limits::default()).await;
    let (built, _) = scene.build(&[file("package.json", "{}")], ConfigVars::default()).await;
    assert_eq!(built.unwrap_err().to_string(), "Push rejected, bin/release of buildpack heroku/nodejs wrote more than 64 KB.");
}

/// Hostile inputs 82.
#[tokio::test]
async fn config_values_do_not_reach_the_terminal() {
    let telling: Scripts = |script, output| match script {
        "nodejs/bin/detect" => {
            output.stdout(b"Node.js hunter2hunter2");
            0
        }
        "nodejs/bin/compile" => {
            output.stdout(b"token hunter2");
            output.stderr(b"(hunter2hunter2)");
            output.stdout(b"hunter2 PORT=3000\nhunter2");
            0
        }
        _ => node(script, output),
    };
    let scene = scene(telling, Trouble::None, Limits::default()).await;
    let (built, seen) = scene.build(&[file("package.json", "{}")], config(&[("PASSWORD", "hunter2hunter2"), ("N", "3000")])).await;
    assert!(seen.contains("-----> Node.js [redacted] app detected\ntoken ([redacted])[redacted] PORT=3000\nhunter2\n-----> Discovering"), "{seen}");
    assert_eq!(built.unwrap().language.as_deref(), Some("Node.js [redacted]"));
}

#[tokio::test(start_paused = true)]
async fn a_build_that_is_cancelled_closes_its_sandbox() {
    let scene = scene(node, Trouble::Hangs, Limits::default()).await;
    let mut screen = Screen::default();
    let job = job(&[file("package.json", "{}")], ConfigVars::default());
    let cancelled = tokio::time::timeout(Duration::from_secs(60), scene.builder.build(job, &mut screen)).await;
    assert!(cancelled.is_err());
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(scene.playground.opened.load(Ordering::SeqCst), 1);
    assert_eq!(scene.playground.closed.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn nothing_is_built_when_the_disk_is_nearly_full() {
    let scene = scene(node, Trouble::None, Limits { min_free_bytes: u64::MAX, ..Limits::default() }).await;
    let (built, seen) = scene.build(&[file("package.json", "{}")], ConfigVars::default()).await;
    assert!(matches!(built, Err(BuildError::DiskFull { .. })));
    assert!(seen.starts_with(" !     The platform's disk is nearly full: "), "{seen}");
    assert_eq!(scene.playground.opened.load(Ordering::SeqCst), 0);
}
