//! Writing whole lines, and knowing which of them were.

use std::io::{self, IoSlice, Write};

use memchr::{memchr, memchr_iter};

/// The parts that lines are handed over in, at most.
pub(super) const MAX_PARTS: usize = 2;

pub(super) struct LineWriter {
    inner: Box<dyn Write + Send>,
    /// The last line may have been written in part: the next one must not continue it.
    torn: bool,
}

/// Lines that were not written.
#[derive(Debug, Default)]
pub(super) struct Lost {
    pub(super) lines: usize,
    /// Why the first of them was not.
    pub(super) why: Option<io::Error>,
}

impl Lost {
    fn add(&mut self, lines: usize, why: io::Error) {
        self.lines += lines;
        self.why.get_or_insert(why);
    }
}

impl LineWriter {
    pub(super) fn new(inner: Box<dyn Write + Send>) -> Self {
        Self { inner, torn: false }
    }

    /// Writes lines, and flushes them. One that is refused is left out, and the next is tried.
    ///
    /// They come in at most [`MAX_PARTS`] parts, where a line may begin in one and end in the next; the
    /// last one ends with a line.
    pub(super) fn write(&mut self, parts: &[&[u8]]) -> Lost {
        let mut slices = [IoSlice::new(&[]); MAX_PARTS];
        let mut rest = &mut slices[..parts.len()];
        for (slice, part) in rest.iter_mut().zip(parts) {
            *slice = IoSlice::new(part);
        }
        // Past those that are empty.
        IoSlice::advance_slices(&mut rest, 0);
        let mut lost = Lost::default();
        while !rest.is_empty() {
            if let Err(error) = self.write_some(&mut rest) {
                lost.add(1, error);
                skip_line(&mut rest);
            }
        }
        if let Err(error) = self.inner.flush() {
            // Which of them it was about is not known.
            lost.add(count_lines(parts) - lost.lines, error);
        }
        lost
    }

    /// Does one `write`, which a line begins with.
    fn write_some(&mut self, rest: &mut &mut [IoSlice<'_>]) -> io::Result<()> {
        // Set first: the writer may panic, and how much it took is not known then.
        if std::mem::replace(&mut self.torn, true) {
            self.inner.write_all(b"\n")?;
        }
        let mut ends_line = true;
        let result = loop {
            let written = match &**rest {
                [] => break Ok(()),
                [part] => self.inner.write(part),
                parts => self.inner.write_vectored(parts),
            };
            match written {
                Ok(0) => break Err(io::ErrorKind::WriteZero.into()),
                Ok(bytes) => {
                    ends_line = last_of(rest, bytes) == Some(b'\n');
                    IoSlice::advance_slices(rest, bytes);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => break Err(error),
            }
        };
        self.torn = !ends_line;
        result
    }
}

/// The last of the first so many bytes.
fn last_of(parts: &[IoSlice<'_>], bytes: usize) -> Option<u8> {
    let mut last = bytes.checked_sub(1)?;
    for part in parts {
        if let Some(&byte) = part.get(last) {
            return Some(byte);
        }
        last -= part.len();
    }
    None
}

/// Goes on behind the next end of a line.
fn skip_line(rest: &mut &mut [IoSlice<'_>]) {
    while let Some(first) = rest.first() {
        let end = memchr(b'\n', first);
        let len = end.map_or(first.len(), |end| end + 1);
        IoSlice::advance_slices(rest, len);
        if end.is_some() {
            return;
        }
    }
}

pub(super) fn count_lines(parts: &[&[u8]]) -> usize {
    let ends = parts.iter().map(|part| memchr_iter(b'\n', part).count());
    ends.sum()
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use proptest::prelude::*;

    use super::*;

    /// Takes so many bytes with each call, in turn; 0 is an error.
    #[derive(Clone, Debug)]
    struct Moody {
        takes: Vec<usize>,
        vectored: bool,
        text: Arc<Mutex<Vec<u8>>>,
    }

    impl Moody {
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

    impl Write for Moody {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.take(bytes)
        }

        fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
            match self.vectored {
                true => self.take(&slices.iter().flat_map(|s| s.to_vec()).collect::<Vec<_>>()),
                false => self.take(slices.iter().find(|s| !s.is_empty()).map_or(&[], |s| s)),
            }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    proptest! {
        #[test]
        fn each_line_is_written_whole_or_lost(
            takes in prop::collection::vec(prop_oneof![1 => Just(0_usize), 4 => 1_usize..40], 0..30),
            lens in prop::collection::vec(1_usize..12, 0..60),
            vectored in any::<bool>(),
            part in 8_usize..80,
        ) {
            let text = Arc::<Mutex<Vec<u8>>>::default();
            let moody = Moody { takes, vectored, text: Arc::clone(&text) };
            let mut writer = LineWriter::new(Box::new(moody));
            let lines = lens.iter().enumerate();
            let lines: Vec<_> = lines.map(|(nth, &len)| format!("<{nth:0len$}>\n").into_bytes()).collect();
            let mut lost = 0;
            for some in lines.chunks(16) {
                let bytes = some.concat();
                let parts: Vec<_> = bytes.chunks(part.max(bytes.len().div_ceil(MAX_PARTS))).collect();
                lost += writer.write(&parts).lines;
            }
            let text = text.lock().unwrap();
            let mut whole = 0;
            let mut next = 0;
            for line in text.split_inclusive(|&byte| byte == b'\n') {
                // What was torn lacks its end, and no line continues it.
                let found = lines[next..].iter().position(|known| known == line);
                prop_assert_eq!(found.is_some(), line.ends_with(b">\n"));
                prop_assert!(line.iter().filter(|&&byte| byte == b'<').count() <= 1);
                if let Some(found) = found {
                    whole += 1;
                    next += found + 1;
                }
            }
            prop_assert!(whole + lost >= lines.len());
        }
    }

    #[test]
    fn after_an_error_the_next_line_is_tried_and_begins_anew() {
        let text = Arc::<Mutex<Vec<u8>>>::default();
        let mut writer = LineWriter::new(Box::new(Moody {
            // From the last one on.
            takes: vec![0, 2],
            vectored: true,
            text: Arc::clone(&text),
        }));
        let lost = writer.write(&[b"first\nsec", b"ond\nthird\n"]);
        assert_eq!(lost.lines, 1);
        assert_eq!(lost.why.unwrap().kind(), io::ErrorKind::StorageFull);
        assert_eq!(*text.lock().unwrap(), b"fi\nsecond\nthird\n");
    }

    #[test]
    fn what_is_not_flushed_is_lost() {
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
        assert_eq!(writer.write(&[b"a\nb", b"\n"]).lines, 2);
    }
}
