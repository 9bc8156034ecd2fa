//! What a box tells of itself, shared by several that wait for something in it at the same time.
//!
//! Owns the newest telemetry with the moment of its arrival, and every notice so far.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use wire::envelope::{Body, Notice};
use wire::time::WallTime;

use crate::clock::wall;
use crate::observer::{Heard, Observer};

/// One message of counters.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// When it came.
    pub at: WallTime,
    /// What it said.
    pub json: Value,
}

/// See the module.
#[derive(Debug)]
pub struct Vitals {
    newest: watch::Receiver<Told>,
    timelines: Arc<Mutex<Vec<Value>>>,
    notices: Arc<Mutex<Vec<Notice>>>,
    /// Resident memory by message, in bytes.
    memory: Arc<Mutex<Vec<u64>>>,
    listening: JoinHandle<()>,
}

/// Timelines that are kept: the newest ones.
const TIMELINES_MAX: usize = 64;

impl Vitals {
    /// Listens to a box from now on.
    pub fn listen(mut observer: Observer) -> Self {
        let (sender, newest) = watch::channel(Told::default());
        let (timelines, notices) = (Arc::<Mutex<Vec<Value>>>::default(), Arc::default());
        let (told, noticed) = (Arc::clone(&timelines), Arc::<Mutex<Vec<Notice>>>::clone(&notices));
        let memory = Arc::<Mutex<Vec<u64>>>::default();
        let weighed = Arc::clone(&memory);
        let listening = tokio::spawn(async move {
            while let Some(heard) = observer.next().await {
                match heard {
                    Heard::Telemetry(group, json) if group == "pipeline" => {
                        let bytes = json["rss_bytes"].as_u64().unwrap_or_default();
                        weighed.lock().unwrap_or_else(PoisonError::into_inner).push(bytes);
                        sender.send_replace(Told { at: wall(), json });
                    }
                    Heard::Telemetry(group, json) if group == "timeline" => {
                        let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
                        if told.len() == TIMELINES_MAX {
                            told.remove(0);
                        }
                        told.push(json);
                    }
                    Heard::Message(envelope, _) => {
                        if let Body::Notice(notice) = envelope.body {
                            noticed.lock().unwrap_or_else(PoisonError::into_inner).push(notice);
                        }
                    }
                    Heard::Telemetry(..)
                    | Heard::Upload(..)
                    | Heard::Ack(_)
                    | Heard::Nonsense(_) => {}
                }
            }
        });
        Self { newest, timelines, notices, memory, listening }
    }

    /// The newest message of counters.
    pub fn newest(&self) -> Told {
        self.newest.borrow().clone()
    }

    /// The next message of counters; cancel-safe.
    ///
    /// # Errors
    /// None comes: the box or the broker is gone.
    pub async fn next(&self) -> Result<Told> {
        let mut newest = self.newest.clone();
        newest.mark_unchanged();
        let changed = tokio::time::timeout(Duration::from_secs(20), newest.changed()).await;
        changed.context("the box tells nothing any more")?.context("nobody listens any more")?;
        Ok(newest.borrow().clone())
    }

    /// What was told last of a source's clock.
    pub fn timeline(&self, source: &str) -> Option<Value> {
        let told = self.timelines.lock().unwrap_or_else(PoisonError::into_inner);
        told.iter().rev().find(|told| told["source"] == source).cloned()
    }

    /// The most memory that the box had, in bytes.
    pub fn memory_peak(&self) -> u64 {
        let memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        memory.iter().copied().max().unwrap_or_default()
    }

    /// The most memory that it had up to this message.
    pub fn memory_at(&self, message: usize) -> u64 {
        let memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        memory.iter().take(message).copied().max().unwrap_or_default()
    }

    /// Notices of a source so far, as text.
    pub fn notices(&self, source: &str) -> Vec<String> {
        let notices = self.notices.lock().unwrap_or_else(PoisonError::into_inner);
        let own =
            notices.iter().filter(|n| n.source.as_ref().is_some_and(|s| s.as_str() == source));
        own.map(|notice| format!("{:?}: {}", notice.kind, notice.text)).collect()
    }
}

impl Drop for Vitals {
    fn drop(&mut self) {
        self.listening.abort();
    }
}
