//! What is wrong with the configuration, and where. All of it is told at once, and never what stands there: a value in
//! the wrong place may be a secret.

use std::fmt;
use std::ops::Range;

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The program.
    Default,
    /// The file, at these bytes.
    File(Range<usize>),
    /// An environment variable.
    Env(String),
    /// A flag of the command line.
    Flag(&'static str),
}

impl Origin {
    /// One word for it.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::File(_) => "file",
            Self::Env(_) => "env",
            Self::Flag(_) => "flag",
        }
    }
}

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mistake {
    /// Stable; kebab-case.
    pub(crate) code: &'static str,
    /// `file:line:column`, a variable or a flag.
    pub(crate) place: String,
    /// What is wrong.
    pub(crate) text: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} [{}]", self.place, self.text, self.code)
    }
}

/// The file's name and text, to say where something stands.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) name: String,
    pub(crate) text: String,
}

impl Source {
    /// Where `origin` is, for a person.
    pub(crate) fn place(&self, origin: &Origin) -> String {
        match origin {
            Origin::Default => format!("{}: default", self.name),
            Origin::File(span) => {
                let (line, column) = self.line_and_column(span.start);
                format!("{}:{line}:{column}", self.name)
            }
            Origin::Env(name) => format!("environment variable {name}"),
            Origin::Flag(name) => format!("flag {name}"),
        }
    }

    /// Both from 1; the column counts characters.
    fn line_and_column(&self, byte: usize) -> (usize, usize) {
        let before = self.text.get(..byte).unwrap_or(&self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        (line, column)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_lines_and_characters_from_one() {
        let source = Source { name: "t.toml".into(), text: "a = 1\nö = 2\nb = 3".into() };
        for (byte, place) in
            [(0, "t.toml:1:1"), (6, "t.toml:2:1"), (11, "t.toml:2:5"), (13, "t.toml:3:1"), (999, "t.toml:3:6")]
        {
            assert_eq!(source.place(&Origin::File(byte..byte)), place);
        }
    }
}
