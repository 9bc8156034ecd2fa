//! What it costs to unpack a packed picture of 1920 x 1080: `cargo bench --profile dev -p
//! courtside-v4l2`. One thread. On a busy machine only the `fastest` column means anything.

use divan::Bencher;
use hal::surface::Scan;
use v4l2::packed::{Order, Packed, Unpacked};
use wire::units::PictureSize;

fn main() {
    divan::main();
}

#[divan::bench(args = [Order::Uyvy, Order::Yuyv])]
fn unpack(bencher: Bencher<'_, '_>, order: Order) {
    let size = PictureSize { width: 1920, height: 1080 };
    let data: Vec<u8> = (0..3840 * 1080).map(|i: u32| (i * 7 + i / 3840) as u8).collect();
    let mut target = Unpacked::default();
    bencher.bench_local(|| {
        let scan = Scan::Progressive;
        target.fill(Packed { data: divan::black_box(&data), stride: 3840, size, order, scan });
    });
}
