//! Every threshold and limit of this crate, each with its reason.
//!
//! What a network was trained with (spacing, crop) is in its manifest, not here.

// ---- packs ----

/// Largest `manifest.toml` in bytes. A real one has about 2 kB.
pub const MANIFEST_BYTES_MAX: u64 = 64 * 1024;

/// Largest network or golden file in bytes: ten times our largest, and still no danger to a box
/// with 500 MB for the whole process.
pub const FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Largest `manifest.toml.minisig` in bytes. A real one has about 300.
pub const SIGNATURE_BYTES_MAX: u64 = 4 * 1024;

/// Longest name of a pack or of a file in it, in bytes: what a tar header holds without tricks.
pub const NAME_BYTES_MAX: usize = 64;

/// Most files in a pack: manifest, signature, and two for each precision of each tier.
pub const FILES_MAX: usize = 2 + 4 * TIERS_MAX;

/// Largest pack as one file in bytes. Ours have less than 10 MB.
pub const BUNDLE_BYTES_MAX: u64 = 128 * 1024 * 1024;

/// Largest `cost_ms` that a manifest may claim: four frames at 25 a second. What is slower serves
/// no lane, and the time that a proof may take grows with it.
pub const COST_MS_MAX: f32 = 160.0;

/// Most tiers in a pack: all of them stay resident.
pub const TIERS_MAX: usize = 4;

/// Most elements in one tensor: 2.6 times the largest input of today (nine pictures of 512 x 288).
pub const TENSOR_ELEMENTS_MAX: usize = 1 << 22;

/// How far an engine's golden output may lie from the recorded one, as a share of the largest
/// recorded magnitude (at least 1). f32 engines that add in another order differ by about 1e-5;
/// a wrong operator differs by more than 1e-2.
pub const GOLDEN_ERROR_MAX: f32 = 1e-3;

/// The same for int8 networks, each against its own recorded answer. Integers add alike everywhere,
/// and ONNX Runtime 1.31.1 answered with fused integers exactly as with floating point on the same
/// steps (x86-64 with VNNI, int8 forms of board, rim and sound), but a number that another library
/// or processor rounds to the other side moves what follows by a step of 1/255. Products that
/// saturate, as they may without VNNI, are off by far more.
pub const GOLDEN_ERROR_INT8_MAX: f32 = 0.02;

/// What an int8 network may lose of the f32 one's accuracy, as a share: one point.
pub const INT8_LOSS_MAX: f64 = 0.01;

// ---- all lanes ----

/// A jump of media time beyond this, or any step back, empties a lane's window: pictures from
/// before a cut say nothing about the motion after it.
pub const JUMP_MS: i64 = 500;

/// Pictures closer together than this are not kept: above 120 frames a second nothing is gained,
/// and the window would overflow.
pub const PICTURE_SPACING_MS_MIN: i64 = 8;

/// Grey value of the bars of a letterboxed picture, 0 to 255. The trainer uses the same.
pub const LETTERBOX_GREY: u8 = 114;

// ---- ball ----

/// Pictures that a ball window keeps at most. Five pictures [`BALL_STEP_MS_MAX`] apart at 25
/// frames a second need 10, five pictures 40 ms apart at 120 frames a second need 20.
pub const BALL_WINDOW_MAX: usize = 24;

/// A source slower than one picture in this many ms gives no ball readings: the ball moves
/// further between pictures than the network has ever seen.
pub const BALL_STEP_MS_MAX: i64 = 100;

/// Probability below which a peak of the ball heat map is not reported. Low on purpose: the
/// tracker in `fusion` weighs confidences, and a ball that was never reported cannot be found
/// again.
pub const BALL_CONFIDENCE_MIN: f32 = 0.2;

/// Most ball readings of one picture: hands, heads and the balls of neighbouring courts.
pub const BALLS_MAX: usize = 8;

// ---- rim ----

/// Time from slot to slot of every rim network: fusion counts in these.
pub const RIM_SLOT_MS: usize = 80;

/// A frame is cropped if it comes at most this much before the crop's place on the grid:
/// half a frame at 25 frames a second. Time stamps from RTMP are rounded to whole milliseconds.
pub const RIM_EARLY_MS_MAX: i64 = 20;

// ---- scene ----

/// Columns and rows of the grid on which pictures are compared: coarse enough that a player is one
/// cell and a fast pan a third of a cell a picture, fine enough that two courts differ.
pub const SCENE_GRID: (usize, usize) = (64, 36);

