//! The inputs that are kept: `corpus/<target>/<name>`, one file each.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The folder of one target's inputs.
#[derive(Clone, Debug)]
pub struct Corpus {
    folder: PathBuf,
}

impl Corpus {
    /// The committed corpus of a target.
    #[must_use]
    pub fn of(target: &str) -> Self {
        Self::at(&Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target))
    }

    /// Another folder.
    #[must_use]
    pub fn at(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// All inputs, in the order of their names. A folder that is not there has none.
    ///
    /// # Errors
    /// What the disk says.
    pub fn load(&self) -> io::Result<Vec<(String, Vec<u8>)>> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut all = Vec::new();
        for entry in entries {
            let entry = entry?;
            all.push((entry.file_name().to_string_lossy().into_owned(), fs::read(entry.path())?));
        }
        all.sort();
        Ok(all)
    }

    /// Keeps an input under a name made of a word and its content, and says where.
    ///
    /// # Errors
    /// What the disk says.
    pub fn keep(&self, word: &str, input: &[u8]) -> io::Result<PathBuf> {
        fs::create_dir_all(&self.folder)?;
        let id = blake3::hash(input).to_hex();
        let path = self.folder.join(format!("{word}-{}", &id[..12]));
        fs::write(&path, input)?;
        Ok(path)
    }
}
