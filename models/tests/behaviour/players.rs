//! The players lane on pictures that are drawn by hand, with the network of [`fixture::players`].

use hal::surface::{HostPicture, PixelFormat, Plane};
use models::colour::Colour;
use models::lanes::players::{Figure, PlayersLane};
use models::{Engines, Pack, PackError};
use wire::units::{PictureSize, PixelBox};

use crate::fixture;

/// A picture in colour, grey at first.
struct Picture {
    size: PictureSize,
    planes: [Vec<u8>; 3],
}

impl Picture {
    fn grey(width: u16, height: u16) -> Self {
        let pixels = usize::from(width) * usize::from(height);
        let planes = [vec![90; pixels], vec![128; pixels / 4], vec![128; pixels / 4]];
        Self { size: PictureSize { width, height }, planes }
    }

    /// Paints the pixels of these columns and rows, which are even: red, for chroma = (90, 240).
    fn paint(&mut self, (x0, y0, x1, y1): (usize, usize, usize, usize), chroma: (u8, u8)) {
        let half = usize::from(self.size.width) / 2;
        for y in y0 / 2..y1 / 2 {
            self.planes[1][y * half..][x0 / 2..x1 / 2].fill(chroma.0);
            self.planes[2][y * half..][x0 / 2..x1 / 2].fill(chroma.1);
        }
    }

    fn seen(&self) -> Vec<Figure> {
        let folder = fixture::players();
        let pack = Pack::open(folder.path(), &fixture::trust(), &Engines::default());
        let pack = pack.unwrap_or_else(|error| panic!("{error}"));
        let mut lane = PlayersLane::load(&pack, "nano").expect("it has this tier");
        let width = usize::from(self.size.width);
        let plane = |index: usize, stride| Plane { data: &self.planes[index], stride };
        let planes = [plane(0, width), plane(1, width / 2), plane(2, width / 2)];
        let picture = HostPicture { size: self.size, format: PixelFormat::I420, planes };
        let colour = Colour::of(&picture).expect("it is whole");
        let reading = lane.see(colour).expect("it runs");
        assert_eq!(reading.balls, []);
        reading.people
    }
}

const RED: (u8, u8) = (90, 240);
const BLUE: (u8, u8) = (240, 110);

#[test]
fn people_are_found_where_they_are_in_a_picture_of_another_shape() {
    // 640 x 320 lies in the middle of 64 x 64 rows: ten pixels to one, 16 grey rows above.
    let mut picture = Picture::grey(640, 320);
    picture.paint((320, 160, 640, 320), RED);
    let people = picture.seen();
    // The lower right quarter of the network's picture; half of it is the bar below.
    assert_eq!(people.len(), 1, "{people:?}");
    let area = PixelBox { x0: 320.0, y0: 0.0, x1: 640.0, y1: 320.0 };
    let off = people[0].area.overlap(area);
    assert!(off > 0.999, "{people:?}");
    assert!((0.3..0.6).contains(&people[0].confidence), "{people:?}");
}

#[test]
fn blue_is_not_red_and_the_surer_of_two_people_comes_first() {
    let mut picture = Picture::grey(64, 64);
    picture.paint((0, 0, 64, 64), BLUE);
    assert_eq!(picture.seen(), []);
    picture.paint((0, 0, 32, 24), RED);
    picture.paint((32, 32, 64, 64), RED);
    let people = picture.seen();
    let left: Vec<f32> = people.iter().map(|person| person.area.x0).collect();
    assert_eq!(left, [32.0, 0.0], "{people:?}");
    assert!(people[0].confidence > people[1].confidence);
}

#[test]
fn boxes_end_where_the_picture_ends() {
    let mut picture = Picture::grey(64, 64);
    picture.paint((0, 0, 64, 64), RED);
    for person in picture.seen() {
        let PixelBox { x0, y0, x1, y1 } = person.area;
        assert!(x0 >= 0.0 && y0 >= 0.0 && x1 <= 64.0 && y1 <= 64.0, "{person:?}");
        assert!(person.area.height() <= 48.0, "half of its 64 rows lie outside or below");
    }
}

#[test]
fn a_pack_of_another_lane_is_refused() {
    let folder = fixture::hoop();
    let pack = Pack::open(folder.path(), &fixture::trust(), &Engines::default()).expect("good");
    assert!(matches!(PlayersLane::load(&pack, "nano"), Err(PackError::Lane { .. })));
}
