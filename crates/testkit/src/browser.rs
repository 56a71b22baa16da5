//! Pages in a real browser: an installed Chromium, or one from the npm registry, driven by Playwright.
//!
//! The browser lives for one script only. A script is a CommonJS file that exports
//! `async ({ page, browser, args, problems }) => value`; the value comes back as JSON, and `problems` collects what went
//! wrong on the page meanwhile (errors on its console, uncaught exceptions, requests that failed).

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use serde_json::{Value, json};

use crate::{
    Error, npm,
    peers::Progress,
    process::{find_on_path, run},
};

/// The names under which systems install it.
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

const RUNNER: &str = include_str!("../scripts/browser.cjs");
const SCREENSHOT: &str = include_str!("../scripts/screenshot.cjs");

/// A browser starts in about a second; a script that waits longer than this for a page waits in vain.
const SCRIPT_WITHIN: Duration = Duration::from_secs(120);

/// A Chromium and what drives it.
#[derive(Clone, Debug)]
pub struct Browser {
    program: PathBuf,
    /// Where the packaged one finds libraries that a bare machine lacks.
    libraries: Option<PathBuf>,
    playwright: PathBuf,
}

impl Browser {
    /// The machine's own Chromium, or the packaged one if it has none.
    ///
    /// # Errors
    /// Those of [`crate::install`].
    pub fn any() -> Result<Self, Error> {
        match installed() {
            Some(program) => {
                Ok(Self { program, libraries: None, playwright: npm::ensure(&npm::PLAYWRIGHT, &mut |_| {})? })
            }
            None => Self::packaged(),
        }
    }

    /// The packaged Chromium, whatever the machine has. It is built for Linux on x86-64.
    ///
    /// # Errors
    /// Those of [`crate::install`].
    pub fn packaged() -> Result<Self, Error> {
        let folder = npm::ensure(&npm::CHROMIUM, &mut |_| {})?.join("chromium");
        let playwright = npm::ensure(&npm::PLAYWRIGHT, &mut |_| {})?;
        Ok(Self { program: folder.join("chromium"), libraries: Some(folder.join("al2023/lib")), playwright })
    }

    /// Writes what a page looks like, once it is loaded, to a PNG file of that many pixels.
    ///
    /// # Errors
    /// [`Error::Script`] when the page cannot be loaded.
    pub fn screenshot(&self, url: &str, width: u32, height: u32, path: &Path) -> Result<(), Error> {
        let input = json!({"url": url, "width": width, "height": height, "path": path});
        self.run_source(SCREENSHOT, &input).map(drop)
    }

    /// Runs a script with `args` and returns the value it ends with.
    ///
    /// # Errors
    /// [`Error::Script`] with what the script threw; [`Error::Timeout`] after two minutes.
    pub fn run_script(&self, script: &Path, args: &Value) -> Result<Value, Error> {
        let source = fs::read_to_string(script).map_err(Error::io(format!("reading {}", script.display())))?;
        self.run_source(&source, args)
    }

    /// Runs a script given as text; see [`Browser::run_script`].
    ///
    /// # Errors
    /// Those of [`Browser::run_script`].
    pub fn run_source(&self, source: &str, args: &Value) -> Result<Value, Error> {
        let folder = tempfile::tempdir().map_err(Error::io("creating a folder for the browser"))?;
        let write = |name: &str, text: &str| {
            fs::write(folder.path().join(name), text).map_err(Error::io(format!("writing {name}")))
        };
        let here = std::env::current_dir().map_err(Error::io("finding the current folder"))?;
        write("runner.cjs", RUNNER)?;
        write("script.cjs", source)?;
        write("job.json", &json!({"program": self.program, "args": args, "here": here}).to_string())?;
        let mut command = Command::new(npm::node("the browser")?);
        command.arg("runner.cjs").current_dir(folder.path());
        command.env("NODE_PATH", self.playwright.join("node_modules"));
        // Profiles and caches go where this run ends, and never into the user's own.
        command.env("HOME", folder.path()).env("TMPDIR", folder.path());
        for inherited in ["XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR", "DISPLAY"] {
            command.env_remove(inherited);
        }
        if let Some(libraries) = &self.libraries {
            command.env("LD_LIBRARY_PATH", libraries);
        }
        let answer = run("the browser", &mut command, SCRIPT_WITHIN, Error::Script)?;
        serde_json::from_str(&answer)
            .map_err(|_| Error::Unexpected { what: "what the script returned".to_owned(), got: answer })
    }
}

/// Installs what [`Browser::any`] needs, or [`Browser::packaged`].
pub(crate) fn ensure(packaged: bool, progress: &mut dyn FnMut(&Progress)) -> Result<(), Error> {
    npm::ensure(&npm::PLAYWRIGHT, progress)?;
    if packaged || installed().is_none() {
        npm::ensure(&npm::CHROMIUM, progress)?;
    }
    Ok(())
}

fn installed() -> Option<PathBuf> {
    NAMES.iter().find_map(|name| find_on_path(name))
}
