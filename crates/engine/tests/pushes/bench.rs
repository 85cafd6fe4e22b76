//! Sandboxes in which buildpacks work, or fail as a test says.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use bytes::Bytes;
use domain::AppId;
use futures_util::{StreamExt, TryStreamExt, stream};
use ports::{
    ByteStream, RuntimeError, Sandbox, Sandboxes,
    sandbox::{Finished, OutputSink, Program, SandboxSpec},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Trouble {
    #[default]
    None,
    CompileFails,
    Hangs,
    OutOfMemory,
    /// The engine does not open sandboxes.
    NoSandbox,
}

#[derive(Clone, Default)]
pub(crate) struct Bench(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    fits: BTreeSet<&'static str>,
    trouble: Trouble,
    procfile: Option<&'static str>,
    compiled: Vec<String>,
}

impl Bench {
    /// This buildpack takes every app.
    pub(crate) fn fits(&self, buildpack: &'static str) {
        self.0.lock().unwrap().fits.insert(buildpack);
    }

    pub(crate) fn nothing_fits(&self) {
        self.0.lock().unwrap().fits.clear();
    }

    pub(crate) fn is_in(&self, trouble: Trouble) {
        self.0.lock().unwrap().trouble = trouble;
    }

    /// What the built folder has as its Procfile.
    pub(crate) fn procfile(&self, text: &'static str) {
        self.0.lock().unwrap().procfile = Some(text);
    }

    /// Which buildpacks' `bin/compile` ran.
    pub(crate) fn compiled(&self) -> Vec<String> {
        self.0.lock().unwrap().compiled.clone()
    }

    /// The status of a script; `None` if it never ends.
    fn act(&self, buildpack: &str, script: &str, output: &mut dyn OutputSink) -> Option<i32> {
        let mut state = self.0.lock().unwrap();
        match script {
            "detect" => return Some(i32::from(!state.fits.contains(buildpack))),
            "compile" => {
                state.compiled.push(buildpack.to_owned());
                output.stdout(b"       compiling\n");
                match state.trouble {
                    Trouble::CompileFails => return Some(1),
                    Trouble::Hangs => return None,
                    Trouble::OutOfMemory => return Some(137),
                    Trouble::None | Trouble::NoSandbox => {}
                }
            }
            "release" => output.stdout(b"addons: ['heroku-postgresql:mini']\nconfig_vars: {POOL: 5, MINE: theirs}\ndefault_process_types: {web: x}\n"),
            "cat" => {
                output.stdout(state.procfile.unwrap_or_default().as_bytes());
                return Some(i32::from(state.procfile.is_none()));
            }
            _ => {}
        }
        Some(0)
    }
}

#[async_trait]
impl Sandboxes for Bench {
    async fn open(&self, _: &SandboxSpec) -> Result<Box<dyn Sandbox>, RuntimeError> {
        match self.0.lock().unwrap().trouble {
            Trouble::NoSandbox => Err(RuntimeError::Refused("no space left on /var/lib".to_owned())),
            _ => Ok(Box::new(self.clone())),
        }
    }

    async fn purge_cache(&self, _: AppId) -> Result<(), RuntimeError> {
        Ok(())
    }
}

#[async_trait]
impl Sandbox for Bench {
    async fn put(&self, _: &str, tar: ByteStream) -> Result<(), RuntimeError> {
        tar.try_for_each(|_| async { Ok(()) }).await.map_err(|error| RuntimeError::Refused(error.to_string()))
    }

    async fn run(&self, program: &Program, output: &mut dyn OutputSink) -> Result<Finished, RuntimeError> {
        let script = program.argv.iter().find_map(|argument| argument.strip_prefix("/tmp/codon/tmp/buildpacks/")?.split_once("/bin/"));
        let (buildpack, script) = script.unwrap_or(("", program.argv[0].as_str()));
        match self.act(buildpack, script, output) {
            Some(status) => Ok(Finished { status, out_of_memory: status == 137 }),
            None => std::future::pending().await,
        }
    }

    async fn take(&self, _: &str) -> Result<ByteStream, RuntimeError> {
        Ok(stream::iter([Ok(Bytes::from_static(&[0; 1024]))]).boxed())
    }

    async fn close(&self) -> Result<(), RuntimeError> {
        Ok(())
    }
}
