//! Whether clips may be uploaded now: the hours that the operator set, play, and what somebody
//! asked for meanwhile.

/// What the operator set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gate {
    /// Clips go within these hours alone.
    pub hours: Option<Hours>,
    /// What play holds back.
    pub lock: GameLock,
}

/// Minutes of the local day, from and to; the day may end in between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hours {
    /// The first minute, below 1440.
    pub from: u16,
    /// The first minute after, below 1440.
    pub to: u16,
}

/// What play holds back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GameLock {
    /// Nothing.
    #[default]
    Off,
    /// Clips of earlier games, for which nobody waits.
    Backlog,
}

/// Whether media comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Play {
    /// From some source.
    On,
    /// From none.
    Off,
}

/// Whether somebody waits for a clip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clip {
    /// It was cut a moment ago.
    New,
    /// It waited for long, or for another start of the box.
    Backlog,
}

/// What somebody asked for, for a while.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wish {
    /// Nothing: as the operator set it.
    #[default]
    AsSet,
    /// That no clip goes.
    Hold,
    /// That clips go at every hour, also during play.
    Send,
}

/// Why nothing goes now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closed {
    /// Not at this hour.
    Hours,
    /// Not while a game is on.
    Play,
    /// Somebody asked for that.
    Asked,
    /// The day's bytes are used up.
    Budget,
}

impl Hours {
    /// Whether a minute of the day lies within. The same minute twice is the whole day.
    pub const fn contains(self, minute: u16) -> bool {
        if self.from < self.to {
            self.from <= minute && minute < self.to
        } else {
            self.from <= minute || minute < self.to
        }
    }
}

impl Gate {
    /// Whether such a clip may go. `minute` is that of the local day; `None` while the box does
    /// not know the time: then hours hold nothing back, or a box without a clock kept its clips
    /// for ever.
    ///
    /// # Errors
    /// [`Closed`].
    pub fn judge(
        self,
        minute: Option<u16>,
        (play, wish): (Play, Wish),
        clip: Clip,
    ) -> Result<(), Closed> {
        match wish {
            Wish::Hold => return Err(Closed::Asked),
            Wish::Send => return Ok(()),
            Wish::AsSet => {}
        }
        if let (Some(hours), Some(minute)) = (self.hours, minute)
            && !hours.contains(minute)
        {
            return Err(Closed::Hours);
        }
        match (self.lock, play, clip) {
            (GameLock::Backlog, Play::On, Clip::Backlog) => Err(Closed::Play),
            (
                GameLock::Off | GameLock::Backlog,
                Play::On | Play::Off,
                Clip::New | Clip::Backlog,
            ) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_may_span_midnight() {
        let night = Hours { from: 22 * 60, to: 8 * 60 };
        for (minute, open) in [(0, true), (479, true), (480, false), (1319, false), (1320, true)] {
            assert_eq!(night.contains(minute), open, "{minute}");
        }
        let day = Hours { from: 8 * 60, to: 22 * 60 };
        for minute in 0..1440 {
            assert_ne!(day.contains(minute), night.contains(minute), "{minute}");
        }
        assert!((0..1440).all(|minute| Hours { from: 5, to: 5 }.contains(minute)));
    }

    #[test]
    fn play_holds_back_what_nobody_waits_for_and_nothing_else() {
        let locked = Gate { hours: None, lock: GameLock::Backlog };
        assert_eq!(
            locked.judge(Some(0), (Play::On, Wish::AsSet), Clip::Backlog),
            Err(Closed::Play)
        );
        assert_eq!(locked.judge(Some(0), (Play::On, Wish::AsSet), Clip::New), Ok(()));
        assert_eq!(locked.judge(Some(0), (Play::Off, Wish::AsSet), Clip::Backlog), Ok(()));
        assert_eq!(Gate::default().judge(Some(0), (Play::On, Wish::AsSet), Clip::Backlog), Ok(()));
    }

    #[test]
    fn what_somebody_asks_for_counts_more_than_what_was_set() {
        let hours = Some(Hours { from: 60, to: 120 });
        let strict = Gate { hours, lock: GameLock::Backlog };
        let judge = |wish| strict.judge(Some(0), (Play::On, wish), Clip::Backlog);
        assert_eq!(judge(Wish::AsSet), Err(Closed::Hours));
        assert_eq!(judge(Wish::Send), Ok(()));
        let open = Gate::default().judge(None, (Play::Off, Wish::Hold), Clip::New);
        assert_eq!(open, Err(Closed::Asked));
    }

    #[test]
    fn box_without_a_clock_does_not_keep_its_clips() {
        let hours = Some(Hours { from: 60, to: 120 });
        let gate = Gate { hours, lock: GameLock::Off };
        assert_eq!(gate.judge(Some(0), (Play::Off, Wish::AsSet), Clip::New), Err(Closed::Hours));
        assert_eq!(gate.judge(None, (Play::Off, Wish::AsSet), Clip::New), Ok(()));
    }
}
