/* A publisher over librtmp: sends an FLV file through RTMP_Write, as fast as it is to be played.
 * Compiled by the test that runs it: cc librtmp_publish.c -lrtmp.
 *
 *     librtmp_publish FILE.flv URL
 */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <librtmp/log.h>
#include <librtmp/rtmp.h>

enum { FILE_HEAD = 13, TAG_HEAD = 11, TAG_TAIL = 4, TAG_MAX = 1 << 22 };

static int fail(const char *what)
{
    fprintf(stderr, "librtmp_publish: %s\n", what);
    return 1;
}

static long now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int main(int argc, char **argv)
{
    static unsigned char tag[TAG_MAX];
    if (argc != 3)
        return fail("give a file and a URL");
    FILE *file = fopen(argv[1], "rb");
    if (!file || fread(tag, 1, FILE_HEAD, file) != FILE_HEAD || memcmp(tag, "FLV", 3))
        return fail("the file is no FLV");
    RTMP_LogSetLevel(RTMP_LOGWARNING);
    RTMP *rtmp = RTMP_Alloc();
    RTMP_Init(rtmp);
    if (!RTMP_SetupURL(rtmp, argv[2]))
        return fail("the URL is not understood");
    RTMP_EnableWrite(rtmp);
    if (!RTMP_Connect(rtmp, NULL) || !RTMP_ConnectStream(rtmp, 0))
        return fail("not accepted");
    long began = now_ms();
    while (fread(tag, 1, TAG_HEAD, file) == TAG_HEAD) {
        long body = (long)tag[1] << 16 | tag[2] << 8 | tag[3];
        long at = (long)tag[7] << 24 | (long)tag[4] << 16 | tag[5] << 8 | tag[6];
        long whole = TAG_HEAD + body + TAG_TAIL;
        if (whole > TAG_MAX || fread(tag + TAG_HEAD, 1, whole - TAG_HEAD, file) == 0)
            return fail("the file ends in a tag");
        long wait = began + at - now_ms();
        if (wait > 0) {
            struct timespec pause = { wait / 1000, wait % 1000 * 1000000 };
            nanosleep(&pause, NULL);
        }
        if (RTMP_Write(rtmp, (char *)tag, whole) <= 0)
            return fail("the connection is gone");
    }
    RTMP_Close(rtmp);
    RTMP_Free(rtmp);
    return 0;
}
