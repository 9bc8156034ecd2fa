//! Every point, in the order in which a message or a clip passes them.

/// Whose point it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Program {
    /// The box.
    Box,
    /// The receiver.
    Receiver,
}

/// What can happen at a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The program may end, or the disk fail.
    Disk,
    /// The program may end.
    Moment,
}

/// A point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point {
    /// Whose it is.
    pub program: Program,
    /// As the code names it.
    pub name: &'static str,
    /// What can happen.
    pub kind: Kind,
}

const fn disk(program: Program, name: &'static str) -> Point {
    Point { program, name, kind: Kind::Disk }
}

const fn moment(program: Program, name: &'static str) -> Point {
    Point { program, name, kind: Kind::Moment }
}

use Program::{Box, Receiver};

/// Every point of the box and the receiver.
pub const POINTS: &[Point] = &[
    // The store.
    disk(Box, "store.write.before"),
    disk(Box, "store.commit.before"),
    moment(Box, "store.commit.after"),
    moment(Box, "store.told"),
    moment(Box, "store.opened"),
    // A clip's file, its row, its removal.
    disk(Box, "clip.create.before"),
    disk(Box, "clip.write.before"),
    disk(Box, "clip.fsync.before"),
    disk(Box, "clip.rename.before"),
    disk(Box, "clip.rename.after"),
    moment(Box, "clip.fsync.after"),
    moment(Box, "clip.settle.before"),
    moment(Box, "clip.settle.after"),
    moment(Box, "clip.offer.after"),
    moment(Box, "clip.release.before"),
    moment(Box, "clip.release.after"),
    disk(Box, "clip.remove.before"),
    moment(Box, "clip.remove.after"),
    // Messages and segments out, acknowledgements and answers in.
    moment(Box, "uplink.publish.before"),
    moment(Box, "uplink.publish.after"),
    moment(Box, "uplink.birth.after"),
    moment(Box, "uplink.ack.before"),
    moment(Box, "uplink.ack.after"),
    moment(Box, "upload.publish.before"),
    moment(Box, "upload.publish.after"),
    moment(Box, "upload.answer.before"),
    // The receiver's messages.
    disk(Receiver, "fleet.event.before"),
    disk(Receiver, "fleet.commit.before"),
    moment(Receiver, "fleet.commit.after"),
    // Its clips.
    disk(Receiver, "fleet.file.begin.before"),
    disk(Receiver, "fleet.file.begin.after"),
    disk(Receiver, "fleet.file.write.before"),
    moment(Receiver, "fleet.file.write.after"),
    disk(Receiver, "fleet.file.fsync.before"),
    moment(Receiver, "fleet.file.fsync.after"),
    disk(Receiver, "fleet.ranges.commit.before"),
    moment(Receiver, "fleet.ranges.commit.after"),
    disk(Receiver, "fleet.seal.fsync.before"),
    disk(Receiver, "fleet.sidecar.rename.before"),
    disk(Receiver, "fleet.sidecar.rename.after"),
    disk(Receiver, "fleet.seal.rename.before"),
    disk(Receiver, "fleet.seal.rename.after"),
    disk(Receiver, "fleet.finish.before"),
    moment(Receiver, "fleet.finish.after"),
    // What it answers: acknowledgements and file responses.
    moment(Receiver, "fleet.reply.before"),
    moment(Receiver, "fleet.reply.after"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_point_is_listed_twice() {
        let mut names: Vec<&str> = POINTS.iter().map(|point| point.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), POINTS.len());
    }
}
