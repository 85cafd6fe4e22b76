//! What goes to the terminal: the platform's own lines, and what buildpacks write, without secrets.

use domain::{BuildpackRef, ConfigVars, Procfile};
use ports::sandbox::{Kept, OutputSink};

use crate::{
    job::Terminal,
    redact::{Redactor, Secrets},
};

/// The terminal, and what must not be shown on it.
pub(crate) struct Output<'a> {
    terminal: &'a mut dyn Terminal,
    secrets: Secrets,
    at_line_start: bool,
}

impl<'a> Output<'a> {
    /// Hides the values of config vars and the credentials of buildpacks' URLs.
    pub(crate) fn new(terminal: &'a mut dyn Terminal, config: &ConfigVars, buildpacks: &[BuildpackRef]) -> Self {
        Self { terminal, secrets: Secrets::of(config, buildpacks), at_line_start: true }
    }

    /// Hides more buildpacks' credentials, once it is known which there are.
    pub(crate) fn hide(&mut self, config: &ConfigVars, buildpacks: &[BuildpackRef]) {
        self.secrets = Secrets::of(config, buildpacks);
    }

    /// `-----> Compressing...`
    pub(crate) fn heading(&mut self, text: &str) {
        self.line(&format!("-----> {text}"));
    }

    /// A line of its own, also when a program left one unfinished.
    pub(crate) fn line(&mut self, text: &str) {
        if !self.at_line_start {
            self.terminal.bytes(b"\n");
        }
        self.terminal.line(text);
        self.at_line_start = true;
    }

    /// The same bytes without secrets.
    pub(crate) fn redacted(&self, bytes: &[u8]) -> Vec<u8> {
        let mut redactor = Redactor::default();
        let mut shown = redactor.pass(&self.secrets, bytes);
        shown.extend(redactor.finish());
        shown
    }

    /// Shows bytes that are safe to show.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        if let Some(last) = bytes.last() {
            self.terminal.bytes(bytes);
            self.at_line_start = *last == b'\n';
        }
    }

    /// Shows what a program wrote as the platform's own text: indented, without secrets.
    pub(crate) fn indented(&mut self, bytes: &[u8]) {
        let text = String::from_utf8_lossy(&self.redacted(bytes)).into_owned();
        for line in text.trim_end().lines() {
            self.line(format!("       {line}").trim_end());
        }
    }

    /// Takes a program's output and shows it as it comes.
    pub(crate) fn program(&mut self) -> Shown<'_, 'a> {
        Shown { out: self, stdout: Redactor::default(), stderr: Redactor::default() }
    }

    /// Tells where process types come from; `defaults` are the buildpack's.
    pub(crate) fn process_types(&mut self, procfile: Option<&Procfile>, defaults: &Procfile) {
        let declared = procfile.map(|procfile| names(procfile.0.keys())).unwrap_or_default();
        let others = names(defaults.0.keys().filter(|&name| procfile.is_none_or(|procfile| !procfile.0.contains_key(name))));
        if !declared.is_empty() && others.is_empty() {
            return self.line(&format!("       Procfile declares types -> {declared}"));
        }
        self.line(&format!("       Procfile declares types     -> {}", if declared.is_empty() { "(none)" } else { &declared }));
        if !others.is_empty() {
            self.line(&format!("       Default types for buildpack -> {others}"));
        }
    }
}

fn names<'a>(types: impl Iterator<Item = &'a domain::ProcessType>) -> String {
    types.map(domain::ProcessType::as_str).collect::<Vec<_>>().join(", ")
}

/// A program's output on its way to the terminal.
pub(crate) struct Shown<'o, 'a> {
    out: &'o mut Output<'a>,
    stdout: Redactor,
    stderr: Redactor,
}

impl Shown<'_, '_> {
    /// The program has ended: what looked like the beginning of a secret was none.
    pub(crate) fn finish(mut self) {
        for rest in [self.stdout.finish(), self.stderr.finish()] {
            self.out.bytes(&rest);
        }
    }
}

impl OutputSink for Shown<'_, '_> {
    fn stdout(&mut self, bytes: &[u8]) {
        let shown = self.stdout.pass(&self.out.secrets, bytes);
        self.out.bytes(&shown);
    }

    fn stderr(&mut self, bytes: &[u8]) {
        let shown = self.stderr.pass(&self.out.secrets, bytes);
        self.out.bytes(&shown);
    }
}

/// Keeps the end of what a program writes, of both kinds in their order, up to 64 KB.
#[derive(Default)]
pub(crate) struct Together(pub(crate) Vec<u8>);

impl OutputSink for Together {
    fn stdout(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
        self.0.drain(..self.0.len().saturating_sub(Kept::MOST));
    }

    fn stderr(&mut self, bytes: &[u8]) {
        self.stdout(bytes);
    }
}
