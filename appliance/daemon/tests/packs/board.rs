//! The scoreboard's fields with the pack that is shipped: when they are looked at, and what a
//! technician is told of a box that holds no digits.

use fusion::board::Field;
use models::Luma;
use models::lanes::board::BoardLane;
use pipeline::board::Board;
use wire::time::MediaTime;
use wire::units::PixelBox;

use crate::swap::open_shipped;

const SIZE: (usize, usize) = (320, 180);
const HOME: PixelBox = PixelBox { x0: 40.0, y0: 40.0, x1: 90.0, y1: 80.0 };
/// Beyond the right edge of the picture.
const AWAY: PixelBox = PixelBox { x0: 290.0, y0: 40.0, x1: 330.0, y1: 80.0 };

#[test]
fn fields_are_read_four_times_a_second_and_one_without_digits_is_told_once() {
    let pack = open_shipped("board").expect("the repository's pack is good");
    let lane = BoardLane::load(&pack, "full").expect("it has this tier");
    let mut board = Board::new(lane, vec![(Field::Home, HOME), (Field::Away, AWAY)]);
    let grey = vec![60; SIZE.0 * SIZE.1];
    let luma = Luma::new(&grey, SIZE.0, SIZE).expect("it is whole");
    let (mut looks, mut told) = (0, Vec::new());
    for frame in 0..75 * 25 {
        let at = MediaTime::from_millis(40 * frame);
        let reports = board.observe(luma, at).expect("it runs");
        looks += usize::from(!reports.is_empty());
        assert!(reports.iter().all(|report| report.field == Field::Home), "the other is outside");
        told.extend(board.unread(at).map(|field| (field, frame / 25)));
    }
    // Every seventh frame of 25 a second is the first one 250 ms later.
    assert_eq!(looks, (75 * 25_usize).div_ceil(7));
    assert_eq!(told, [(Field::Home, 60), (Field::Away, 60)]);
}

#[test]
fn field_that_nobody_looked_at_is_not_told_to_be_unreadable() {
    let pack = open_shipped("board").expect("the repository's pack is good");
    let lane = BoardLane::load(&pack, "full").expect("it has this tier");
    let mut board = Board::new(lane, vec![(Field::Home, HOME)]);
    let grey = vec![60; SIZE.0 * SIZE.1];
    let luma = Luma::new(&grey, SIZE.0, SIZE).expect("it is whole");
    board.observe(luma, MediaTime::default()).expect("it runs");
    for second in 0..300 {
        let at = MediaTime::from_millis(1_000 * second);
        board.rest(at);
        assert_eq!(board.unread(at), None, "{second} s");
    }
    let later = MediaTime::from_millis(299_000 + 61_000);
    board.observe(luma, later).expect("it runs");
    assert_eq!(board.unread(later), Some(Field::Home));
}
