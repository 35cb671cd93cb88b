//! The hash tree of RFC 6962 (and 9162) over the events of a log: it grows at its right edge, and its root commits to every leaf, so
//! that one can be shown to be among them by a path of hashes as long as the tree is high.
//!
//! What is hashed begins with 0 for a leaf and 1 for a node above two: without that, the hashes of two nodes could be passed off as a
//! leaf, and the other way round.

use sha2::{Digest as _, Sha256};

use crate::recorded::Hash;

const LEAF: [u8; 1] = [0];
const NODE: [u8; 1] = [1];

/// The hash of a leaf of these bytes.
#[must_use]
pub fn leaf(bytes: &[u8]) -> Hash {
    Sha256::new().chain_update(LEAF).chain_update(bytes).finalize().into()
}

/// The hash of the node above two others.
#[must_use]
pub fn node(left: &Hash, right: &Hash) -> Hash {
    Sha256::new().chain_update(NODE).chain_update(left).chain_update(right).finalize().into()
}

/// The root of a tree of these perfect trees, highest first.
fn fold(peaks: &[Hash]) -> Hash {
    let folded = peaks.iter().rev().copied().reduce(|right, left| node(&left, &right));
    folded.unwrap_or_else(|| Sha256::new().finalize().into())
}

/// All of a tree that it takes to let it grow: the roots of the perfect trees it is made of, highest first, one for each bit of its
/// size. A few hashes, whatever the size.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    peaks: Vec<Hash>,
}

impl Frontier {
    /// The frontier of a tree of so many leaves; nothing if a tree of this size has not as many perfect trees.
    #[must_use]
    pub fn of(size: u64, peaks: Vec<Hash>) -> Option<Self> {
        (usize::try_from(size.count_ones()) == Ok(peaks.len())).then_some(Self { size, peaks })
    }

    /// How many leaves there are.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The roots of the perfect trees, highest first.
    #[must_use]
    pub fn peaks(&self) -> &[Hash] {
        &self.peaks
    }

    /// What commits to every leaf.
    #[must_use]
    pub fn root(&self) -> Hash {
        fold(&self.peaks)
    }

    /// Lets the tree grow by a leaf.
    pub fn push(&mut self, leaf: Hash) {
        let mut right = leaf;
        for _ in 0..self.size.trailing_ones() {
            let left = self.peaks.pop().expect("a perfect tree for each bit of the size");
            right = node(&left, &right);
        }
        self.peaks.push(right);
        self.size += 1;
    }

    /// The perfect tree that the leaf of this index is in: which one it is, its first leaf, and how many it has.
    #[must_use]
    pub fn tree_of(&self, index: u64) -> Option<(usize, u64, u64)> {
        let mut first = 0;
        let widths = (0..u64::BITS).rev().map(|bit| 1 << bit).filter(|width| self.size & width != 0);
        for (n, width) in widths.enumerate() {
            if index < first + width {
                return Some((n, first, width));
            }
            first += width;
        }
        None
    }
}

/// Gathers the path from one leaf of a perfect tree up to its root, while all its leaves pass by; keeps a few of them.
#[derive(Debug)]
pub struct PathBuilder {
    /// Counted from the first leaf of the tree, like everything here.
    index: u64,
    tree: Frontier,
    path: Vec<Hash>,
}

impl PathBuilder {
    /// For the leaf of this index.
    #[must_use]
    pub fn new(index: u64) -> Self {
        Self { index, tree: Frontier::default(), path: Vec::new() }
    }

    /// Takes the next leaf.
    pub fn push(&mut self, leaf: Hash) {
        let mut right = leaf;
        for level in 0..self.tree.size.trailing_ones() {
            let left = self.tree.peaks.pop().expect("a perfect tree for each bit of the size");
            // Both are as wide as 2^level; the left one's number among those tells where the leaf is.
            let number = (self.tree.size >> level) - 1;
            if self.index >> level == number {
                self.path.push(right);
            } else if self.index >> level == number + 1 {
                self.path.push(left);
            }
            right = node(&left, &right);
        }
        self.tree.peaks.push(right);
        self.tree.size += 1;
    }

    /// The path within this perfect tree, and its root.
    #[must_use]
    pub fn finish(self) -> (Vec<Hash>, Hash) {
        (self.path, self.tree.root())
    }
}

/// Goes on with a path that has come to the root of one perfect tree, up to the root of the whole.
#[must_use]
pub fn above(whole: &Frontier, tree: usize, mut path: Vec<Hash>) -> Vec<Hash> {
    if let Some(right) = whole.peaks.get(tree + 1..).filter(|right| !right.is_empty()) {
        path.push(fold(right));
    }
    path.extend(whole.peaks[..tree].iter().rev());
    path
}

/// The root of the tree of this size that has this leaf at this index, as its path says (RFC 9162, 2.1.3.2). Nothing if no tree of this
/// size has such a path.
#[must_use]
pub fn root_by_path(leaf: Hash, index: u64, size: u64, path: &[Hash]) -> Option<Hash> {
    if index >= size {
        return None;
    }
    let (mut number, mut last) = (index, size - 1);
    let mut root = leaf;
    for sibling in path {
        if last == 0 {
            return None;
        }
        if number & 1 == 1 || number == last {
            root = node(sibling, &root);
            // A node without a neighbour stands for itself on the levels above.
            let alone = number.trailing_zeros();
            (number, last) = (number >> alone, last >> alone);
        } else {
            root = node(&root, sibling);
        }
        (number, last) = (number >> 1, last >> 1);
    }
    (last == 0).then_some(root)
}

#[cfg(test)]
mod tests;
