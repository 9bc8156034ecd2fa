//! Detections and cues in, game events out.
