//! `[clips]`: which events get a clip and how much it shows.

use wire::event::EventKind;
use wire::time::MediaSpan;

use document::{Entry, Key, Place, advice};

const CLIPS: &[Key] = &[
    Key::new("pre_roll_s", "6.0"),
    Key::new("post_roll_s", "4.0"),
    Key::new("max_s", "30.0"),
    Key::new("kinds", "[\"made_shot\"]"),
];

const EVENT_KINDS: [EventKind; 5] = [
    EventKind::MadeShot,
    EventKind::MissedShot,
    EventKind::Whistle,
    EventKind::Buzzer,
    EventKind::ScoreChange,
];

/// What is cut out of the game.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clips {
    /// How much is shown before an event's moment.
    pub pre_roll: MediaSpan,
    /// How much is shown after an event's moment.
    pub post_roll: MediaSpan,
    /// Longest clip; events that lie closer together share one up to this length.
    pub max: MediaSpan,
    /// Events that get a clip.
    pub kinds: Vec<EventKind>,
}

impl Clips {
    /// Reads the section.
    pub(super) fn read(place: Place<'_>) -> Option<Self> {
        let section = place.with_keys(CLIPS);
        let pre_roll = span(section.optional("pre_roll_s"), 6.0, 60.0);
        let post_roll = span(section.optional("post_roll_s"), 4.0, 60.0);
        let max = span(section.optional("max_s"), 30.0, 300.0);
        let kinds =
            section.optional("kinds").map_or(Some(vec![EventKind::MadeShot]), |e| kinds(&e));
        let clips = Self { pre_roll: pre_roll?, post_roll: post_roll?, max: max?, kinds: kinds? };
        let shortest = MediaSpan(clips.pre_roll.0 + clips.post_roll.0);
        if shortest.0 == 0 {
            section.refuse(
                "`clips.pre_roll_s` and `clips.post_roll_s` are both 0, so clips would be empty; \
                 give one of them a length, or write `kinds = []` to have no clips",
            );
        } else if clips.max < shortest {
            section.refuse(format_args!(
                "`clips.max_s` is {} s, but `pre_roll_s` and `post_roll_s` together are {} s and a \
                 clip shows both; write `max_s = {}` or more, or shorten them",
                clips.max.as_secs_f64(),
                shortest.as_secs_f64(),
                shortest.as_secs_f64(),
            ));
        }
        Some(clips)
    }
}

/// A length from 0 to `most` seconds.
fn span(entry: Option<Entry<'_>>, default: f64, most: f64) -> Option<MediaSpan> {
    let seconds = entry.map_or(Some(default), |entry| {
        entry.within(0.0, most, format_args!("this length is 0 to {most} seconds"))
    });
    seconds.map(|seconds| MediaSpan::from_millis((seconds * 1_000.0).round() as i64))
}

fn kinds(entry: &Entry<'_>) -> Option<Vec<EventKind>> {
    let names = EVENT_KINDS.map(EventKind::as_str);
    let known = |text: &&str| EVENT_KINDS.into_iter().find(|kind| kind.as_str() == *text);
    let texts = entry.texts()?;
    let kinds: Vec<EventKind> = texts.iter().filter_map(known).collect();
    if let Some(stranger) = texts.iter().find(|text| known(text).is_none()) {
        entry.refuse(format_args!("`{stranger}` is no kind of event"), advice(stranger, &names));
        return None;
    }
    Some(kinds)
}
