//! The stages from access unit to event and clip, and the links between them.
