//! Clips that boxes put into the bucket themselves, by signed links: no segment of them comes
//! through the broker, and nothing of them lies on a receiver's disk.
//!
//! ```text
//! box                                             receiver              bucket
//! init, way = links                            →  begins an upload   →
//!      ← missing ranges, link to the first one     lists its parts
//! PUT of that range                            ───────────────────────→
//! init, again and again, until nothing is missing
//! fin                                          →  sidecar, completes →
//!      ← stored and verified                       reads it back once ←
//! ```
//!
//! The ledger has the upload's id before a box gets a link, and that the clip is stored before a
//! box hears so. A receiver that is killed between completing and noting finds no upload any more,
//! but the clip under its key, and verifies it then. Any receiver goes on where another one stopped.

use std::sync::Arc;

use wire::transfer::{FileInit, FileResponse, FileWay};

use super::answer::{AWAY, Answer, Link};
use super::bucket::Bucket;
use super::bucket::upload::{self, BucketError, Object, Progress};
use super::{FileDesk, away};
use crate::desk::{DeskError, Now, Outcome};
use crate::store::{FileKey, Gathered, Receiving};

/// Why there is no answer. The bucket's trouble is the box's to wait for, and never the desk's: it
/// must not hold up those who send segments.
enum Trouble {
    Bucket(BucketError),
    Desk(DeskError),
}

impl From<BucketError> for Trouble {
    fn from(error: BucketError) -> Self {
        Self::Bucket(error)
    }
}

impl From<DeskError> for Trouble {
    fn from(error: DeskError) -> Self {
        Self::Desk(error)
    }
}

impl FileDesk {
    /// The announcement of a file that its box would put into the bucket; `None` if its bytes are
    /// to come as segments.
    pub(super) fn announce_links(
        &mut self,
        key: &FileKey,
        init: &FileInit,
        (now, outcome): (Now, &mut Outcome),
    ) -> Result<Option<Answer>, DeskError> {
        let Some(bucket) = self.shelf.bucket.clone() else { return Ok(None) };
        let announced = self.announce((&bucket, key), init, (now, &mut *outcome));
        settle(key, announced, outcome)
    }

    /// The end of such a file; `None` if this is none.
    pub(super) fn end_links(
        &mut self,
        key: &FileKey,
        (size, sha256): (u64, &str),
        (now, outcome): (Now, &mut Outcome),
    ) -> Result<Option<Answer>, DeskError> {
        let Some(bucket) = self.shelf.bucket.clone() else { return Ok(None) };
        let Some((init, upload)) = self.upload(key)? else { return Ok(None) };
        if init.size != size || init.checksum.as_str() != sha256 {
            return Ok(Some(Answer::cancel("the end contradicts the announcement")));
        }
        let ended = self.end((&bucket, key), (init, upload), (now, &mut *outcome));
        settle(key, ended.map(Some), outcome)
    }

    /// Takes away what the bucket has of an upload, if there is one.
    pub(super) fn give_up_upload(&mut self, key: &FileKey) -> Result<(), DeskError> {
        let Some(bucket) = self.shelf.bucket.clone() else { return Ok(()) };
        let Some((_, upload)) = self.upload(key)? else { return Ok(()) };
        if let Err(error) = bucket.give_up(key, &upload) {
            tracing::warn!(%error, file = %key.1, "an upload is left in the bucket; its lifecycle rule takes it away");
        }
        Ok(())
    }

    fn announce(
        &mut self,
        (bucket, key): (&Arc<Bucket>, &FileKey),
        init: &FileInit,
        (now, outcome): (Now, &mut Outcome),
    ) -> Result<Option<Answer>, Trouble> {
        if init.way == FileWay::Segments || !upload::fits(init.size) {
            if self.upload(key)?.is_some() {
                self.abort(key)?;
            }
            return Ok(None);
        }
        if is_away(outcome) {
            return Ok(Some(Answer::pause(AWAY)));
        }
        let upload = match self.ledger.read(key)? {
            Some(Receiving { init: other, .. }) if other != *init => {
                self.abort(key)?;
                None
            }
            // There was no link when it was announced first: it goes on as it began.
            Some(Receiving { gathered: Gathered::Part(_), .. }) => return Ok(None),
            Some(Receiving { gathered: Gathered::Upload(upload), .. }) => Some(upload),
            None => None,
        };
        let Some(upload) = upload else {
            return self.begin_links((bucket, key), init, (now, outcome));
        };
        match bucket.progress(key, (&upload, init.size))? {
            Progress::Missing(missing) => self.link((bucket, key), (&upload, missing), outcome),
            Progress::Whole(_) => {
                Ok(Some(Answer::new(FileResponse::PERSISTED, "all of it is there")))
            }
            Progress::Ended => match bucket.verify(&key.0, &init.user_data)? {
                Object::Right => {
                    let whole = (init.user_data.clone(), bucket.address(key).into());
                    Ok(Some(self.finish(key, whole, (now, outcome))?))
                }
                Object::Wrong => {
                    self.refuse((bucket, key))?;
                    self.begin_links((bucket, key), init, (now, outcome))
                }
                Object::Absent => self.begin_links((bucket, key), init, (now, outcome)),
            },
        }
    }

