//! The calls into Video4Linux that the `v4l` crate has none for, and those of its streams, which
//! can neither hand out a buffer for long nor survive an error. Owns the unsafe calls; each is one
//! safe function on an open device.

use std::io;
use std::mem;
use std::ops::Range;
use std::os::fd::RawFd;
use std::time::Duration;

use v4l::v4l_sys as sys;
use v4l::v4l2::vidioc;

/// The request codes of `linux/videodev2.h` that the crate lacks.
const QUERY_DV_TIMINGS: vidioc::_IOC_TYPE = read::<sys::v4l2_dv_timings>(99);
const S_DV_TIMINGS: vidioc::_IOC_TYPE = read_write::<sys::v4l2_dv_timings>(87);
const SUBSCRIBE_EVENT: vidioc::_IOC_TYPE = write::<sys::v4l2_event_subscription>(90);
const DQEVENT: vidioc::_IOC_TYPE = read::<sys::v4l2_event>(89);

const CAPTURE: u32 = sys::v4l2_buf_type_V4L2_BUF_TYPE_VIDEO_CAPTURE;
const MMAP: u32 = sys::v4l2_memory_V4L2_MEMORY_MMAP;

const fn code(
    direction: vidioc::_IOC_TYPE,
    number: vidioc::_IOC_TYPE,
    bytes: usize,
) -> vidioc::_IOC_TYPE {
    direction << 30 | (bytes as vidioc::_IOC_TYPE) << 16 | (b'V' as vidioc::_IOC_TYPE) << 8 | number
}

const fn write<T>(number: vidioc::_IOC_TYPE) -> vidioc::_IOC_TYPE {
    code(1, number, mem::size_of::<T>())
}

const fn read<T>(number: vidioc::_IOC_TYPE) -> vidioc::_IOC_TYPE {
    code(2, number, mem::size_of::<T>())
}

const fn read_write<T>(number: vidioc::_IOC_TYPE) -> vidioc::_IOC_TYPE {
    code(3, number, mem::size_of::<T>())
}

/// Structures of the kernel's interface: plain numbers, for which all zeros is a value.
trait Plain: Copy {}
impl Plain for sys::v4l2_dv_timings {}
impl Plain for sys::v4l2_event_subscription {}
impl Plain for sys::v4l2_event {}
impl Plain for sys::v4l2_input {}
impl Plain for sys::v4l2_fmtdesc {}
impl Plain for sys::v4l2_requestbuffers {}
impl Plain for sys::v4l2_buffer {}
impl Plain for sys::v4l2_format {}
impl Plain for sys::v4l2_capability {}
impl Plain for i32 {}

fn zeros<T: Plain>() -> T {
    // SAFETY: `Plain` types are integers, arrays and unions of them, or pointers that may be null.
    unsafe { mem::zeroed() }
}

fn call<T: Plain>(fd: RawFd, request: vidioc::_IOC_TYPE, value: &mut T) -> io::Result<()> {
    // SAFETY: `value` is a structure of the size that `request` names, exclusively borrowed. The
    // kernel checks `fd`; pointers inside are null, or owned by the caller for the call.
    unsafe { v4l::v4l2::ioctl(fd, request, std::ptr::from_mut(value).cast()) }
}

/// What a device is. Not through the crate, which panics on a name that was cut within a letter.
pub(crate) fn capability(fd: RawFd) -> io::Result<sys::v4l2_capability> {
    let mut capability = zeros();
    call(fd, vidioc::VIDIOC_QUERYCAP, &mut capability)?;
    Ok(capability)
}

/// The timings of the signal that is plugged in now.
///
/// # Errors
/// `ENOLINK`: none. `ENOLCK`: not steady. `ERANGE`: more than the device takes. Others: it cannot
/// tell.
pub(crate) fn query_timings(fd: RawFd) -> io::Result<sys::v4l2_dv_timings> {
    let mut timings = zeros();
    call(fd, QUERY_DV_TIMINGS, &mut timings)?;
    Ok(timings)
}

/// Makes the device expect these timings.
pub(crate) fn set_timings(fd: RawFd, mut timings: sys::v4l2_dv_timings) -> io::Result<()> {
    call(fd, S_DV_TIMINGS, &mut timings)
}

