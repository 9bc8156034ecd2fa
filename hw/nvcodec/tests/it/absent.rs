//! Boxes without NVIDIA's libraries, or with a part of them.

use nvcodec::{Absent, Gpu, Names};

use crate::fake::Fake;

#[test]
fn box_without_nvidias_libraries_says_which_one_is_missing_and_goes_on() {
    let nowhere = Names {
        cuda: "/nowhere/libcuda.so.1".into(),
        cuvid: "/nowhere/libnvcuvid.so.1".into(),
        encode: "/nowhere/libnvidia-encode.so.1".into(),
    };
    let absent = Gpu::find(&nowhere).err().expect("it is not there");
    assert!(matches!(absent, Absent::Library { .. }), "{absent}");
    let told = absent.to_string();
    assert!(told.contains("/nowhere/libcuda.so.1 is not there"), "{told}");
    assert!(told.contains("install NVIDIA's driver"), "{told}");
    assert!(told.contains("No such file or directory"), "{told}");
}

#[test]
fn driver_without_the_codec_library_is_told_apart() {
    let Some(fake) = Fake::build() else { return };
    let names = Names { cuvid: "/nowhere/libnvcuvid.so.1".into(), ..fake.names() };
    let told = Gpu::find(&names).err().expect("a part is missing").to_string();
    assert!(told.contains("libnvcuvid.so.1 is not there"), "{told}");
    // A library that is there, but is another one.
    let names = Names { cuvid: "libm.so.6".into(), ..fake.names() };
    let absent = Gpu::find(&names).err().expect("it has no such functions");
    assert!(matches!(absent, Absent::Function { .. }), "{absent}");
    fake.assert_empty();
}

#[test]
fn driver_that_knows_no_gpu_is_told_with_its_own_words() {
    let Some(fake) = Fake::build() else { return };
    for call in ["cuInit", "cuDeviceGetCount", "cuDeviceGet", "cuDevicePrimaryCtxRetain"] {
        fake.fail(call, 0, 2);
        let absent = Gpu::find(&fake.names()).err().expect("it fails");
        let told = absent.to_string();
        assert!(matches!(absent, Absent::Device { .. }), "{told}");
        assert!(told.contains(call) && told.contains("CUDA_ERROR_OUT_OF_MEMORY"), "{told}");
    }
    fake.fail("", 0, 0);
    assert_eq!(fake.gpu().name(), "Fake GPU");
    fake.assert_empty();
}
