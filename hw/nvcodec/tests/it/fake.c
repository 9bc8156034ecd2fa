/* A stand-in for NVIDIA's libraries: the functions that the driver calls, over host memory.
 *
 * Declares NVIDIA's records by itself, as their headers have them, so that a driver which fills
 * them in wrongly is found out. Keeps account of everything that was made, checks every address,
 * and fails on demand. Its "streams" are NAL units behind start codes; a number of 14 bit is two
 * bytes of 0x80 and seven bit each, so that no start code comes up by chance:
 *   67 W W H H C B     a sequence: size, chroma format, bits
 *   65 L L F, 41 L L F a keyframe or another picture: its luma, and flags (see below)
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { DAMAGED = 1, INTERLACED = 2, UPPER_FIRST = 4, HELD = 8 };
enum { INVALID_VALUE = 1, OUT_OF_MEMORY = 2, INVALID_CONTEXT = 201, ILLEGAL_ADDRESS = 700 };

typedef unsigned long long dptr;

/* ---- accounts ---- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct { const char *what; long live, made; } accounts[] = {
    {"contexts", 0, 0}, {"allocations", 0, 0}, {"maps", 0, 0}, {"decoders", 0, 0},
    {"parsers", 0, 0}, {"downloads", 0, 0}, {"violations", 0, 0},
};
static struct { char function[64]; int after, code; } plan;
static __thread int depth;

static void count(const char *what, int by) {
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < sizeof accounts / sizeof *accounts; i++)
        if (!strcmp(accounts[i].what, what)) {
            accounts[i].live += by;
            if (by > 0) accounts[i].made += by;
        }
    pthread_mutex_unlock(&lock);
}

long fake_live(const char *what) {
    for (size_t i = 0; i < sizeof accounts / sizeof *accounts; i++)
        if (!strcmp(accounts[i].what, what)) return accounts[i].live;
    return -1;
}

long fake_made(const char *what) {
    for (size_t i = 0; i < sizeof accounts / sizeof *accounts; i++)
        if (!strcmp(accounts[i].what, what)) return accounts[i].made;
    return -1;
}

/* The call of `function` after so many others answers `code`, and each later one too. */
void fake_fail(const char *function, int after, int code) {
    strncpy(plan.function, function, sizeof plan.function - 1);
    plan.after = after;
    plan.code = code;
}

static int failing(const char *function) {
    if (!plan.code || strcmp(plan.function, function)) return 0;
    return plan.after-- > 0 ? 0 : plan.code;
}

#define FAIL_IF_PLANNED do { int code = failing(__func__); if (code) return code; } while (0)
#define NEEDS_CONTEXT do { if (!depth) { count("violations", 1); return INVALID_CONTEXT; } } while (0)

/* ---- memory ---- */

static struct { char *at; size_t bytes; } regions[256];

static char *region(size_t bytes) {
    pthread_mutex_lock(&lock);
    char *found = NULL;
    for (int i = 0; i < 256 && !found; i++)
        if (!regions[i].at) {
            found = regions[i].at = malloc(bytes);
            regions[i].bytes = bytes;
            memset(found, 0xEE, bytes);
        }
    pthread_mutex_unlock(&lock);
    return found;
}

static int release(char *at) {
    pthread_mutex_lock(&lock);
    int found = 0;
    for (int i = 0; i < 256; i++)
        if (at && regions[i].at == at) {
            free(at);
            regions[i].at = NULL;
            found = 1;
        }
    pthread_mutex_unlock(&lock);
    if (!found) count("violations", 1);
    return found;
}

static int lies_within(dptr at, size_t pitch, size_t bytes, size_t rows) {
    size_t end = pitch * (rows - 1) + bytes;
    int found = 0;
    pthread_mutex_lock(&lock);
    for (int i = 0; i < 256; i++) {
        char *start = regions[i].at, *wanted = (char *)(size_t)at;
        if (start && wanted >= start && wanted + end <= start + regions[i].bytes) found = 1;
    }
    pthread_mutex_unlock(&lock);
    return found && pitch >= bytes;
}

/* ---- cuda.h ---- */

