//! The conditions themselves: what each renders, filters and asks of a game. Makes nothing.

use super::{Condition, Games};

/// Size that games are rendered with to be cropped to 1280 × 720.
const LARGE: &str = "1600x900";

const PLAIN: Condition = Condition {
    name: "plain",
    what: "1280 × 720 at 25 frames a second, 4 Mb/s",
    size: "1280x720",
    fps: "25",
    filters: "",
    encoder: "",
    rate: "4M",
    moved: (0.0, 0.0),
    scaled: 1.0,
    search: false,
    shot_every_s: 6.5,
    theme: "mixed",
    games: Games::Any,
    cut_every_s: None,
    replay_every_s: None,
};

/// What is measured, the easiest first.
pub const CONDITIONS: [Condition; 19] = [
    PLAIN,
    Condition {
        name: "searched",
        what: "plain; the box finds its hoops itself",
        search: true,
        ..PLAIN
    },
    Condition { name: "low-rate", what: "plain at 800 kb/s", rate: "800k", ..PLAIN },
    Condition {
        name: "360p",
        what: "640 × 360 at 1 Mb/s",
        filters: "scale=640:360:flags=area",
        rate: "1M",
        scaled: 0.5,
        ..PLAIN
    },
    Condition { name: "15-fps", what: "plain at 15 frames a second", filters: "fps=15", ..PLAIN },
    Condition { name: "60-fps", what: "plain at 60 frames a second", fps: "60", ..PLAIN },
    Condition {
        name: "interlaced",
        what: "plain from a camera that takes half of the rows 50 times a second, woven into 25 \
               pictures",
        fps: "50",
        filters: "tinterlace=interleave_top,setfield=tff",
        encoder: "-flags +ildct+ilme -x264opts tff=1",
        ..PLAIN
    },
    Condition {
        name: "dark",
        what: "plain at half the contrast, dark, with the noise of a small sensor",
        filters: "eq=brightness=-0.16:contrast=0.5:saturation=0.6,noise=alls=12:allf=t",
        ..PLAIN
    },
    Condition {
        name: "washed-out",
        what: "plain at less than half the contrast, bright: a lens that looks into the light",
        filters: "eq=contrast=0.45:brightness=0.15:saturation=0.6",
        ..PLAIN
    },
    Condition {
        name: "shaking",
        what: "plain from a hand: swings of 26 pixels and a tremble of 6",
        filters: "crop=1216:684:32+26*(sin(2*PI*0.45*t)+0.23*sin(2*PI*3.7*t)):\
                  18+13*(sin(2*PI*0.6*t)+0.3*sin(2*PI*4.3*t))",
        moved: (-32.0, -18.0),
        ..PLAIN
    },
    Condition { name: "portrait", what: "720 × 1280, held upright", size: "720x1280", ..PLAIN },
    Condition {
        name: "two-balls",
        what: "plain; two or three other balls are thrown to and fro around the hoop",
        theme: "warm-up",
        ..PLAIN
    },
    Condition {
        name: "two-hoops",
        what: "plain; both hoops are in view and played on",
        games: Games::TwoHoops,
        ..PLAIN
    },
    Condition {
        name: "crowded",
        what: "plain; people with their hands up before the hoop and under it at every shot",
        theme: "crowded",
        ..PLAIN
    },
    Condition {
        name: "crossing",
        what: "plain; misses that cross the hoop in the picture, in front of it or behind it",
        theme: "crossing",
        ..PLAIN
    },
    Condition {
        name: "rolls",
        what: "plain; the ball rolls on the rim before it falls in or out",
        theme: "rolls",
        ..PLAIN
    },
    Condition {
        name: "panning",
        what: "plain; the camera pans to and fro by 320 pixels within 9 s, on top of its own way",
        size: LARGE,
        filters: "crop=1280:720:160+160*sin(2*PI*t/9):90",
        games: Games::WellInside,
        search: true,
        ..PLAIN
    },
    Condition {
        name: "replays",
        what: "plain; after every 12 s the last 4 s are shown again at half speed; shots from 0.6 s \
               before a replay to 2 s after it do not count",
        replay_every_s: Some(12),
        ..PLAIN
    },
    Condition {
        name: "jump-cuts",
        what: "plain; every 6 s a cut to another framing; shots from 0.6 s before a cut to 2 s \
               after it do not count",
        ..JUMPING
    },
];

/// Every 6 s another part of a larger picture.
const JUMPING: Condition = Condition {
    size: LARGE,
    filters: "crop=1280:720:320*mod(floor(t/6)\\,2):60*mod(floor(t/6)\\,2)",
    games: Games::WellInside,
    search: true,
    cut_every_s: Some(6),
    ..PLAIN
};

/// Looks of which the box knows nothing: it finds their hoops, and again after the picture jumped.
pub const FINDER: Condition = Condition {
    name: "finder",
    what: "plain, from a camera that stands still; after 6 s the picture jumps by 320 and 60 pixels",
    games: Games::StillInside,
    ..JUMPING
};

/// Play without a shot: whatever is reported is false.
pub const QUIET: Condition = Condition {
    name: "quiet",
    what: "plain, passes and dribbling without a shot",
    shot_every_s: 1e6,
    ..PLAIN
};

/// Hours of play to be heard: the picture is small, and counts for nothing.
pub const SOUND: Condition = Condition {
    name: "sound",
    what: "what is heard of it: crowd, ball, shoes, loudspeakers, whistles and buzzers; AAC at 96 kb/s",
    size: "320x180",
    rate: "300k",
    ..PLAIN
};

/// Games with a scoreboard that can be read.
pub const BOARD: Condition = Condition {
    name: "board",
    what: "plain, with a scoreboard in view of a camera that stands still; its fields are marked",
    games: Games::WithBoard,
    ..PLAIN
};
