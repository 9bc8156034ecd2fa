//! Which of several receivers takes the clips of a box.
//!
//! Pure. Segments of one file must come to one receiver, and a topic filter cannot calculate, so
//! each receiver subscribes to the boxes that are its own. Rendezvous hashing: one receiver more
//! moves only the boxes that become its own.

use sha2::{Digest, Sha256};
use wire::topic::Device;

/// One receiver among several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shard {
    /// Below `count`.
    pub(crate) index: u32,
    pub(crate) count: u32,
}

impl Shard {
    /// Whether the clips of this box are its own. Exactly one of `count` says yes.
    pub(crate) fn owns(self, device: &Device) -> bool {
        let best = (0..self.count).max_by_key(|index| (weight(device, *index), *index));
        best == Some(self.index)
    }
}

/// Stays as it is: two versions that disagree would both take a box, or none.
fn weight(device: &Device, index: u32) -> u64 {
    let digest = Sha256::new()
        .chain_update(device.tenant.as_str())
        .chain_update("/")
        .chain_update(device.device.as_str())
        .chain_update("/")
        .chain_update(index.to_be_bytes())
        .finalize();
    digest.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn devices() -> Vec<Device> {
        let name = |text: String| text.parse().expect("a name");
        (0..1_000)
            .map(|n| Device {
                tenant: name(format!("t-{}", n % 7)),
                device: name(format!("c-{n}")),
            })
            .collect()
    }

    fn owner(device: &Device, count: u32) -> u32 {
        let owners: Vec<u32> =
            (0..count).filter(|index| Shard { index: *index, count }.owns(device)).collect();
        assert_eq!(owners.len(), 1, "{device:?} belongs to {owners:?} of {count}");
        owners[0]
    }

    #[test]
    fn every_box_belongs_to_exactly_one_receiver_and_they_share_evenly() {
        for count in [1, 2, 3, 8] {
            let mut boxes = vec![0; count as usize];
            for device in devices() {
                boxes[owner(&device, count) as usize] += 1;
            }
            let fair = 1_000 / count;
            let even = boxes.iter().all(|n| *n > fair * 8 / 10 && *n < fair * 12 / 10 + 1);
            assert!(even, "{boxes:?}");
        }
    }

    #[test]
    fn one_receiver_more_takes_boxes_and_moves_none_between_the_others() {
        for device in devices() {
            let (before, after) = (owner(&device, 3), owner(&device, 4));
            assert!(after == before || after == 3, "{device:?}");
        }
    }

    #[test]
    fn owner_of_a_box_is_the_same_in_every_version() {
        let owners: Vec<u32> = devices().iter().take(12).map(|device| owner(device, 5)).collect();
        assert_eq!(owners, [3, 2, 2, 4, 0, 0, 4, 1, 3, 2, 4, 4]);
    }
}
