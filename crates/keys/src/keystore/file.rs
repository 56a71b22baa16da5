//! Keystores on disk: written whole or not at all, readable by their owner only, and never over another file.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use super::Keystore;
use crate::{Error, KeystoreProblem as Problem};

/// No keystore of any program comes near this.
const MAX_BYTES: u64 = 64 * 1024;

impl Keystore {
    /// Reads a keystore file.
    ///
    /// # Errors
    /// [`Error::Keystore`]: it cannot be read, is damaged, or is not supported.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let mut bytes = Vec::new();
        let file = File::open(path).map_err(|e| Problem::Unreadable(e).at(path))?;
        file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(|e| Problem::Unreadable(e).at(path))?;
        if u64::try_from(bytes.len()).is_ok_and(|len| len > MAX_BYTES) {
            return Err(Problem::Damaged("it is longer than 64 KiB".into()).at(path));
        }
        let text = std::str::from_utf8(&bytes).map_err(|_| Problem::Damaged("it is not text".into()).at(path))?;
        Self::parse_from(text, &path.display().to_string())
    }

    /// Writes the keystore to a file that must not exist yet. When this returns, it is on the disk; when it fails, or the
    /// machine dies half way, `path` does not exist (a `.new` file of the same name may, and can be deleted).
    ///
    /// # Errors
    /// [`Error::Keystore`] with [`Problem::Exists`] or [`Problem::Unwritable`].
    pub fn write_new(&self, path: &Path) -> Result<(), Error> {
        let draft = draft_path(path).map_err(|e| Problem::Unwritable(e).at(path))?;
        let written = write_draft(&draft, &self.to_json()).and_then(|()| {
            // A link, not a rename: it fails if somebody was faster, where a rename would take their key away.
            fs::hard_link(&draft, path)
        });
        let _ = fs::remove_file(&draft); // best effort: what is left is an encrypted copy of the same thing
        match written.and_then(|()| sync_folder(path)) {
            Ok(()) => Ok(()),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Err(Problem::Exists.at(path)),
            Err(e) => Err(Problem::Unwritable(e).at(path)),
        }
    }
}

/// In the same folder, so that a link can reach; unique, so that two writers do not meet.
fn draft_path(path: &Path) -> io::Result<PathBuf> {
    let name = path.file_name().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "a file name is missing"))?;
    let unique = crate::random_bytes::<8>().map_err(io::Error::other)?;
    let mut draft = std::ffi::OsString::from(".");
    draft.push(name);
    draft.push(format!(".{:016x}.new", u64::from_be_bytes(unique)));
    Ok(path.with_file_name(draft))
}

fn write_draft(draft: &Path, text: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(draft)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// The name is in the folder, so it is the folder that must reach the disk.
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}
