//! Unpacks on a thread of its own, a few blocks ahead of who reads them.

use std::{
    io::{self, Read},
    mem,
    sync::mpsc::{Receiver, Sender, channel, sync_channel},
    thread,
};

const BLOCK: usize = 1 << 18;
/// Blocks that wait at most: enough to smooth out both sides, and 1 MiB of memory.
const AHEAD: usize = 4;

/// A reader whose work is done on another thread.
///
/// When it is dropped early the thread ends with its next block.
pub(crate) struct ReadAhead {
    blocks: Receiver<io::Result<Vec<u8>>>,
    /// Blocks that were read, to be filled again: a new one must be zeroed first.
    used: Sender<Vec<u8>>,
    block: Vec<u8>,
    served: usize,
}

impl ReadAhead {
    pub(crate) fn new(mut reader: impl Read + Send + 'static) -> Self {
        let (sender, blocks) = sync_channel(AHEAD);
        let (used, empty) = channel();
        thread::spawn(move || {
            loop {
                let block = read_block(&mut reader, empty.try_recv().unwrap_or_default());
                let is_last = !matches!(&block, Ok(block) if !block.is_empty());
                if sender.send(block).is_err() || is_last {
                    return;
                }
            }
        });
        Self { blocks, used, block: Vec::new(), served: 0 }
    }
}

impl Read for ReadAhead {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.served == self.block.len() {
            // An end that nobody announced is a thread that died: never take it for the end of the file.
            let died = |_| Err(io::Error::other("the reading thread ended early"));
            let block = self.blocks.recv().unwrap_or_else(died)?;
            let used = mem::replace(&mut self.block, block);
            self.served = 0;
            if !used.is_empty() {
                let _ = self.used.send(used); // the thread may have read everything
            }
        }
        let rest = &self.block[self.served..];
        let length = rest.len().min(out.len());
        out[..length].copy_from_slice(&rest[..length]);
        self.served += length;
        Ok(length)
    }
}

/// Fills a block; an empty one is the end.
fn read_block(reader: &mut impl Read, mut block: Vec<u8>) -> io::Result<Vec<u8>> {
    block.resize(BLOCK, 0);
    let mut filled = 0;
    while filled < BLOCK {
        match reader.read(&mut block[filled..]) {
            Ok(0) => break,
            Ok(length) => filled += length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    block.truncate(filled);
    Ok(block)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_comes_in_order_and_errors_too() {
        let bytes: Vec<u8> = (0..=255).cycle().take(3 * BLOCK + 17).collect();
        let mut out = Vec::new();
        ReadAhead::new(io::Cursor::new(bytes.clone())).read_to_end(&mut out).unwrap();
        assert_eq!(out, bytes);
        struct Fails;
        impl Read for Fails {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("broken"))
            }
        }
        assert_eq!(ReadAhead::new(Fails).read_to_end(&mut out).unwrap_err().to_string(), "broken");
        drop(ReadAhead::new(io::repeat(0)));
    }
}
