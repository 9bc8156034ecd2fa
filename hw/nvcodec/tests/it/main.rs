//! The codecs over a stand-in for NVIDIA's libraries, `fake.c`, which a C compiler makes in a
//! temporary folder; where there is none, each test says so and passes. `gpu_` tests want the real
//! libraries and a GPU: `cargo nextest run --run-ignored all -E 'test(gpu_)'`.

mod absent;
mod decoder;
mod encoder;
mod fake;
mod gpu;
mod nvenc;
mod toy;
