//! Game events and a GOP index in, clip plans out.