/// A pan shifts the picture by at most this many cells a picture, across and down: more than two
/// picture widths a second at 25 pictures a second.
pub const SCENE_PAN_CELLS: (isize, isize) = (6, 2);

/// Where a cut begins, on a scale where 1 is a picture that has nothing to do with the one before:
/// at the least change, and at so many times the usual one. Either row will do.
///
/// - Another scene: pictures of two games are never nearer than 0.72, shifted as well as they fit;
///   players near the camera reach 0.36 in six generated games of 90 s.
/// - The same scene in another framing: wall above, floor below, and 0.43 to 0.67 of change at 15
///   to 134 times the usual one. Somebody who comes close to the lens reaches 0.34 at 43 times the
///   usual one, but not at once: see [`SCENE_CUT_STEP`].
pub const SCENE_CUTS: [(f32, f32); 2] = [(0.5, 8.0), (0.3, 12.0)];

/// A cut to another framing changes the picture so many times more than each of the last
/// [`SCENE_CUT_STEP_PICTURES`] changed it, and than the next one does: a movement goes on.
pub const SCENE_CUT_STEP: f32 = 3.0;

/// See [`SCENE_CUT_STEP`].
pub const SCENE_CUT_STEP_PICTURES: usize = 4;

/// A change below this is not worth the search for a pan that explains it.
pub const SCENE_CHANGE_MIN: f32 = 0.3;

/// Pictures over which the usual change is taken: half a second.
pub const SCENE_PACE_PICTURES: usize = 12;

/// Nothing is quieter than this: the grain of a still picture.
pub const SCENE_PACE_QUIETEST: f32 = 0.005;

// ---- replays ----

/// Between two pictures that are remembered, in ms.
pub const REPLAY_SPACING_MS: i64 = 80;

/// How long pictures are remembered, in ms: a replay follows what it shows within half a minute.
/// 500 pictures of 576 bytes.
pub const REPLAY_PAST_MS: i64 = 40_000;

/// What was shown more lately than this is like the present because hardly any time has passed.
pub const REPLAY_LAG_MS: i64 = 2_000;

/// Mean difference of two pictures' blocks, in greys, up to which one repeats the other, for a
/// replay to begin and to go on. In replays of generated games at 4 Mb/s half of the pictures are
/// below 0.3; play that looks alike by chance stays above 1.6 for as long as it takes.
pub const REPLAY_ALIKE: f32 = 1.0;
/// See [`REPLAY_ALIKE`]: a pan falls between two remembered pictures.
pub const REPLAY_ALIKE_STILL: f32 = 1.5;

/// What one block may differ by at most, in greys.
pub const REPLAY_BLOCK_MAX: u8 = 24;

/// So far away in time from a picture, in ms, its neighbours must differ clearly.
pub const REPLAY_AWAY_MS: i64 = 400;

/// How many times worse they must fit than the picture itself.
pub const REPLAY_CLEARER: f32 = 1.5;

/// Pictures that must agree before a replay is believed: a second. With nine, live play was taken
/// for a replay once in ten minutes of a picture of 320 × 180 at 300 kb/s, and a shot was lost.
pub const REPLAY_AGREE: usize = 13;

/// Pictures in a row that may be no old ones until a replay is over: a third of a second.
pub const REPLAY_MISSES: u32 = 4;

/// How fast a replay runs, in seconds of play a second.
pub const REPLAY_SPEED: std::ops::Range<f32> = 0.15..1.15;

/// What repeats for longer than this is no replay but a stream that goes round in a loop.
pub const REPLAY_LONGEST_MS: i64 = 20_000;

// ---- incoming ----

/// Rows from one place where combs are looked for to the next: a player's edge is ten times as
/// high at 720 rows, and a look costs a quarter of all rows.
pub const COMB_ROWS: usize = 20;

/// Grey values that every second row must be brighter or darker than its neighbours.
pub const COMB_STEP_MIN: u16 = 8;

/// A picture is combed from this share of torn points on. Of a generated game in which the camera
/// pans, 13 to 1300 points in ten thousand are torn when it is interlaced, half of the pictures
/// above 250; when it is not, 0 to 3.5, half of the pictures none; dark and noisy, up to 7.
pub const COMB_SHARE_MIN: f32 = 5e-4;

/// A picture with fewer torn points than this is not combed, however small it is.
pub const COMB_POINTS_MIN: usize = 4;

/// So many combed pictures one after the other are believed: a fifth of a second.
pub const COMB_PICTURES: u32 = 5;

