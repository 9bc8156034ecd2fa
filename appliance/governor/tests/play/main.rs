//! The governor on a box that warms up: what it saves, when it sprints, and what it never does.

mod game;
mod properties;
mod trouble;
mod warming;
