//! What a game has more of than others: the hard cases, often enough to be counted.
//!
//! Owns the names and what each of them asks of the director; a game without a theme is drawn as
//! if there were none.

use super::director::Director;
use super::shots::Flavour;
use super::spare::Spare;
use crate::geometry::{Vec3, vec3};
use crate::random::Random;

/// What a game has more of than others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Theme {
    /// Everything in its usual share.
    #[default]
    Mixed,
    /// Two or three other balls fly between hands around the hoop.
    WarmUp,
    /// Players stand between hoop and camera and under the hoop, hands up, whenever somebody
    /// shoots.
    Crowded,
    /// The ball rolls on the rim, in or out.
    Rolls,
    /// Every miss that can crosses the hoop in the picture, in front of it or behind it.
    Crossing,
}

impl Theme {
    /// The shot that is tried next instead of `usual`, which was drawn without regard to it.
    pub(super) fn shot(self, usual: Flavour, random: &mut Random) -> Flavour {
        match self {
            Self::Mixed | Self::WarmUp | Self::Crowded => usual,
            Self::Rolls if usual.wants_made() => Flavour::RollIn,
            Self::Rolls => Flavour::RollOut,
            Self::Crossing if usual.wants_made() => usual,
            Self::Crossing => random.weighted(&[
                (0.4, Flavour::AirBall),
                (0.25, Flavour::Short),
                (0.2, Flavour::Long),
                (0.15, Flavour::Aside),
            ]),
        }
    }

    /// Whether a miss crosses the hoop in the picture; draws whatever the theme is, so that games
    /// of all themes are drawn alike.
    pub(super) fn crosses(self, random: &mut Random) -> bool {
        random.chance(0.6) || self == Self::Crossing
    }
}

impl Director {
    /// Lays out what the theme needs for the whole game.
    pub(super) fn set_theme(&mut self) {
        if self.setting.theme != Theme::WarmUp {
            return;
        }
        let mut random = Random::new(self.setting.seed, "warm-up");
        for _ in 0..2 + random.below(2) {
            let spare = self.thrown_at_the_hoop(&mut random);
            self.timeline.spares.push(spare);
        }
    }

    /// Before a shot: crowds the hoop if the theme wants it.
    pub(super) fn crowd_the_hoop(&mut self) {
        if self.setting.theme != Theme::Crowded {
            return;
        }
        let now = self.timeline.now();
        for index in 0..self.timeline.players.len() {
            if index == self.holder || self.random.chance(0.3) {
                continue;
            }
            let to = if self.random.chance(0.5) {
                let share = self.random.range(0.6, 0.97);
                let aside = vec3(self.random.normal() * 0.4, self.random.normal() * 0.4, 0.0);
                self.setting.eye.towards(self.hoop_place().centre, share) + aside
            } else {
                self.spot(0.3, 1.8)
            };
            let player = &mut self.timeline.players[index];
            let takes = ((player.place(now) - to).flat() / 5.5).clamp(0.4, 2.5);
            player.go(now, now + takes, to);
            player.raised.push((now + 0.3, now + 3.2));
        }
    }

    /// A ball that goes to and fro between two people near the hoop, over its height or below.
    fn thrown_at_the_hoop(&self, random: &mut Random) -> Spare {
        let place = self.hoop_place();
        let hand = |random: &mut Random| -> Vec3 {
            let angle = random.range(-1.4, 1.4);
            let away = random.range(1.2, 4.5);
            let at = vec3(away * angle.sin(), away * angle.cos(), 0.0);
            place.world(at).at_height(random.range(1.0, 2.1))
        };
        Spare::Thrown(hand(random), hand(random), random.range(0.7, 1.4))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::game::{Game, GameConfig};
    use crate::play::timeline::{EventAt, Noise};
    use crate::truth::Kind;

    fn game(seed: u64, theme: Theme) -> Game {
        Game::new(GameConfig { theme, ..GameConfig::of_seed(seed) })
    }

    #[test]
    fn rolls_touch_the_rim_much_oftener_than_usual() {
        let touches = |theme| -> usize {
            let of_rim = |game: Game| {
                let sounds = game.timeline.sounds.iter();
                sounds.filter(|sound| matches!(sound.noise, Noise::Rim(_))).count()
            };
            (0..6).map(|seed| of_rim(game(seed, theme))).sum()
        };
        let (usual, rolls) = (touches(Theme::Mixed), touches(Theme::Rolls));
        assert!(rolls * 2 > usual * 3, "{rolls} touches against {usual}");
    }

    #[test]
    fn a_warm_up_has_other_balls_near_the_ring() {
        for seed in 0..6 {
            let game = game(seed, Theme::WarmUp);
            let ring = game.hoops[0].place.centre;
            let near =
                |spare: &Spare| (0..100).any(|i| (spare.at(i as f32 * 0.04) - ring).flat() < 5.0);
            assert!(game.timeline.spares.iter().filter(|spare| near(spare)).count() >= 2);
        }
    }

    #[test]
    fn when_it_is_crowded_somebody_has_his_hands_up_near_the_hoop_at_most_shots() {
        let (mut shots, mut covered) = (0, 0);
        for seed in 0..6 {
            let game = game(seed, Theme::Crowded);
            let of_hoop = |e: &&EventAt| {
                e.hoop.is_some() && matches!(e.kind, Kind::MadeShot | Kind::MissedShot)
            };
            for event in game.timeline.events.iter().filter(of_hoop) {
                shots += 1;
                let up = game.timeline.players.iter().any(|p| p.hands_up(event.t));
                covered += usize::from(up);
            }
        }
        assert!(covered * 10 > shots * 8, "{covered} of {shots}");
    }

    #[test]
    fn no_theme_changes_nothing() {
        let told = |game: &Game| format!("{:?}", game.timeline.events);
        for seed in 0..4 {
            let plain = Game::new(GameConfig::of_seed(seed));
            assert_eq!(told(&plain), told(&game(seed, Theme::Mixed)));
            assert_ne!(told(&plain), told(&game(seed, Theme::Crossing)));
        }
    }
}