/// A source is taken for interlaced for this long after the last sign of it, in ms. Long, because a
/// picture in which nothing moves shows no sign.
pub const INTERLACED_MS: i64 = 20_000;

// ---- hoop ----

/// Probability below which a peak of the hoop heat map is not reported. Low, because a hoop that is
/// seen faintly at one place again and again is one; who uses the readings adds them up.
pub const HOOP_CONFIDENCE_MIN: f32 = 0.12;

/// Most hoops in one picture: two on the court, two on a neighbouring court.
pub const HOOPS_MAX: usize = 4;

/// Of two hoop boxes that overlap by more than this (intersection over union), the weaker goes.
pub const HOOP_OVERLAP_MAX: f32 = 0.3;

/// Unit of the hoop network's size outputs: they are `ln(size / 16 px)`.
pub const HOOP_SIZE_UNIT_PX: f32 = 16.0;

/// The size outputs are clamped to this magnitude, so that a wild logit is a wrong box and not an
/// infinite one: e^4 * 16 px is wider than the network's input.
pub const HOOP_LOG_SIZE_MAX: f32 = 4.0;

// ---- follower ----

/// Side of the surroundings that the follower watches, in hoop-box widths: wide enough that ball,
/// net and hands cover a small part of it.
pub const FOLLOW_WIDTHS: f32 = 3.0;

/// How fast the hoop may move beyond the prediction, in pixels a second of a picture 720 rows high;
/// more at other heights in proportion. A fast pan that begins or turns.
pub const FOLLOW_REACH_PX_S: f32 = 300.0;

/// The follower searches at least this far, in pixels of a picture 720 rows high: a camera that is
/// knocked moves so far within a frame, at whatever rate.
pub const FOLLOW_REACH_PX_MIN: f32 = 12.0;

/// Frames that are further apart than this, in ms, are searched as if they were not: six frames a
/// second are the fewest that are analysed, and the work grows with the square of the reach.
pub const FOLLOW_FRAME_MS_MAX: i64 = 160;

/// Grey variance below which surroundings are taken for noise: sensor noise and coding of a phone
/// have a standard deviation of about 4.
pub const FOLLOW_NOISE_VARIANCE: f32 = 16.0;

/// Surroundings with less texture than this many patches' worth make the follower uncertain in
/// proportion: motion along an edge is invisible, so a few patches must agree.
pub const FOLLOW_PATCHES_MIN: f32 = 4.0;

/// Below this certainty a match is not believed and the box stays where it was.
pub const FOLLOW_CERTAINTY_MIN: f32 = 0.3;

/// A picture may become the new reference only if its match was at least this certain: nobody
/// stands in front.
pub const FOLLOW_RENEW_CERTAINTY: f32 = 0.6;

/// The reference is renewed after this many frames, because light and zoom change slowly. Each
/// renewal may add a tenth of a pixel of drift, so not sooner.
pub const FOLLOW_RENEW_FRAMES: u32 = 50;

/// After this long without a match, in ms, the next finder's box is believed wholly.
pub const FOLLOW_LOST_MS: i64 = 1_000;

/// Share of the way to the finder's box that one anchor moves: the finder is right on average but
/// jitters by a cell, the follower is smooth but drifts.
pub const FOLLOW_ANCHOR_SHARE: f32 = 0.3;

/// A finder's box further away than this, in box widths, is another place: the follower jumps.
pub const FOLLOW_JUMP_WIDTHS: f32 = 0.5;

// ---- board ----

/// Most symbols in a field: `12:34.5` is longer than any board shows.
pub const BOARD_TEXT_MAX: usize = 6;

// ---- sound ----

/// Sound is judged in blocks of this many ms.
pub const SOUND_BLOCK_MS: i64 = 100;

/// A block is judged when so many have followed it: enough to tell a whistle from a squeak, and
/// still well below the second after which an operator has been told.
pub const SOUND_LOOKAHEAD_BLOCKS: usize = 3;

// ---- players ----

/// A box less certain than this is not reported: what YOLOX's own demonstration shows.
pub const PLAYER_CONFIDENCE_MIN: f32 = 0.3;

/// Of two boxes of one kind that overlap by more than this (intersection over union), the weaker
/// goes: the value of YOLOX's own demonstration.
pub const PLAYER_OVERLAP_MAX: f32 = 0.45;

/// Most people in one picture: two teams with their benches and the referees; the most certain.
pub const PLAYERS_MAX: usize = 32;

/// Cells that are compared with each other, the most certain: a person lights about a dozen, and
/// the work grows with the square.
pub const PLAYER_CELLS_MAX: usize = 512;
