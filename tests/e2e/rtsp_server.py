#!/usr/bin/python3
"""An RTSP server for the tests: moving test pictures and a tone, as a camera serves them.

    rtsp_server.py PORT [--user NAME --password TEXT] [--size 320x180] [--rate 25] [--samples 48000]

Serves rtsp://127.0.0.1:PORT/ with h264 and h265 (both with AAC), vp8 (a codec that the box does
not take) and sound (no video). With a user, it asks for name and password by digest. Needs
GStreamer's RTSP server with its Python binding: scripts/setup installs them.
"""

import argparse

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402

SOUND_OUT = " ! rtpmp4gpay pt=97 name="
ROLE = "viewer"


def streams(size, rate, samples):
    """What is served under which path: a keyframe every second."""
    width, height = size.split("x")
    picture = (
        "videotestsrc is-live=true pattern=ball"
        f" ! video/x-raw,width={width},height={height},framerate={rate}/1,format=I420"
    )
    sound = f"audiotestsrc is-live=true wave=ticks ! audio/x-raw,rate={samples} ! voaacenc"
    speed = f"tune=zerolatency speed-preset=ultrafast key-int-max={rate}"
    pay = "pt=96 config-interval=-1 name=pay0"
    return {
        "h264": f"( {picture} ! x264enc {speed} ! rtph264pay {pay} {sound}{SOUND_OUT}pay1 )",
        "h265": f"( {picture} ! x265enc {speed} ! rtph265pay {pay} {sound}{SOUND_OUT}pay1 )",
        "vp8": f"( {picture} ! vp8enc deadline=1 ! rtpvp8pay pt=96 name=pay0 )",
        "sound": f"( {sound}{SOUND_OUT}pay0 )",
    }


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("port")
    parser.add_argument("--user")
    parser.add_argument("--password")
    parser.add_argument("--size", default="320x180")
    parser.add_argument("--rate", type=int, default=25)
    parser.add_argument("--samples", type=int, default=48_000)
    arguments = parser.parse_args()
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(arguments.port)
    if arguments.user:
        token = GstRtspServer.RTSPToken()
        token.set_string(GstRtspServer.RTSP_TOKEN_MEDIA_FACTORY_ROLE, ROLE)
        auth = GstRtspServer.RTSPAuth()
        auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
        auth.add_digest(arguments.user, arguments.password, token)
        server.set_auth(auth)
    for name, launch in streams(arguments.size, arguments.rate, arguments.samples).items():
        factory = GstRtspServer.RTSPMediaFactory()
        # One pipeline a client: of one that two clients join at the same moment, the server has
        # been seen to send the pictures alone, to both and for good.
        factory.set_launch(launch)
        if arguments.user:
            permissions = GstRtspServer.RTSPPermissions()
            permissions.add_role(ROLE)
            for what in ("access", "construct"):
                permissions.add_permission_for_role(ROLE, f"media.factory.{what}", True)
            factory.set_permissions(permissions)
        server.get_mount_points().add_factory(f"/{name}", factory)
    if not server.attach(None):
        raise SystemExit(f"port {arguments.port} cannot be opened")
    GLib.MainLoop().run()


main()