    fn end(
        &mut self,
        (bucket, key): (&Arc<Bucket>, &FileKey),
        (init, upload): (FileInit, String),
        (now, outcome): (Now, &mut Outcome),
    ) -> Result<Answer, Trouble> {
        if is_away(outcome) {
            return Ok(Answer::pause(AWAY));
        }
        let record = init.user_data;
        let object = match bucket.progress(key, (&upload, init.size))? {
            Progress::Missing(missing) => {
                let again = Answer::new(FileResponse::RESEND_MISSING, "bytes are missing");
                return Ok(again.missing(missing));
            }
            Progress::Whole(parts) => bucket.complete(&key.0, (&record, upload, parts))?,
            Progress::Ended => bucket.verify(&key.0, &record)?,
        };
        match object {
            Object::Right => {
                let whole = (record, bucket.address(key).into());
                Ok(self.finish(key, whole, (now, outcome))?)
            }
            Object::Wrong => {
                self.refuse((bucket, key))?;
                Ok(Answer::new(FileResponse::RESEND_ALL, "the SHA-256 is wrong"))
            }
            Object::Absent => {
                tracing::warn!(file = %key.1, "the bucket has nothing of a clip any more; its box puts it again");
                self.ledger.forget(key)?;
                Ok(Answer::new(FileResponse::RESEND_ALL, "the upload is gone"))
            }
        }
    }

    /// Begins an upload. Whoever dies before the ledger knows of it leaves it to the bucket's
    /// lifecycle rule.
    fn begin_links(
        &mut self,
        (bucket, key): (&Arc<Bucket>, &FileKey),
        init: &FileInit,
        (now, outcome): (Now, &mut Outcome),
    ) -> Result<Option<Answer>, Trouble> {
        let upload = bucket.begin(key)?;
        let gathered = Gathered::Upload(upload.clone());
        let file = Receiving { init: init.clone(), gathered };
        if let Err(error) = self.ledger.begin(key, &file, now.wall) {
            // It is tried again every second, and would leave one each time.
            let _gone = bucket.give_up(key, &upload);
            return Err(error.into());
        }
        self.link((bucket, key), (&upload, upload::ranges(init.size)), outcome)
    }

    /// A link to the first range; `None` if the protocol does not hold it.
    fn link(
        &mut self,
        (bucket, key): (&Arc<Bucket>, &FileKey),
        (upload, missing): (&str, Vec<(u64, u64)>),
        outcome: &mut Outcome,
    ) -> Result<Option<Answer>, Trouble> {
        let start = missing.first().map_or(0, |(start, _)| *start);
        let link = bucket.link(key, (upload, start))?;
        let Ok(link) = Link::try_from(link.as_str()) else {
            tracing::error!(bytes = link.len(), file = %key.1, "a link to the bucket is too long for an answer; the clip comes as segments");
            self.abort(key)?;
            return Ok(None);
        };
        outcome.tally.links += 1;
        let answer = Answer::new(FileResponse::PERSISTED, "put the first range to the link");
        Ok(Some(answer.missing(missing).link(link)))
    }

    /// What is under the clip's key is not the clip: away with it.
    fn refuse(&mut self, (bucket, key): (&Arc<Bucket>, &FileKey)) -> Result<(), Trouble> {
        tracing::error!(file = %key.1, "the SHA-256 is wrong; the whole file is asked for again");
        bucket.remove(key)?;
        Ok(self.ledger.forget(key)?)
    }

    /// The announcement and the upload's id of a file that its box puts into the bucket.
    fn upload(&mut self, key: &FileKey) -> Result<Option<(FileInit, String)>, DeskError> {
        Ok(match self.ledger.read(key)? {
            Some(Receiving { init, gathered: Gathered::Upload(upload) }) => Some((init, upload)),
            Some(Receiving { gathered: Gathered::Part(_), .. }) | None => None,
        })
    }
}

/// One message of a batch waits for a bucket that does not answer, and the others are answered by
/// what it found: the desk answers nobody meanwhile.
const fn is_away(outcome: &Outcome) -> bool {
    outcome.tally.bucket_errors > 0
}

/// The box waits when the bucket is away.
fn settle(
    key: &FileKey,
    answer: Result<Option<Answer>, Trouble>,
    outcome: &mut Outcome,
) -> Result<Option<Answer>, DeskError> {
    match answer {
        Ok(answer) => Ok(answer),
        Err(Trouble::Desk(error)) => Err(error),
        Err(Trouble::Bucket(error)) => Ok(Some(away(key, &error, outcome))),
    }
}
