//! What changes in a message that is told again: the box's name, wall times, numbers of starts.
//!
//! Owns: where these stand in each message, in both encodings. Must not: change anything else, or
//! let a message through in which it could not change them.

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use wire::birth::{BoxState, Info};
use wire::clip::ClipRecord;
use wire::envelope::{BYTES_MAX, Body, Envelope, VERSION};
use wire::ids::{BootId, EventId, Name};
use wire::players::PlayersSeen;
use wire::time::WallTime;
use wire::timeline::SourceTimeline;
use wire::topic::{self, Device, EVENTS_JSON, EVENTS_POSTCARD, FILE, INFO, STATE, TELEMETRY};
use wire::transfer::FileInit;

use crate::recording::Entry;

/// What is changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Changes {
    /// Another name of the box.
    pub(super) device: Option<Device>,
    /// Added to wall times, in microseconds.
    pub(super) wall_shift: i64,
    /// Added to the numbers of the box's starts.
    pub(super) boots: u32,
}

/// The topic and the payload as they are told again.
///
/// # Errors
/// Why the payload cannot be changed, and what to do.
pub(super) fn rewrite(entry: &Entry, changes: &Changes) -> Result<(String, Bytes), String> {
    let renamed = changes.device.as_ref();
    let tenant = renamed.map_or(&entry.tenant, |device| &device.tenant);
    let device = renamed.map_or(&entry.device, |device| &device.device);
    let topic = format!("{}/{tenant}/{device}/{}", topic::ROOT, entry.leaf);
    if *changes == Changes::default() {
        return Ok((topic, entry.payload.clone()));
    }
    let payload = &entry.payload;
    let levels: Vec<&str> = entry.leaf.split('/').collect();
    let payload = match levels.as_slice() {
        [EVENTS_JSON, ..] => {
            json(payload, |envelope: &mut Envelope| of_envelope(envelope, changes))?
        }
        [EVENTS_POSTCARD, ..] => postcard(payload, changes)?,
        [STATE] => json(payload, |state: &mut BoxState| of_boot(&mut state.boot, changes))?,
        [INFO] => json(payload, |info: &mut Info| of_info(info, changes))?,
        [FILE, _, "init"] => {
            json(payload, |init: &mut FileInit| of_clip(&mut init.user_data, changes))?
        }
        [TELEMETRY, topic::TELEMETRY_PLAYERS] => json(payload, |seen: &mut PlayersSeen| {
            of_wall(&mut seen.at_arrived, changes);
        })?,
        [TELEMETRY, topic::TELEMETRY_TIMELINE] => json(payload, |told: &mut SourceTimeline| {
            told.at_box.iter_mut().for_each(|at| of_wall(at, changes));
        })?,
        // Nothing of what changes is in there.
        _others => payload.clone(),
    };
    Ok((topic, payload))
}

/// The start of the box that an entry tells of, if it tells of one.
pub(super) fn boot(entry: &Entry) -> Option<BootId> {
    let payload = &entry.payload;
    match entry.leaf.split('/').next()? {
        EVENTS_JSON => serde_json::from_slice(payload).ok().map(|told: Envelope| told.boot),
        EVENTS_POSTCARD => postcard::from_bytes(payload).ok().map(|told: Envelope| told.boot),
        STATE => serde_json::from_slice(payload).ok().map(|told: BoxState| told.boot),
        INFO => serde_json::from_slice(payload).ok().map(|told: Info| told.boot),
        _others => None,
    }
}

fn json<T: Serialize + DeserializeOwned>(
    payload: &[u8],
    change: impl FnOnce(&mut T),
) -> Result<Bytes, String> {
    let mut message = serde_json::from_slice(payload).map_err(|error| unreadable(&error))?;
    change(&mut message);
    serde_json::to_vec(&message).map(Bytes::from).map_err(|error| unreadable(&error))
}

fn postcard(payload: &[u8], changes: &Changes) -> Result<Bytes, String> {
    let mut envelope: Envelope =
        postcard::from_bytes(payload).map_err(|error| unreadable(&error))?;
    if envelope.v != VERSION {
        return Err(unreadable(&format!("it is of version {}", envelope.v)));
    }
    of_envelope(&mut envelope, changes);
    let mut buffer = [0; BYTES_MAX];
    let bytes = postcard::to_slice(&envelope, &mut buffer).map_err(|error| unreadable(&error))?;
    Ok(Bytes::copy_from_slice(bytes))
}

fn unreadable(why: &impl std::fmt::Display) -> String {
    format!(
        "the message cannot be read ({why}), so it cannot be changed; replay without --as, --now and \
         --loop, or with the newest courtside-fleet"
    )
}

fn of_envelope(envelope: &mut Envelope, changes: &Changes) {
    of_device(&mut envelope.dev, changes);
    of_boot(&mut envelope.boot, changes);
    of_wall(&mut envelope.ts_us, changes);
    match &mut envelope.body {
        Body::Game(event) => {
            of_event(&mut event.id, changes);
            of_wall(&mut event.at_arrived, changes);
            of_wall(&mut event.decided_arrived, changes);
        }
        Body::Clip(clip) => of_clip(clip, changes),
        Body::Board(board) => of_wall(&mut board.at_arrived, changes),
        Body::Notice(_) => {}
    }
}

fn of_info(info: &mut Info, changes: &Changes) {
    of_device(&mut info.dev, changes);
    of_boot(&mut info.boot, changes);
    of_wall(&mut info.ts_us, changes);
    info.held.iter_mut().for_each(|held| of_boot(&mut held.boot, changes));
}

fn of_clip(clip: &mut ClipRecord, changes: &Changes) {
    of_wall(&mut clip.starts, changes);
    clip.events.iter_mut().for_each(|event| of_event(&mut event.id, changes));
}

fn of_event(id: &mut EventId, changes: &Changes) {
    of_boot(&mut id.boot, changes);
}

fn of_device(name: &mut Name, changes: &Changes) {
    if let Some(device) = &changes.device {
        *name = device.device.clone();
    }
}

const fn of_boot(boot: &mut BootId, changes: &Changes) {
    boot.0 = boot.0.saturating_add(changes.boots);
}

const fn of_wall(at: &mut WallTime, changes: &Changes) {
    at.0 = at.0.saturating_add(changes.wall_shift);
}
