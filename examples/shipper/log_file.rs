//! A log file that other programs may rename.

use std::{
    fs::File,
    io::{self, Read as _, Seek as _, SeekFrom, Write},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

/// A file of lines to append to. It is exchanged for another file only between two lines.
pub struct LogFile {
    file: File,
    next: Next,
    /// Set unless the last byte written is inside of a line.
    is_between_lines: bool,
}

/// The file to use from the next line on.
type Next = Arc<Mutex<Option<File>>>;

impl LogFile {
    /// Opens the file, and reopens it on each SIGHUP.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = Self::new(open(path)?);
        #[cfg(unix)]
        reopen_on_hangup(path.to_owned(), Arc::clone(&file.next))?;
        Ok(file)
    }

    /// Switches to the next file, if there is one.
    fn switch(&mut self) {
        let next = self
            .next
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(next) = next {
            self.file = next;
            self.is_between_lines = true;
        }
    }

    fn new(file: File) -> Self {
        Self {
            file,
            next: Next::default(),
            is_between_lines: true,
        }
    }
}

impl Write for LogFile {
    /// Writes a part of a line or of several lines; the file may accept less than it is given.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.is_between_lines {
            self.switch();
        }
        match self.file.write(bytes) {
            Ok(written) => {
                if let Some(last) = bytes[..written].last() {
                    self.is_between_lines = *last == b'\n';
                }
                Ok(written)
            }
            Err(error) => {
                // Perhaps the disk is full. The line that was begun there cannot be completed.
                self.switch();
                Err(error)
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn open(path: &Path) -> io::Result<File> {
    let file = File::options().append(true).create(true).open(path);
    let opened = file.and_then(|mut file| {
        // A killed process may have left an incomplete line.
        if !ends_with_line(path)? {
            file.write_all(b"\n")?;
        }
        Ok(file)
    });
    opened.map_err(|error| {
        let path = path.display();
        io::Error::new(error.kind(), format!("cannot open {path}: {error}"))
    })
}

/// Reports whether the file is empty or ends with a line break. True if it is not a regular file.
fn ends_with_line(path: &Path) -> io::Result<bool> {
    let metadata = path.metadata()?;
    if !metadata.is_file() || metadata.len() == 0 {
        return Ok(true);
    }
    let mut last = [0];
    let mut file = File::open(path)?;
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

/// Reopens the file on each SIGHUP.
///
/// The file is opened here rather than by the writing thread, so it exists before the next record does. If it cannot
/// be opened, the old file stays in use.
#[cfg(unix)]
fn reopen_on_hangup(path: std::path::PathBuf, next: Next) -> io::Result<()> {
    use actix_web::rt::{
        self,
        signal::unix::{SignalKind, signal},
    };

    let mut hangups = signal(SignalKind::hangup())?;
    rt::spawn(async move {
        while hangups.recv().await.is_some() {
            match open(&path) {
                Ok(file) => {
                    *next.lock().unwrap_or_else(PoisonError::into_inner) = Some(file);
                    eprintln!("reopened {}", path.display());
                }
                Err(error) => eprintln!("shipper: {error}; the old file stays in use"),
            }
        }
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{env, fs, process};

    use super::*;

    #[test]
    fn incomplete_line_is_completed_in_the_same_file() {
        let folder = env::temp_dir().join(format!("shipper-{}", process::id()));
        fs::create_dir_all(&folder).unwrap();
        let (old, new) = (folder.join("old"), folder.join("new"));
        let mut file = LogFile::new(open(&old).unwrap());
        file.write_all(b"first\nsec").unwrap();
        *file.next.lock().unwrap() = Some(open(&new).unwrap());
        file.write_all(b"ond\n").unwrap();
        file.write_all(b"third\n").unwrap();
        assert_eq!(fs::read(&old).unwrap(), b"first\nsecond\n");
        assert_eq!(fs::read(&new).unwrap(), b"third\n");
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn incomplete_line_of_a_killed_process_gets_a_line_break() {
        let path = env::temp_dir().join(format!("shipper-{}-killed", process::id()));
        fs::write(&path, "whole\nbro").unwrap();
        let mut file = LogFile::new(open(&path).unwrap());
        file.write_all(b"next\n").unwrap();
        open(&path).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"whole\nbro\nnext\n");
        fs::remove_file(path).unwrap();
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn full_disk_switches_to_the_next_file() {
        let name = format!("shipper-{}-full", process::id());
        let new = env::temp_dir().join(name);
        let mut file = LogFile::new(open(Path::new("/dev/full")).unwrap());
        file.is_between_lines = false;
        *file.next.lock().unwrap() = Some(open(&new).unwrap());
        assert!(file.write_all(b"cond\n").is_err());
        file.write_all(b"third\n").unwrap();
        assert_eq!(fs::read(&new).unwrap(), b"third\n");
        fs::remove_file(new).unwrap();
    }
}
