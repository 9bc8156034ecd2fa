//! The recorder, the containers and the cutter, judged by ffmpeg.

mod cut;
mod film;
mod promise;
mod record;
mod waiting;
