//! How the nets swing: driven by balls that pass, lean on them or shake the ring.

use super::timeline::Timeline;
use crate::flight::RATE;
use crate::look::HoopLook;
use crate::physics::{HoopBody, Net};
use crate::random::Random;

/// A net at one instant, metres.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct NetAt {
    /// How far the lower end hangs aside, in the hoop's frame.
    pub(crate) sway: (f32, f32),
    /// How far the lower end is thrown up.
    pub(crate) lift: f32,
    /// How far the ring dips.
    pub(crate) dip: f32,
    /// Height of the middle of a ball inside, in the hoop's frame, and its place aside.
    pub(crate) bulge: Option<(f32, f32, f32)>,
}

struct Swing {
    at: NetAt,
    speed: (f32, f32),
    lift_speed: f32,
    dip_speed: f32,
    was_inside: bool,
}

/// The net of `hoop` over the whole timeline, [`RATE`] samples a second.
pub(crate) fn swing(timeline: &Timeline, hoop: usize, parts: (&HoopLook, &HoopBody)) -> Vec<NetAt> {
    let (look, body) = parts;
    let mut random = Random::new(u64::from(look.net_cord.to_bits()) + hoop as u64, "net");
    let mut samples = Vec::with_capacity(timeline.ball.len());
    let mut contacts = timeline.contacts.iter().filter(|c| c.1 == hoop).peekable();
    let mut swing = Swing {
        at: NetAt::default(),
        speed: (0.0, 0.0),
        lift_speed: 0.0,
        dip_speed: 0.0,
        was_inside: false,
    };
    let beat = std::f32::consts::TAU * random.range(1.3, 2.6);
    let settle = 2.0 / random.range(0.15, 0.45);
    let flip = random.range(0.1, 0.36) * look.net_swing * beat;
    for index in 0..timeline.ball.len() {
        let instant = contacts.next_if(|c| c.0 == index).map(|c| c.2);
        let dt = 1.0 / RATE;
        let mut force = (0.0, 0.0);
        let mut rest = 0.0;
        swing.at.bulge = None;
        if let Some(instant) = instant {
            force = (instant.net_push.0 * 2.5, instant.net_push.1 * 2.5);
            let inside = instant.inside == Net::Inside;
            if inside {
                swing.at.bulge = Some((instant.p.z, instant.p.x, instant.p.y));
                if instant.p.z < -0.08 {
                    force = (instant.p.x * 1.2, instant.p.y * 1.2);
                    rest = -0.04 * look.net_swing;
                }
            }
            if swing.was_inside && !inside && instant.p.z < -body.net_length * 0.8 {
                swing.lift_speed += flip * random.range(0.6, 1.2);
                swing.speed.0 += random.normal() * 0.35 * look.net_swing;
                swing.speed.1 += random.normal() * 0.35 * look.net_swing;
            }
            if instant.ring > 0.3 {
                let hit = instant.ring.min(6.0) * look.net_swing;
                swing.speed.0 += random.normal() * 0.05 * hit;
                swing.speed.1 += random.normal() * 0.05 * hit;
                swing.lift_speed += random.normal() * 0.06 * hit;
                swing.dip_speed -= 0.07 * hit;
            }
            swing.was_inside = inside;
        }
        advance(&mut swing, (beat, settle, dt), (force, rest));
        samples.push(swing.at);
    }
    samples
}

fn advance(s: &mut Swing, (beat, settle, dt): (f32, f32, f32), (force, rest): ((f32, f32), f32)) {
    let k = beat * beat;
    s.speed.0 += (k * (force.0 - s.at.sway.0) - settle * s.speed.0) * dt;
    s.speed.1 += (k * (force.1 - s.at.sway.1) - settle * s.speed.1) * dt;
    s.at.sway.0 = (s.at.sway.0 + s.speed.0 * dt).clamp(-0.3, 0.3);
    s.at.sway.1 = (s.at.sway.1 + s.speed.1 * dt).clamp(-0.3, 0.3);
    s.lift_speed += (k * (rest - s.at.lift) - settle * s.lift_speed) * dt;
    s.at.lift = (s.at.lift + s.lift_speed * dt).clamp(-0.15, 0.3);
    s.dip_speed += (-1600.0 * s.at.dip - 22.0 * s.dip_speed) * dt;
    s.at.dip = (s.at.dip + s.dip_speed * dt).clamp(-0.04, 0.03);
}
