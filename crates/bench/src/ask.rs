//! The command line.

use std::path::PathBuf;

pub(crate) const USAGE: &str = "usage: tokengine-bench core|http|sql|recovery [--json] [--quick] [--only <words of a row's name>] [--folder <folder>] [--save <folder>]";

/// Benchmarks that belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Suite {
    /// The engine alone.
    Core,
    /// Over HTTP.
    Http,
    /// Beside databases.
    Sql,
    /// Starting again.
    Recovery,
}

impl Suite {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Core => "core",
            Self::Http => "http",
            Self::Sql => "sql",
            Self::Recovery => "recovery",
        }
    }

    fn named(name: &str) -> Option<Self> {
        match name {
            "core" => Some(Self::Core),
            "http" => Some(Self::Http),
            "sql" => Some(Self::Sql),
            "recovery" => Some(Self::Recovery),
            _ => None,
        }
    }
}

/// What was asked for.
pub(crate) struct Ask {
    pub(crate) suite: Suite,
    /// A line of JSON for each row, instead of a table.
    pub(crate) json: bool,
    /// A tenth of the work in a third of the runs: to see that it works, not how fast.
    pub(crate) quick: bool,
    /// Only rows with these words in their name.
    pub(crate) only: Option<String>,
    pub(crate) folder: PathBuf,
    /// Writes the rows and a chart of them into this folder.
    pub(crate) save: Option<PathBuf>,
}

impl Ask {
    pub(crate) fn parse(args: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut ask = Self {
            suite: Suite::Core,
            json: false,
            quick: false,
            only: None,
            folder: "target/bench".into(),
            save: None,
        };
        let mut suite = None;
        let mut args = args;
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--json" => ask.json = true,
                "--quick" => ask.quick = true,
                "--only" => ask.only = Some(args.next().ok_or("--only needs words of a row's name")?),
                "--save" => ask.save = Some(args.next().ok_or("--save needs a folder")?.into()),
                "--folder" => ask.folder = args.next().ok_or("--folder needs a folder")?.into(),
                name => suite = Some(Suite::named(name).ok_or_else(|| format!("{name:?} is not known"))?),
            }
        }
        ask.suite = suite.ok_or("which benchmarks?")?;
        Ok(ask)
    }

    /// Whether a row of that name is wanted.
    pub(crate) fn wants(&self, name: &str) -> bool {
        self.only.as_ref().is_none_or(|words| name.contains(words.as_str()))
    }
}
