//! Apps that are their own buildpack, which is quick to build.

use std::{fs, os::unix::fs::PermissionsExt};

use crate::{Installation, Repository};

impl Installation {
    /// An app that is built by `compile` and serves with what the stack has.
    pub fn inline(&self, procfile: &str, compile: &str) -> Repository<'_> {
        let repository = self.repository("static-hello");
        for entry in fs::read_dir(repository.path()).expect("the copy is there").map(|entry| entry.expect("the copy can be read").path()) {
            let is_git = entry.ends_with(".git");
            if entry.is_file() {
                fs::remove_file(entry).expect("a file goes");
            } else if !is_git {
                fs::remove_dir_all(entry).expect("a folder goes");
            }
        }
        fs::create_dir(repository.path().join("bin")).expect("a folder is made");
        repository.write("bin/detect", "#!/bin/sh\necho Inline\n");
        repository.write("bin/compile", &format!("#!/bin/bash\n{compile}\n"));
        for program in ["bin/detect", "bin/compile"] {
            fs::set_permissions(repository.path().join(program), fs::Permissions::from_mode(0o755)).expect("a file is made a program");
        }
        repository.write("app.json", r#"{"name": "inline", "buildpacks": [{"url": "heroku/inline"}]}"#);
        repository.write("Procfile", procfile);
        repository.commit("An app that is its own buildpack");
        repository
    }
}
