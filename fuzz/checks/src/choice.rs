//! Choices that belong to an input without a place in it, so that a corpus can be ordinary files.

/// Returns a number that the bytes determine (FNV-1a, 64 bits).
pub(crate) fn choice(bytes: &[u8], below: usize) -> usize {
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    // The low bits of FNV depend on few bits of the input.
    usize::try_from((hash ^ (hash >> 32)) & 0x7fff_ffff).unwrap_or_default() % below.max(1)
}
