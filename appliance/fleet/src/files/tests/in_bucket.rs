//! Clips that go to a bucket.

use object_store::aws::AmazonS3Builder;

use super::*;
use crate::files::bucket::{Bucket, BucketName, Security};
use crate::store::Receiving;

/// What becomes of a receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life {
    Long,
    /// It dies where it may: the clip is in the bucket, and nobody has noted it.
    EndsBeforeNoting,
}

/// A desk whose clips go to the server's bucket, with a spool of its own.
pub(super) fn desk(place: &Place, server: &s3_server::Server, life: Life) -> FileDesk {
    desk_with(place, builder(server), life)
}

/// What the environment would say of the server.
pub(super) fn builder(server: &s3_server::Server) -> AmazonS3Builder {
    AmazonS3Builder::new()
        .with_endpoint(server.endpoint())
        .with_region("test-1")
        .with_access_key_id(s3_server::KEY)
        .with_secret_access_key(s3_server::SECRET)
}

pub(super) fn desk_with(place: &Place, builder: AmazonS3Builder, life: Life) -> FileDesk {
    let stores = store::open(&place.db, place.runtime.handle()).expect("it opens");
    let name = BucketName::read(&format!("s3://{}", s3_server::BUCKET)).expect("a bucket");
    let runtime = place.runtime.handle().clone();
    let bucket = Bucket::build((builder, Security::Plain), (&name, runtime));
    let bucket = Some(Arc::new(bucket.expect("it needs no server yet")));
    let shelf = Shelf { folder: place.folder().join("spool"), bucket };
    FileDesk::new(Box::new(Mortal { files: stores.files, life }), (shelf, Boxes::All))
}

/// A table of files whose receiver dies once, or not.
struct Mortal {
    files: Box<dyn Files>,
    life: Life,
}

impl Files for Mortal {
    fn read(&mut self, key: &FileKey) -> Result<Option<Receiving>, DeskError> {
        self.files.read(key)
    }

    fn known(&mut self, key: &FileKey) -> Result<Known, DeskError> {
        self.files.known(key)
    }

    fn forget(&mut self, key: &FileKey) -> Result<(), DeskError> {
        self.files.forget(key)
    }

    fn begin(&mut self, key: &FileKey, file: &Receiving, at: WallTime) -> Result<(), DeskError> {
        self.files.begin(key, file, at)
    }

    fn finish(&mut self, key: &FileKey, at: WallTime) -> Result<(), DeskError> {
        match std::mem::replace(&mut self.life, Life::Long) {
            Life::EndsBeforeNoting => Err(DeskError::Ended),
            Life::Long => self.files.finish(key, at),
        }
    }

    fn put_ranges(&mut self, files: &[(&FileKey, &Ranges)]) -> Result<(), DeskError> {
        self.files.put_ranges(files)
    }

    fn put_letter(&mut self, letter: &Letter, at: WallTime) -> Result<u64, DeskError> {
        self.files.put_letter(letter, at)
    }
}

#[test]
fn clip_that_was_put_and_not_noted_is_put_again_in_its_place_and_told_once() {
    let place = Place::sqlite();
    let server = s3_server::Server::start();
    let mut first = desk(&place, &server, Life::EndsBeforeNoting);
    take(&mut first, &[announcement(&record()), segment(0, SIZE)]);
    first.make_durable().expect("synced");
    assert!(first.handle(&[fin()], now(0)).is_err());
    let object = server.object(&format!("demo/box-1/{}.mp4", record().id));
    assert_eq!(fs::read(&object).expect("the clip"), content());
    drop(first);
    let mut second = desk(&place, &server, Life::Long);
    let nothing_missing = (FileStep::Init, FileResponse::PERSISTED, vec![]);
    assert_eq!(take(&mut second, &[announcement(&record())]), [nothing_missing]);
    let outcome = second.handle(&[fin(), fin()], now(0)).expect("stored");
    let codes: Vec<u8> = outcome.replies.iter().map(|reply| read(reply).1).collect();
    assert_eq!((codes, outcome.lines.len()), (vec![0, 0], 1));
    assert_eq!(fs::read(&object).expect("the clip"), content());
    let parts = fs::read_dir(place.folder().join("spool/demo/box-1/.part")).expect("a folder");
    assert_eq!(parts.count(), 0);
}