/// Asks for an event whenever what is plugged in changes.
pub(crate) fn subscribe_source_changes(fd: RawFd, input: u32) -> io::Result<()> {
    let mut wanted: sys::v4l2_event_subscription = zeros();
    wanted.type_ = sys::V4L2_EVENT_SOURCE_CHANGE;
    wanted.id = input;
    call(fd, SUBSCRIBE_EVENT, &mut wanted)
}

/// Takes all waiting events; whether the source changed.
pub(crate) fn take_source_change(fd: RawFd) -> bool {
    let mut changed = false;
    let mut event: sys::v4l2_event = zeros();
    while call(fd, DQEVENT, &mut event).is_ok() {
        changed |= event.type_ == sys::V4L2_EVENT_SOURCE_CHANGE;
    }
    changed
}

/// An input of a device; `None` behind the last one.
pub(crate) fn input(fd: RawFd, index: u32) -> Option<sys::v4l2_input> {
    let mut input: sys::v4l2_input = zeros();
    input.index = index;
    call(fd, vidioc::VIDIOC_ENUMINPUT, &mut input).ok()?;
    Some(input)
}

/// The input in use.
pub(crate) fn current_input(fd: RawFd) -> io::Result<i32> {
    let mut index = 0;
    call(fd, vidioc::VIDIOC_G_INPUT, &mut index)?;
    Ok(index)
}

/// Uses another input.
pub(crate) fn select_input(fd: RawFd, mut index: i32) -> io::Result<()> {
    call(fd, vidioc::VIDIOC_S_INPUT, &mut index)
}

/// The code of a layout that the device has; `None` behind the last one. Not through the crate,
/// which panics on a description that was cut within a letter.
pub(crate) fn code_of_layout(fd: RawFd, index: u32) -> io::Result<Option<[u8; 4]>> {
    let mut layout: sys::v4l2_fmtdesc = zeros();
    (layout.index, layout.type_) = (index, CAPTURE);
    match call(fd, vidioc::VIDIOC_ENUM_FMT, &mut layout) {
        Ok(()) => Ok(Some(layout.pixelformat.to_le_bytes())),
        Err(error) if error.raw_os_error() == Some(libc::EINVAL) => Ok(None),
        Err(error) => Err(error),
    }
}

/// What a picture's rows are in the device's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) code: [u8; 4],
    pub(crate) stride: u32,
    pub(crate) field: u32,
}

/// Asks for a layout; returns what the device makes of it. Not through the crate: that knows no
/// halves of interlaced pictures.
pub(crate) fn set_layout(fd: RawFd, wanted: &Layout) -> io::Result<Layout> {
    let mut format: sys::v4l2_format = zeros();
    format.type_ = CAPTURE;
    let pix = sys::v4l2_pix_format {
        width: wanted.width,
        height: wanted.height,
        pixelformat: u32::from_le_bytes(wanted.code),
        field: wanted.field,
        ..zeros_pix()
    };
    format.fmt.pix = pix;
    call(fd, vidioc::VIDIOC_S_FMT, &mut format)?;
    // SAFETY: of a capture buffer `pix` is the member in use.
    let pix = unsafe { format.fmt.pix };
    Ok(Layout {
        width: pix.width,
        height: pix.height,
        code: pix.pixelformat.to_le_bytes(),
        stride: pix.bytesperline,
        field: pix.field,
    })
}

fn zeros_pix() -> sys::v4l2_pix_format {
    // SAFETY: integers, and a union of them.
    unsafe { mem::zeroed() }
}

/// Asks for buffers that can be mapped, or gives all back; returns how many there are.
pub(crate) fn request_buffers(fd: RawFd, count: u32) -> io::Result<u32> {
    let mut request: sys::v4l2_requestbuffers = zeros();
    (request.count, request.type_, request.memory) = (count, CAPTURE, MMAP);
    call(fd, vidioc::VIDIOC_REQBUFS, &mut request)?;
    Ok(request.count)
}

fn buffer(index: u32) -> sys::v4l2_buffer {
    let mut buffer: sys::v4l2_buffer = zeros();
    (buffer.index, buffer.type_, buffer.memory) = (index, CAPTURE, MMAP);
    buffer
}

/// Where a buffer can be mapped from.
pub(crate) fn buffer_place(fd: RawFd, index: u32) -> io::Result<Range<usize>> {
    let mut buffer = buffer(index);
    call(fd, vidioc::VIDIOC_QUERYBUF, &mut buffer)?;
    // SAFETY: of a buffer that is mapped `offset` is the member in use.
    let offset = unsafe { buffer.m.offset } as usize;
    Ok(offset..offset + buffer.length as usize)
}

