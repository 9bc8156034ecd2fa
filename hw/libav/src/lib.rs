//! Software decode through FFmpeg's libraries.
