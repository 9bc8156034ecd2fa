//! Model packs as files of this box: which keys it trusts. What is inside a pack is `models`'
//! business.

pub mod keys;
