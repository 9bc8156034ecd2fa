//! The messages of an upload: its announcement, its segments and its end.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use hal::Clock;
use mqtt::{Encoding, Message, Retain};
use outbox::{Sent, Taken};
use wire::topic::FilePart;
use wire::transfer::FileInit;

use super::{Courier, disk};
use crate::uplink::letters;

impl<C: Clock> Courier<C> {
    /// Publishes a message of the upload, or gives its bytes to the request that is open.
    pub(super) async fn send(&mut self, sent: Sent) -> io::Result<()> {
        let (Some(job), Some(connection)) = (&mut self.job, self.line.up()) else {
            return Ok(());
        };
        let record = &job.clip.record;
        let (part, payload, encoding) = match sent {
            Sent::Init => {
                let name = job.clip.path.file_name().unwrap_or_default().to_string_lossy();
                let init = FileInit {
                    name: name.chars().filter(char::is_ascii).take(80).collect(),
                    size: record.bytes,
                    checksum: record.sha256.clone(),
                    user_data: record.clone(),
                    way: job.upload.way(),
                };
                (FilePart::Init, letters::json(&init), Encoding::Json)
            }
            Sent::Segment { offset, length } => {
                let bytes = disk::read(Arc::clone(&job.file), offset, length).await?;
                if let Some(put) = &mut job.put {
                    put.give(sent, bytes);
                    self.budget.spend(self.clock.wall_time(), length.into());
                    return Ok(());
                }
                (FilePart::Segment(offset), bytes, Encoding::Octets)
            }
            Sent::Fin => {
                let fin = FilePart::Fin(record.bytes, record.sha256.clone());
                (fin, Bytes::new(), Encoding::Octets)
            }
        };
        let topic = self.config.device.file(record.id, &part).as_str().to_owned();
        let message = Message { topic, payload, encoding, retain: Retain::No };
        faults::mark("upload.publish.before");
        let published = connection.publish(sent, message);
        if let Err(error) = &published {
            tracing::warn!(%error, ?sent, clip = %record.id, "not published; asked again later");
            job.upload.handle_puback(self.clock.now(), sent, Taken::NoReceiver);
        }
        faults::mark("upload.publish.after");
        if let (Ok(()), Sent::Segment { length, .. }) = (published, sent) {
            self.budget.spend(self.clock.wall_time(), length.into());
        }
        Ok(())
    }
}
