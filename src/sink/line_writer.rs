//! A writer of whole lines that counts those that failed.

use std::io::{self, Write};

use memchr::{memchr, memchr_iter};

pub(super) struct LineWriter {
    inner: Box<dyn Write + Send>,
    /// Set if the last line may be written only in part, so that the next one must not continue it.
    torn: bool,
}

/// Lines that were not written.
#[derive(Debug, Default)]
pub(super) struct FailedLines {
    pub(super) count: usize,
    pub(super) first_error: Option<io::Error>,
}

impl FailedLines {
    fn add(&mut self, count: usize, error: io::Error) {
        self.count += count;
        self.first_error.get_or_insert(error);
    }
}

impl LineWriter {
    pub(super) fn new(inner: Box<dyn Write + Send>) -> Self {
        Self { inner, torn: false }
    }

    /// Writes and flushes lines, each of which ends with a newline. If a line fails, it is skipped, and the next one is
    /// tried.
    pub(super) fn write(&mut self, lines: &[u8]) -> FailedLines {
        let mut rest = lines;
        let mut failed = FailedLines::default();
        while !rest.is_empty() {
            if let Err(error) = self.write_rest(&mut rest) {
                failed.add(1, error);
                let end = memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
                rest = &rest[end..];
            }
        }
        if let Err(error) = self.inner.flush() {
            // The lines that failed are unknown, so count all of them.
            failed.add(count_lines(lines) - failed.count, error);
        }
        failed
    }

    /// Writes all of `rest`, which begins at the beginning of a line. Stops at the first error.
    fn write_rest(&mut self, rest: &mut &[u8]) -> io::Result<()> {
        // Set first, because the writer may panic, and then the number of written bytes is unknown.
        if std::mem::replace(&mut self.torn, true) {
            self.inner.write_all(b"\n")?;
        }
        let mut ends_line = true;
        let result = loop {
            if rest.is_empty() {
                break Ok(());
            }
            match self.inner.write(rest) {
                Ok(0) => break Err(io::ErrorKind::WriteZero.into()),
                Ok(bytes) => {
                    ends_line = rest[bytes - 1] == b'\n';
                    *rest = &rest[bytes..];
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => break Err(error),
            }
        };
        self.torn = !ends_line;
        result
    }
}

/// Returns the number of lines.
pub(super) fn count_lines(lines: &[u8]) -> usize {
    memchr_iter(b'\n', lines).count()
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use proptest::prelude::*;

    use super::*;

    /// Accepts the last of `takes` in bytes with each call; 0 is an error.
    #[derive(Clone, Debug)]
    struct Unsteady {
        takes: Vec<usize>,
        text: Arc<Mutex<Vec<u8>>>,
    }

    impl Unsteady {
        fn take(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let most = self.takes.pop().unwrap_or(usize::MAX);
            if most == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            let taken = bytes.len().min(most);
            self.text.lock().unwrap().extend_from_slice(&bytes[..taken]);
            Ok(taken)
        }
    }

    impl Write for Unsteady {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.take(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    proptest! {
        #[test]
        fn each_line_is_written_whole_or_counted_as_failed(
            takes in prop::collection::vec(prop_oneof![1 => Just(0_usize), 4 => 1_usize..40], 0..30),
            lens in prop::collection::vec(1_usize..12, 0..60),
        ) {
            let text = Arc::<Mutex<Vec<u8>>>::default();
            let unsteady = Unsteady { takes, text: Arc::clone(&text) };
            let mut writer = LineWriter::new(Box::new(unsteady));
            let lines = lens.iter().enumerate();
            let lines: Vec<_> = lines.map(|(nth, &len)| format!("<{nth:0len$}>\n").into_bytes()).collect();
            let mut failed = 0;
            for some in lines.chunks(16) {
                failed += writer.write(&some.concat()).count;
            }
            let text = text.lock().unwrap();
            let mut whole = 0;
            let mut next = 0;
            for line in text.split_inclusive(|&byte| byte == b'\n') {
                // A partial line lacks its end, and no other line continues it.
                let found = lines[next..].iter().position(|known| known == line);
                prop_assert_eq!(found.is_some(), line.ends_with(b">\n"));
                prop_assert!(line.iter().filter(|&&byte| byte == b'<').count() <= 1);
                if let Some(found) = found {
                    whole += 1;
                    next += found + 1;
                }
            }
            prop_assert!(whole + failed >= lines.len());
        }
    }

    #[test]
    fn after_an_error_the_next_line_starts_on_a_new_line() {
        let text = Arc::<Mutex<Vec<u8>>>::default();
        let mut writer = LineWriter::new(Box::new(Unsteady {
            // Taken from the end.
            takes: vec![0, 2],
            text: Arc::clone(&text),
        }));
        let failed = writer.write(b"first\nsecond\nthird\n");
        assert_eq!(failed.count, 1);
        assert_eq!(
            failed.first_error.unwrap().kind(),
            io::ErrorKind::StorageFull
        );
        assert_eq!(*text.lock().unwrap(), b"fi\nsecond\nthird\n");
    }

    #[test]
    fn lines_that_cannot_be_flushed_have_failed() {
        struct NoFlush;
        impl Write for NoFlush {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                Ok(bytes.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
        }
        let mut writer = LineWriter::new(Box::new(NoFlush));
        assert_eq!(writer.write(b"a\nb\n").count, 2);
    }
}
