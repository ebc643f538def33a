//! Who owns which row: one to five credentials for each user, found without making the rows before.

use uuid::{Builder, Uuid};

use crate::stream::Stream;

/// Rows are dealt out to users in blocks, so that the owner of any row is known from its block alone.
const BLOCK: u64 = 64;

/// How many credentials a user has. A user at the end of a block may get fewer.
const CREDENTIALS: &[(u32, u32)] = &[(62, 1), (24, 2), (9, 3), (4, 4), (1, 5)];

/// Vendor ids have 19 digits. This factor has no divisor in common with 10^18, so no two users get the same.
const FACTOR: u128 = 618_033_988_749_894_847;
const SPAN: u128 = 1_000_000_000_000_000_000;

/// A user of the simulated vendor.
pub(super) struct User {
    pub(super) user_id: String,
    pub(super) uuid: Uuid,
}

impl User {
    fn new(seed: u64, number: u64) -> Self {
        let offset = u64::from_be_bytes(Stream::new("users", &[&seed.to_be_bytes()]).array());
        let digits = 4 * SPAN + (u128::from(number) * FACTOR + u128::from(offset)) % SPAN;
        let random = Stream::new("user", &[&seed.to_be_bytes(), &number.to_be_bytes()]).array();
        Self { user_id: format!("usr-{digits}"), uuid: Builder::from_random_bytes(random).into_uuid() }
    }

    pub(super) fn external_user_id(&self) -> String {
        self.uuid.to_string()
    }
}

/// Finds the owners of rows; keeps the current block, so going through the rows in order is cheap.
pub(super) struct Users {
    seed: u64,
    block: Option<u64>,
    owners: Vec<u64>,
}

impl Users {
    pub(super) fn new(seed: u64) -> Self {
        Self { seed, block: None, owners: Vec::new() }
    }

    pub(super) fn owner(&mut self, row: u64) -> User {
        let block = row / BLOCK;
        if self.block != Some(block) {
            self.owners = deal(self.seed, block);
            self.block = Some(block);
        }
        let place = usize::try_from(row % BLOCK).unwrap_or_default();
        User::new(self.seed, self.owners[place])
    }
}

/// The number of the owner of each row of a block, mixed so that the rows of one user do not stand together.
fn deal(seed: u64, block: u64) -> Vec<u64> {
    let mut stream = Stream::new("block", &[&seed.to_be_bytes(), &block.to_be_bytes()]);
    let mut owners = Vec::new();
    // There are never more users than rows, so the numbers of the next block begin after this one's.
    for user in block * BLOCK..(block + 1) * BLOCK {
        for _ in 0..*stream.pick(CREDENTIALS) {
            owners.push(user);
        }
    }
    owners.truncate(usize::try_from(BLOCK).unwrap_or_default());
    let mut unmixed = u32::try_from(owners.len()).unwrap_or_default();
    while unmixed > 1 {
        let chosen = usize::try_from(stream.below(unmixed)).unwrap_or_default();
        unmixed -= 1;
        owners.swap(chosen, usize::try_from(unmixed).unwrap_or_default());
    }
    owners
}