int cuInit(unsigned flags) { FAIL_IF_PLANNED; return flags ? INVALID_VALUE : 0; }
int cuDeviceGetCount(int *n) { FAIL_IF_PLANNED; *n = 1; return 0; }
int cuDeviceGet(int *device, int i) { FAIL_IF_PLANNED; *device = i; return 0; }
int cuDeviceGetName(char *name, int bytes, int device) {
    (void)device;
    strncpy(name, "Fake GPU", bytes);
    return 0;
}
int cuDevicePrimaryCtxRetain(void **context, int device) {
    FAIL_IF_PLANNED;
    (void)device;
    count("contexts", 1);
    *context = &plan;
    return 0;
}
int cuDevicePrimaryCtxRelease_v2(int device) { (void)device; count("contexts", -1); return 0; }
int cuCtxPushCurrent_v2(void *context) {
    FAIL_IF_PLANNED;
    if (context != &plan) return INVALID_CONTEXT;
    depth++;
    return 0;
}
int cuCtxPopCurrent_v2(void **context) {
    NEEDS_CONTEXT;
    *context = &plan;
    depth--;
    return 0;
}
int cuMemAllocPitch_v2(dptr *at, size_t *pitch, size_t bytes, size_t rows, unsigned element) {
    FAIL_IF_PLANNED;
    NEEDS_CONTEXT;
    if (element != 4 && element != 8 && element != 16) return INVALID_VALUE;
    *pitch = (bytes + 511) / 512 * 512;
    *at = (dptr)(size_t)region(*pitch * rows);
    if (!*at) return OUT_OF_MEMORY;
    count("allocations", 1);
    return 0;
}
int cuMemFree_v2(dptr at) {
    NEEDS_CONTEXT;
    if (!release((char *)(size_t)at)) return ILLEGAL_ADDRESS;
    count("allocations", -1);
    return 0;
}

typedef struct {
    size_t srcX, srcY; int srcKind; const char *srcHost; dptr srcDevice; void *srcArray;
    size_t srcPitch;
    size_t dstX, dstY; int dstKind; char *dstHost; dptr dstDevice; void *dstArray;
    size_t dstPitch;
    size_t bytes, rows;
} Copy;

int cuMemcpy2D_v2(const Copy *c) {
    FAIL_IF_PLANNED;
    NEEDS_CONTEXT;
    if (c->srcX || c->srcY || c->dstX || c->dstY || c->srcKind != 2) return INVALID_VALUE;
    int sound = lies_within(c->srcDevice, c->srcPitch, c->bytes, c->rows);
    if (c->dstKind == 2) sound &= lies_within(c->dstDevice, c->dstPitch, c->bytes, c->rows);
    if (!sound) {
        count("violations", 1);
        return ILLEGAL_ADDRESS;
    }
    char *to = c->dstKind == 2 ? (char *)(size_t)c->dstDevice : c->dstHost;
    for (size_t row = 0; row < c->rows; row++)
        memcpy(to + row * c->dstPitch, (char *)(size_t)c->srcDevice + row * c->srcPitch, c->bytes);
    if (c->dstKind == 1) count("downloads", 1);
    return 0;
}
int cuGetErrorName(int code, const char **name) {
    *name = code == OUT_OF_MEMORY ? "CUDA_ERROR_OUT_OF_MEMORY" : NULL;
    return 0;
}

/* ---- cuviddec.h ---- */

typedef struct {
    int codec, chroma; unsigned depth, r1[3]; unsigned char supported, engines;
    unsigned short formats; unsigned max_width, max_height, max_blocks;
    unsigned short min_width, min_height; unsigned char h0, h1; unsigned short h2;
    unsigned r3[10];
} Caps;

int cuvidGetDecoderCaps(Caps *caps) {
    FAIL_IF_PLANNED;
    NEEDS_CONTEXT;
    /* H.264 is 4, HEVC is 8; 4:2:0 is 1. */
    caps->supported = (caps->codec == 4 || caps->codec == 8) && caps->chroma == 1 && !caps->depth;
    caps->max_width = 4096;
    caps->max_height = 2304;
    return 0;
}

typedef struct { short left, top, right, bottom; } Rect;
typedef struct {
    unsigned long width, height, surfaces; int codec, chroma;
    unsigned long flags, depth, intra, max_width, max_height, r1; Rect area;
    int output, deinterlace; unsigned long target_width, target_height, outputs; void *lock;
    Rect target; unsigned long histogram, r2[4];
} Create;

typedef struct { unsigned long width, height, surfaces, lent; int luma[32], flags[32]; } Decoder;

