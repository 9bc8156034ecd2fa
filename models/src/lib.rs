//! Model packs and the tract engine.
