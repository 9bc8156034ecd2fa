//! What the box sees in one frame, as a picture: the hoop, the crop that the rim lane judges, the
//! balls. Reads raw video, because it is for looking at the lanes and nothing else.
//!
//! `cargo run -p courtside-models --example look -- PACKS KEY.pub GAME.y4m SECONDS OUT.png`
#![forbid(unsafe_code)]

use std::error::Error;
use std::fs::File;
use std::io::{BufReader, BufWriter, Read};
use std::path::Path;

use models::lanes::ball::BallLane;
use models::lanes::follow::Follower;
use models::lanes::hoop::HoopLane;
use models::picture::Luma;
use models::{Engines, Pack, Trust};
use wire::time::MediaTime;
use wire::units::PixelBox;

const ORANGE: [u8; 3] = [255, 140, 0];
const BLUE: [u8; 3] = [60, 140, 255];
const YELLOW: [u8; 3] = [255, 240, 60];

/// Side of the rim lane's crop in hoop-box widths, and its centre below the box's top.
const CROP: (f32, f32) = (3.5, 0.45);

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [packs, key, video, seconds, out] = arguments.as_slice() else {
        return Err("usage: look PACKS KEY.pub GAME.y4m SECONDS OUT.png".into());
    };
    let packs = Path::new(packs);
    let mut trust = Trust::default();
    trust.add(key, &std::fs::read_to_string(key)?)?;
    let open = |name: &str| Pack::open(&packs.join(name), &trust, &Engines::default());
    let (ball, hoop) = (open("ball")?, open("hoop")?);
    let mut balls = BallLane::load(&ball, &ball.tiers()[0].name)?;
    let mut finder = HoopLane::load(&hoop, &hoop.tiers()[0].name)?;
    let mut input = BufReader::new(File::open(video)?);
    let size = header(&mut input)?;
    let mut frame = vec![0; size.0 * size.1 * 3 / 2];
    let mut follower: Option<(Follower, f32)> = None;
    let mut seen = Vec::new();
    for number in 0..=(seconds.parse::<f64>()? * 25.0) as i64 {
        line(&mut input)?;
        input.read_exact(&mut frame)?;
        let luma = Luma::new(&frame[..size.0 * size.1], size.0, size)?;
        if number % 5 == 0
            && let Some(best) =
                finder.find(luma)?.into_iter().max_by(|a, b| a.confidence.total_cmp(&b.confidence))
            && follower.as_ref().is_none_or(|(_, sure)| best.confidence > *sure)
        {
            follower = Some((Follower::new(best.area), best.confidence));
        }
        let at = MediaTime::from_millis(number * 40);
        if let Some((follower, _)) = &mut follower {
            follower.follow(luma, at);
        }
        seen = balls.observe(luma, at)?.unwrap_or_default();
    }
    let mut picture = Picture::of(&frame, size);
    if let Some((follower, _)) = &follower {
        let area = follower.area();
        picture.outline(area, ORANGE);
        let (x, half) = (area.centre().0, CROP.0 * area.width() / 2.0);
        let y = area.y0 + CROP.1 * area.width();
        picture.outline(PixelBox { x0: x - half, y0: y - half, x1: x + half, y1: y + half }, BLUE);
    }
    for reading in seen {
        picture.circle((reading.x, reading.y), 14.0, YELLOW);
    }
    picture.write(out)
}

/// Reads the stream's header; width and height.
fn header(input: &mut impl Read) -> Result<(usize, usize), Box<dyn Error>> {
    let line = line(input)?;
    let number = |key: char| {
        let word = line.split(' ').skip(1).find_map(|word| word.strip_prefix(key));
        word.ok_or("not a y4m file").and_then(|word| word.parse().map_err(|_| "not a y4m file"))
    };
    Ok((number('W')?, number('H')?))
}

fn line(input: &mut impl Read) -> Result<String, Box<dyn Error>> {
    let mut text = String::new();
    let mut byte = [0];
    loop {
        input.read_exact(&mut byte)?;
        if byte[0] == b'\n' {
            return Ok(text);
        }
        text.push(char::from(byte[0]));
    }
}

struct Picture {
    width: usize,
    rgb: Vec<u8>,
}

impl Picture {
    /// BT.709 limited range, 4:2:0.
    fn of(frame: &[u8], (width, height): (usize, usize)) -> Self {
        let (luma, chroma) = frame.split_at(width * height);
        let mut rgb = Vec::with_capacity(width * height * 3);
        for y in 0..height {
            for x in 0..width {
                let at = (y / 2) * (width / 2) + x / 2;
                let level = 1.164 * (f32::from(luma[y * width + x]) - 16.0);
                let u = f32::from(chroma[at]) - 128.0;
                let v = f32::from(chroma[width * height / 4 + at]) - 128.0;
                let colours = [level + 1.793 * v, level - 0.213 * u - 0.533 * v, level + 2.112 * u];
                rgb.extend(colours.map(|colour| colour.clamp(0.0, 255.0) as u8));
            }
        }
        Self { width, rgb }
    }

    fn dot(&mut self, x: f32, y: f32, colour: [u8; 3]) {
        let at = (y.max(0.0) as usize * self.width + x.max(0.0) as usize) * 3;
        if x < self.width as f32
            && let Some(place) = self.rgb.get_mut(at..at + 3)
        {
            place.copy_from_slice(&colour);
        }
    }

    fn outline(&mut self, area: PixelBox, colour: [u8; 3]) {
        for thick in [0.0, 1.0] {
            for step in 0..=area.width() as i32 {
                self.dot(area.x0 + step as f32, area.y0 + thick, colour);
                self.dot(area.x0 + step as f32, area.y1 - thick, colour);
            }
            for step in 0..=area.height() as i32 {
                self.dot(area.x0 + thick, area.y0 + step as f32, colour);
                self.dot(area.x1 - thick, area.y0 + step as f32, colour);
            }
        }
    }

    fn circle(&mut self, (x, y): (f32, f32), radius: f32, colour: [u8; 3]) {
        for step in 0_u16..360 {
            let (sine, cosine) = f32::from(step).to_radians().sin_cos();
            self.dot(x + radius * cosine, y + radius * sine, colour);
            self.dot(x + (radius - 1.0) * cosine, y + (radius - 1.0) * sine, colour);
        }
    }

    fn write(&self, path: &str) -> Result<(), Box<dyn Error>> {
        let height = self.rgb.len() / 3 / self.width;
        let file = BufWriter::new(File::create(path)?);
        let mut encoder = png::Encoder::new(file, self.width as u32, height as u32);
        encoder.set_color(png::ColorType::Rgb);
        encoder.write_header()?.write_image_data(&self.rgb)?;
        Ok(())
    }
}