int cuvidCreateDecoder(Decoder **made, Create *wanted) {
    FAIL_IF_PLANNED;
    NEEDS_CONTEXT;
    int sound = wanted->surfaces > 0 && wanted->surfaces <= 32 && wanted->chroma == 1 &&
        wanted->output == 0 && wanted->deinterlace == 0 && wanted->outputs == 1 &&
        wanted->target_width % 2 == 0 && wanted->target_height % 2 == 0 &&
        wanted->area.right > wanted->area.left && wanted->area.bottom > wanted->area.top &&
        wanted->width >= (unsigned long)wanted->area.right;
    if (!sound) return INVALID_VALUE;
    Decoder *decoder = calloc(1, sizeof *decoder);
    decoder->width = wanted->target_width;
    decoder->height = wanted->target_height;
    decoder->surfaces = wanted->surfaces;
    count("decoders", 1);
    *made = decoder;
    return 0;
}
int cuvidDestroyDecoder(Decoder *decoder) {
    NEEDS_CONTEXT;
    if (decoder->lent) count("violations", 1);
    free(decoder);
    count("decoders", -1);
    return 0;
}

typedef struct {
    int width_blocks, height_blocks, index, field, bottom, second; unsigned bytes;
    const unsigned char *data; unsigned slices; const unsigned *offsets; int reference, intra;
    unsigned reserved[30]; unsigned specific[1024];
} Picture;

static int number(const unsigned char *two) { return (two[0] & 0x7f) << 7 | (two[1] & 0x7f); }

int cuvidDecodePicture(Decoder *decoder, Picture *picture) {
    FAIL_IF_PLANNED;
    NEEDS_CONTEXT;
    if ((unsigned long)picture->index >= decoder->surfaces) return INVALID_VALUE;
    decoder->luma[picture->index] = number(picture->data + 1);
    decoder->flags[picture->index] = picture->data[3] & 0x7f;
    return 0;
}

typedef struct { int status; unsigned r[31]; void *p[8]; } Status;

int cuvidGetDecodeStatus(Decoder *decoder, int index, Status *status) {
    FAIL_IF_PLANNED;
    NEEDS_CONTEXT;
    status->status = decoder->flags[index] & DAMAGED ? 9 : 2;
    return 0;
}

typedef struct {
    int progressive, second, upper_first, unpaired; unsigned flags, zero; dptr raw_in;
    unsigned raw_pitch, raw_format; dptr raw_out; unsigned out_pitch, r1; void *stream;
    unsigned r[46]; void *histogram; void *r2[1];
} Process;

int cuvidMapVideoFrame64(Decoder *d, int index, dptr *at, unsigned *pitch, Process *how) {
    FAIL_IF_PLANNED;
    NEEDS_CONTEXT;
    if (d->lent || how->stream || how->raw_in) return INVALID_VALUE;
    *pitch = (d->width + 255) / 256 * 256;
    unsigned char *to = (unsigned char *)region(*pitch * d->height * 3 / 2);
    for (unsigned long y = 0; y < d->height; y++)
        memset(to + y * *pitch, d->luma[index], d->width);
    for (unsigned long y = d->height; y < d->height * 3 / 2; y++)
        for (unsigned long x = 0; x < d->width; x++)
            to[y * *pitch + x] = x % 2 ? 255 - d->luma[index] : d->luma[index] / 2;
    d->lent = *at = (dptr)(size_t)to;
    count("maps", 1);
    return 0;
}
int cuvidUnmapVideoFrame64(Decoder *decoder, dptr at) {
    NEEDS_CONTEXT;
    if (decoder->lent != at) { count("violations", 1); return INVALID_VALUE; }
    release((char *)(size_t)at);
    decoder->lent = 0;
    count("maps", -1);
    return 0;
}

/* ---- nvcuvid.h ---- */

typedef struct {
    int codec; unsigned rate[2]; unsigned char progressive, luma_bits, chroma_bits, surfaces;
    unsigned coded_width, coded_height; struct { int left, top, right, bottom; } area;
    int chroma; unsigned bitrate; int aspect[2]; unsigned char signal[4]; unsigned header_bytes;
} Format;
typedef struct { int index, progressive, upper_first, repeat; long long timestamp; } Shown;
typedef int (*Call)(void *, void *);
typedef struct {
    int codec; unsigned surfaces, clock, threshold, delay, bits, r1[4]; void *user;
    Call sequence, decode, show, point, sei; void *r2[5]; void *extra;
} Parameters;
typedef struct { unsigned long flags, bytes; const unsigned char *data; long long time; } Packet;

