//! Buffers for making records.

use std::cell::Cell;

/// Bytes that are kept of each buffer for the next record.
const MAX_KEPT: usize = 16 * 1024;

/// Buffers that the records of one worker are made in, one after the other.
#[derive(Default)]
pub(crate) struct Scratch {
    /// The contents of the two bodies.
    contents: Cell<[String; 2]>,
}

impl Scratch {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Takes the buffers, which are empty. Somebody who comes again before they are [put back](Self::put_contents)
    /// gets new ones.
    pub(crate) fn take_contents(&self) -> [String; 2] {
        self.contents.take()
    }

    /// Puts buffers back, without what is in them.
    pub(crate) fn put_contents(&self, contents: [String; 2]) {
        self.contents.set(contents.map(|mut buffer| {
            if buffer.capacity() > MAX_KEPT {
                return String::new();
            }
            buffer.clear();
            buffer
        }));
    }
}
