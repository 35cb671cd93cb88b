use proptest::prelude::*;

use super::*;

/// The definition of RFC 6962, 2.1, word for word.
fn root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => Sha256::digest(b"").into(),
        [leaf] => *leaf,
        _ => {
            let left = leaves.len().next_power_of_two() / 2;
            node(&root(&leaves[..left]), &root(&leaves[left..]))
        }
    }
}

fn leaves(count: u64) -> Vec<Hash> {
    (0..count).map(|n| leaf(&n.to_be_bytes())).collect()
}

fn grown(leaves: &[Hash]) -> Frontier {
    let mut frontier = Frontier::default();
    leaves.iter().for_each(|leaf| frontier.push(*leaf));
    frontier
}

/// A path as it is made: the leaves of one perfect tree pass by, and the others are known by their roots.
fn path(leaves: &[Hash], index: u64) -> Vec<Hash> {
    let whole = grown(leaves);
    let (tree, first, width) = whole.tree_of(index).unwrap();
    let mut builder = PathBuilder::new(index - first);
    leaves.iter().skip(first.try_into().unwrap()).take(width.try_into().unwrap()).for_each(|leaf| builder.push(*leaf));
    let (within, peak) = builder.finish();
    assert_eq!(peak, whole.peaks()[tree]);
    above(&whole, tree, within)
}

#[test]
fn a_growing_tree_has_the_roots_of_the_definition() {
    for count in 0..=70 {
        assert_eq!(grown(&leaves(count)).root(), root(&leaves(count)), "{count} leaves");
    }
}

#[test]
fn roots_are_those_of_others_who_follow_the_definition() {
    // The test vectors of certificate-transparency-go, for trees of 1, 2, 3 and 8 of its leaves.
    let bytes = |digits: &str| crate::hex::decode(digits).unwrap();
    let inputs = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
    let leaves: Vec<_> = inputs.iter().map(|input| leaf(&bytes(input))).collect();
    for (count, root) in [
        (1, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"),
        (2, "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"),
        (3, "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"),
        (8, "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"),
    ] {
        assert_eq!(grown(&leaves[..count]).root().to_vec(), bytes(root), "{count} leaves");
    }
}

#[test]
fn every_leaf_of_every_small_tree_is_proven_at_its_index_and_at_no_other() {
    for count in 1..=70 {
        let leaves = leaves(count);
        let whole = root(&leaves);
        for index in 0..count {
            let (path, leaf) = (path(&leaves, index), leaves[usize::try_from(index).unwrap()]);
            assert_eq!(root_by_path(leaf, index, count, &path), Some(whole), "leaf {index} of {count}");
            for other in (0..count + 2).filter(|other| *other != index) {
                assert_ne!(root_by_path(leaf, other, count, &path), Some(whole), "leaf {index} of {count} as {other}");
            }
            if let Some((_, shorter)) = path.split_last() {
                assert_ne!(root_by_path(leaf, index, count, shorter), Some(whole));
            }
            let longer: Vec<_> = path.iter().copied().chain([[7; 32]]).collect();
            assert_ne!(root_by_path(leaf, index, count, &longer), Some(whole));
        }
    }
}

#[test]
fn the_inside_of_a_tree_is_no_leaf_of_a_smaller_one() {
    // With the same hash for leaves and nodes, a leaf of these 64 bytes would stand where the node above two leaves does.
    let four = leaves(4);
    let forged = leaf(&[four[0], four[1]].concat());
    let sibling = node(&four[2], &four[3]);
    assert_eq!(root_by_path(node(&four[0], &four[1]), 0, 2, &[sibling]), Some(root(&four)));
    assert_ne!(root_by_path(forged, 0, 2, &[sibling]), Some(root(&four)));
}

#[test]
fn a_frontier_has_a_tree_for_each_bit_of_its_size() {
    for count in 0..=70 {
        let grown = grown(&leaves(count));
        assert_eq!(Frontier::of(count, grown.peaks().to_vec()), Some(grown.clone()));
        let more = grown.peaks().iter().copied().chain([[0; 32]]).collect();
        assert_eq!(Frontier::of(count, more), None);
        assert_eq!(grown.tree_of(count), None);
    }
}

proptest! {
    #[test]
    fn whatever_bit_is_flipped_nothing_is_proven(count in 1u64..=70, index in any::<u64>(), place in any::<usize>(), bit in 0usize..256) {
        let (leaves, index) = (leaves(count), index % count);
        let (mut path, mut leaf) = (path(&leaves, index), leaves[usize::try_from(index).unwrap()]);
        let place = place % (path.len() + 1);
        let flipped = path.get_mut(place).unwrap_or(&mut leaf);
        flipped[bit / 8] ^= 1 << (bit % 8);
        prop_assert_ne!(root_by_path(leaf, index, count, &path), Some(root(&leaves)));
    }

    #[test]
    fn a_tree_goes_on_growing_from_its_frontier(count in 0u64..70, more in 0u64..70) {
        let leaves = leaves(count + more);
        let (before, after) = leaves.split_at(count.try_into().unwrap());
        let mut frontier = Frontier::of(count, grown(before).peaks().to_vec()).unwrap();
        after.iter().for_each(|leaf| frontier.push(*leaf));
        prop_assert_eq!(frontier.root(), root(&leaves));
    }
}