/// Gives a buffer to the device.
pub(crate) fn queue(fd: RawFd, index: u32) -> io::Result<()> {
    call(fd, vidioc::VIDIOC_QBUF, &mut buffer(index))
}

/// A buffer that the device has filled.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Filled {
    pub(crate) index: u32,
    pub(crate) bytes: usize,
    pub(crate) sequence: u32,
    pub(crate) field: u32,
    /// The device says that its pixels are damaged.
    pub(crate) is_damaged: bool,
    /// When, on the system's monotonic clock; `None` where the driver uses another one.
    pub(crate) stamp: Option<Duration>,
}

/// Takes a filled buffer; `WouldBlock` if none is.
pub(crate) fn dequeue(fd: RawFd) -> io::Result<Filled> {
    let mut buffer = buffer(0);
    call(fd, vidioc::VIDIOC_DQBUF, &mut buffer)?;
    let clock = buffer.flags & sys::V4L2_BUF_FLAG_TIMESTAMP_MASK;
    let seconds = u64::try_from(buffer.timestamp.tv_sec).unwrap_or(0);
    let micros = u64::try_from(buffer.timestamp.tv_usec).unwrap_or(0);
    let stamp = Duration::from_secs(seconds) + Duration::from_micros(micros);
    Ok(Filled {
        index: buffer.index,
        bytes: buffer.bytesused as usize,
        sequence: buffer.sequence,
        field: buffer.field,
        is_damaged: buffer.flags & sys::V4L2_BUF_FLAG_ERROR != 0,
        stamp: (clock == sys::V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC).then_some(stamp),
    })
}

/// Starts the stream.
pub(crate) fn stream_on(fd: RawFd) -> io::Result<()> {
    call(fd, vidioc::VIDIOC_STREAMON, &mut (CAPTURE as i32))
}

/// Stops the stream; every buffer is ours from then on.
pub(crate) fn stream_off(fd: RawFd) -> io::Result<()> {
    call(fd, vidioc::VIDIOC_STREAMOFF, &mut (CAPTURE as i32))
}

/// Now, on the clock of [`Filled::stamp`].
pub(crate) fn monotonic() -> Duration {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the clock exists on every Linux, and `now` is ours.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut now) };
    let nanos = u32::try_from(now.tv_nsec).unwrap_or(0);
    Duration::new(u64::try_from(now.tv_sec).unwrap_or(0), nanos)
}

/// What a device and a bell have for us.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ready {
    pub(crate) picture: bool,
    pub(crate) event: bool,
    pub(crate) error: bool,
    /// The device was pulled out. Waiting for it is no wait any more.
    pub(crate) is_gone: bool,
}

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum For {
    /// Events: a device without a stream answers a wait for pictures with an error.
    Events,
    /// Pictures and events.
    Pictures,
}

/// Waits until the device has something, `bell` rings, or the time is over. A file of -1 is none.
pub(crate) fn wait((fd, what): (RawFd, For), bell: RawFd, most: Duration) -> io::Result<Ready> {
    let wanted = match what {
        For::Events => libc::POLLPRI,
        For::Pictures => libc::POLLPRI | libc::POLLIN,
    };
    let mut set = [
        libc::pollfd { fd, events: wanted, revents: 0 },
        libc::pollfd { fd: bell, events: libc::POLLIN, revents: 0 },
    ];
    // Rounded up: a wait of half a millisecond is no wait of none.
    let most = i32::try_from(most.as_micros().div_ceil(1_000)).unwrap_or(i32::MAX);
    // SAFETY: `set` has two entries, and outlives the call.
    let count = unsafe { libc::poll(set.as_mut_ptr(), 2, most) };
    if count < 0 {
        let error = io::Error::last_os_error();
        let is_interrupted = error.kind() == io::ErrorKind::Interrupted;
        return if is_interrupted { Ok(Ready::default()) } else { Err(error) };
    }
    let got = set[0].revents;
    Ok(Ready {
        picture: got & libc::POLLIN != 0,
        event: got & libc::POLLPRI != 0,
        error: got & (libc::POLLERR | libc::POLLHUP | libc::POLLNVAL) != 0,
        is_gone: got & (libc::POLLHUP | libc::POLLNVAL) != 0,
    })
}