typedef struct {
    Parameters with; unsigned char told[6]; int known, kept, next, holds; Shown held;
} Parser;

int cuvidCreateVideoParser(Parser **made, Parameters *wanted) {
    FAIL_IF_PLANNED;
    if (wanted->clock != 90000 || wanted->threshold || wanted->delay) return INVALID_VALUE;
    Parser *parser = calloc(1, sizeof *parser);
    parser->with = *wanted;
    count("parsers", 1);
    *made = parser;
    return 0;
}
int cuvidDestroyVideoParser(Parser *parser) {
    free(parser);
    count("parsers", -1);
    return 0;
}

static void show_held(Parser *p) {
    if (p->holds) p->with.show(p->with.user, &p->held);
    p->holds = 0;
}

static int sequence(Parser *p, const unsigned char *unit) {
    if (p->known && !memcmp(p->told, unit + 1, 6)) return 0;
    show_held(p);
    int width = number(unit + 1), height = number(unit + 3);
    Format format = {0};
    format.codec = p->with.codec;
    format.progressive = 1;
    format.surfaces = 4;
    format.coded_width = (width + 15) / 16 * 16;
    format.coded_height = (height + 15) / 16 * 16;
    format.area.right = width;
    format.area.bottom = height;
    format.chroma = unit[5] & 0x7f;
    format.luma_bits = (unit[6] & 0x7f) - 8;
    int kept = p->with.sequence(p->with.user, &format);
    if (!kept) return INVALID_VALUE;
    p->kept = kept > 1 ? kept : (int)p->with.surfaces;
    memcpy(p->told, unit + 1, 6);
    p->known = 1;
    p->next = 0;
    return 0;
}

static int picture(Parser *p, const unsigned char *unit, unsigned bytes, long long time) {
    int flags = unit[3] & 0x7f;
    if (!p->known) return 0; /* as NVIDIA's: without parameter sets there is no picture */
    Picture picture = {0};
    picture.index = p->next;
    picture.bytes = bytes;
    picture.data = unit;
    picture.intra = (unit[0] & 0x1f) == 5;
    p->next = (p->next + 1) % p->kept;
    if (!p->with.decode(p->with.user, &picture)) return INVALID_VALUE;
    Shown shown = {picture.index, !(flags & INTERLACED), !!(flags & UPPER_FIRST), 0, time};
    if (flags & HELD || picture.intra) show_held(p);
    if (flags & HELD) {
        p->held = shown;
        p->holds = 1;
    } else {
        p->with.show(p->with.user, &shown);
    }
    return 0;
}

int cuvidParseVideoData(Parser *p, Packet *packet) {
    FAIL_IF_PLANNED;
    const unsigned char *data = packet->data;
    unsigned long at = 0, bytes = packet->bytes;
    if (bytes && packet->flags != (2 | 8)) return INVALID_VALUE;
    while (at + 3 < bytes) {
        if (data[at] || data[at + 1] || data[at + 2] != 1) { at++; continue; }
        const unsigned char *unit = data + at + 3;
        unsigned long end = at + 3;
        while (end < bytes && !(end + 2 < bytes && !data[end] && !data[end + 1] && data[end + 2] == 1))
            end++;
        int kind = unit[0] & 0x1f, code = 0;
        unsigned size = (unsigned)(end - at - 3);
        if (kind == 7 && size >= 7) code = sequence(p, unit);
        if ((kind == 5 || kind == 1) && size >= 4) code = picture(p, unit, size, packet->time);
        if (code) return code;
        at = end;
    }
    if (packet->flags & 1) {
        show_held(p);
        p->with.show(p->with.user, NULL);
    }
    return 0;
}

/* ---- nvEncodeAPI.h: the functions of a session come from the test ---- */

static int (*instance)(void *);
void fake_encoder(int (*create)(void *)) { instance = create; }
int NvEncodeAPIGetMaxSupportedVersion(unsigned *version) {
    FAIL_IF_PLANNED;
    *version = 12 << 4 | 1;
    return 0;
}
int NvEncodeAPICreateInstance(void *list) { return instance ? instance(list) : INVALID_VALUE; }
