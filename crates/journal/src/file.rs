//! The real disk: one folder of the file system.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{self, Read, Write},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::disk::{Disk, DiskFile, LockError, LockGuard};

const LOCK_FILE: &str = "lock";

/// A folder on a local file system.
///
/// Room that was written once is expected to stay writable when the disk is full; that holds for file systems that write
/// in place (ext4, xfs), not for copy-on-write ones, where the reserve is only as good as the free space.
#[derive(Clone, Debug)]
pub struct FileDisk {
    folder: PathBuf,
}

impl FileDisk {
    /// Uses a folder, and makes it if it is missing.
    ///
    /// # Errors
    /// What the operating system says to making the folder.
    pub fn new(folder: impl AsRef<Path>) -> io::Result<Self> {
        let folder = folder.as_ref().to_path_buf();
        std::fs::create_dir_all(&folder)?;
        Ok(Self { folder })
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Disk for FileDisk {
    fn list(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&self.folder)? {
            let entry = entry?;
            // Ours are plain ASCII files; anything else in the folder belongs to somebody else.
            if let (true, Ok(name)) = (entry.file_type()?.is_file(), entry.file_name().into_string()) {
                names.push(name);
            }
        }
        Ok(names)
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        let path = self.folder.join(name);
        // A backup on a read-only medium can still be verified and restored.
        let file = match OpenOptions::new().read(true).write(true).open(&path) {
            Err(error)
                if matches!(error.kind(), io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied) =>
            {
                File::open(&path)?
            }
            other => other?,
        };
        Ok(Arc::new(RealFile(file)))
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        let file =
            OpenOptions::new().read(true).write(true).create(true).truncate(true).open(self.folder.join(name))?;
        Ok(Arc::new(RealFile(file)))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        std::fs::rename(self.folder.join(from), self.folder.join(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        std::fs::remove_file(self.folder.join(name))
    }

    fn sync_dir(&self) -> io::Result<()> {
        File::open(&self.folder)?.sync_all()
    }

    fn free_bytes(&self) -> io::Result<u64> {
        // A test without a small disk of its own says here how many there are; builds for use do not listen.
        #[cfg(debug_assertions)]
        if let Some(told) = std::env::var_os("TOKENGINE_FREE_BYTES")
            && let Ok(text) = std::fs::read_to_string(told)
        {
            return text.trim().parse().map_err(io::Error::other);
        }
        let stat = rustix::fs::statvfs(&self.folder)?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }

    fn lock(&self) -> Result<LockGuard, LockError> {
        let path = self.folder.join(LOCK_FILE);
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        match file.try_lock() {
            Ok(()) => {
                // The number is for people only: the lock itself ends with the process, whatever the file says.
                file.set_len(0)?;
                writeln!(file, "{}", std::process::id())?;
                Ok(LockGuard::new(file))
            }
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                let holder = file.take(32).read_to_string(&mut text).ok().and_then(|_| text.trim().parse().ok());
                Err(LockError::Held { holder })
            }
            Err(TryLockError::Error(error)) => Err(error.into()),
        }
    }

    fn location(&self, name: &str) -> String {
        if name.is_empty() { self.folder.display().to_string() } else { self.folder.join(name).display().to_string() }
    }
}

#[derive(Debug)]
struct RealFile(File);

impl DiskFile for RealFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.read_at(buf, offset)
    }

    fn write_at(&self, buf: &[u8], offset: u64) -> io::Result<()> {
        self.0.write_all_at(buf, offset)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_taken_once_and_the_refusal_names_the_holder() {
        let folder = tempfile::tempdir().expect("a folder");
        let disk = FileDisk::new(folder.path()).expect("a disk");
        let guard = disk.lock().expect("free");
        match disk.lock() {
            Err(LockError::Held { holder }) => assert_eq!(holder, Some(std::process::id())),
            other => panic!("taken twice: {other:?}"),
        }
        drop(guard);
        disk.lock().expect("free again");
    }

    #[test]
    fn files_are_listed_renamed_and_removed() {
        let folder = tempfile::tempdir().expect("a folder");
        let disk = FileDisk::new(folder.path().join("deeper/still")).expect("a disk");
        let file = disk.create("a").expect("made");
        file.write_at(b"hello", 3).expect("written");
        file.sync_data().expect("synced");
        assert_eq!(file.len().expect("length"), 8);
        disk.rename("a", "b").expect("renamed");
        disk.sync_dir().expect("synced");
        assert_eq!(disk.list().expect("listed"), ["b"]);
        let mut buf = [9; 10];
        assert_eq!(disk.open("b").expect("opened").read_at(&mut buf, 0).expect("read"), 8);
        assert_eq!(&buf[..8], b"\0\0\0hello");
        assert!(disk.free_bytes().expect("told") > 0);
        disk.remove("b").expect("removed");
        assert!(disk.open("b").is_err());
    }
}
