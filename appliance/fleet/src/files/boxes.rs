//! Whose files come to this receiver, and where they go.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use wire::topic::{Device, FILE, ROOT};

use super::bucket::Bucket;
use crate::shard::Shard;

/// Where files go.
#[derive(Clone)]
pub(crate) struct Shelf {
    /// Folder of what is being received, and of clips unless there is a bucket.
    pub(crate) folder: PathBuf,
    /// Where clips go once they are whole.
    pub(crate) bucket: Option<Arc<Bucket>>,
}

/// Whose files come here.
pub(crate) enum Boxes {
    /// Those of every box.
    All,
    /// Those of a shard's boxes. Of which there are, `info` tells; the second one is those to which
    /// the connection is subscribed.
    Of(Shard, BTreeSet<Device>),
}

impl Boxes {
    /// A box is there: what to subscribe to for it.
    pub(super) fn hear(&mut self, device: Device) -> Option<String> {
        match self {
            Self::All => None,
            Self::Of(shard, subscribed) => {
                let filter = format!("{ROOT}/{}/{}/{FILE}/#", device.tenant, device.device);
                (shard.owns(&device) && subscribed.insert(device)).then_some(filter)
            }
        }
    }

    /// A new connection has no subscriptions but its first ones.
    pub(super) fn forget(&mut self) {
        match self {
            Self::All => {}
            Self::Of(_, subscribed) => subscribed.clear(),
        }
    }
}
