//! Parts of a clip that go by HTTP to links of the receiver, at the pace of everything else.

use hal::Clock;
use outbox::{LinkEnd, Sent, Taken};
use wire::time::Monotonic;
use wire::transfer::{FileResponse, FileStep, FileWay};

use super::put::{Put, PutEvent};
use super::{Courier, Job};
use crate::uplink::Way;

impl Job {
    /// Remembers where the receiver wants the bytes that go next; whether a link that was asked for
    /// is missing.
    fn take_link(&mut self, answer: &FileResponse) -> bool {
        self.link = answer.link.as_ref().map(ToString::to_string);
        let asked = self.upload.way() == FileWay::Links && answer.step == FileStep::Init;
        let is_missing = asked && self.link.is_none() && !answer.missing.is_empty();
        if is_missing {
            let clip = self.clip.record.id;
            tracing::warn!(%clip, "the receiver gives no links; this clip goes through the broker");
        }
        is_missing
    }
}

impl<C: Clock> Courier<C> {
    /// The receiver's answer about a clip; a late one for a clip that is settled counts for nothing.
    pub(super) fn handle_answer(&mut self, now: Monotonic, answer: &FileResponse) {
        let Some(job) = &mut self.job else { return };
        if job.clip.record.id != answer.file {
            return;
        }
        let text = answer.reason_description.as_str();
        tracing::debug!(clip = %answer.file, step = ?answer.step, text, "answered");
        faults::mark("upload.answer.before");
        if job.take_link(answer) {
            self.links.stats.update(|stats| stats.links_failed += 1);
        }
        job.upload.handle_response(now, answer);
    }

    /// Opens the request for the next `length` bytes.
    pub(super) fn open_put(&mut self, length: u64) {
        let Way::Links(trust) = &self.config.way else { return };
        let Some(job) = &mut self.job else { return };
        let Some(link) = job.link.take() else { return };
        job.put = Some(Put::open(&link, length, (trust, self.config.terms.window)));
    }

    pub(super) fn handle_put(&mut self, now: Monotonic, event: PutEvent) {
        let Some(job) = &mut self.job else { return };
        match event {
            PutEvent::Taken(sent) => {
                if let Sent::Segment { offset, .. } = sent {
                    self.pacer.handle_answered(now, offset);
                }
                job.upload.handle_puback(now, sent, Taken::Accepted);
            }
            PutEvent::Ended(Ok(())) => {
                job.put = None;
                job.upload.handle_link_end(now, LinkEnd::Stored);
            }
            PutEvent::Ended(Err(error)) => {
                job.upload.handle_link_end(now, LinkEnd::Failed);
                self.end_put(&error.to_string());
            }
        }
    }

    /// Ends the upload here. Of a request that ends with it no segment is answered any more: the
    /// pacer would wait for them for ever.
    pub(super) fn take_job(&mut self) -> Option<Job> {
        let job = self.job.take()?;
        if job.put.is_some() {
            self.pacer.handle_disconnected();
        }
        Some(job)
    }

    pub(super) fn hang_up_put(&mut self) {
        self.end_put("its server took or answered nothing any more");
    }

    fn end_put(&mut self, reason: &str) {
        self.pacer.handle_disconnected();
        self.links.stats.update(|stats| stats.links_failed += 1);
        let Some(job) = &mut self.job else { return };
        job.put = None;
        let clip = job.clip.record.id;
        match job.upload.way() {
            FileWay::Links => tracing::warn!(%clip, reason, "a part was not put; asked again"),
            FileWay::Segments => {
                tracing::warn!(%clip, reason, "no link works; this clip goes through the broker");
            }
        }
    }
}

/// The next event of the request that is open; never, without one. Cancel-safe.
pub(super) async fn next_event(job: &mut Option<Job>) -> PutEvent {
    match job.as_mut().and_then(|job| job.put.as_mut()) {
        Some(put) => put.next().await,
        None => std::future::pending().await,
    }
}
