/* A stand-in for NVIDIA's management library: three GPUs, of which the second tells nothing and
 * the third fell off the bus. Compiled with NO_DRIVER, NO_GPU or NO_FAN it fails in other ways. */
#include <stdlib.h>

#define SUCCESS 0
#define NOT_SUPPORTED 3
#define DRIVER_NOT_LOADED 9
#define GPU_IS_LOST 15

static int devices[3];
static int started;

static int full(void *device) { return device == &devices[0]; }

int nvmlInit_v2(void) {
#ifdef NO_DRIVER
    return DRIVER_NOT_LOADED;
#endif
    started++;
    return SUCCESS;
}
int nvmlShutdown(void) {
    started--;
    return SUCCESS;
}
int nvmlDeviceGetCount_v2(unsigned *count) {
    if (!started) abort();
#ifdef NO_GPU
    *count = 0;
#else
    *count = 3;
#endif
    return SUCCESS;
}
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **device) {
    if (!started || index > 2) abort();
    if (index == 2) return GPU_IS_LOST;
    *device = &devices[index];
    return SUCCESS;
}
int nvmlDeviceGetTemperature(void *device, unsigned sensor, unsigned *degrees) {
    if (!started || sensor != 0) abort();
    if (!full(device)) return NOT_SUPPORTED;
    *degrees = 61;
    return SUCCESS;
}
int nvmlDeviceGetTemperatureThreshold(void *device, unsigned which, unsigned *degrees) {
    if (!started || which > 1) abort();
    if (!full(device)) return NOT_SUPPORTED;
    *degrees = which == 0 ? 98 : 93;
    return SUCCESS;
}
int nvmlDeviceGetPowerUsage(void *device, unsigned *milliwatts) {
    if (!started) abort();
    if (!full(device)) return NOT_SUPPORTED;
    *milliwatts = 43210;
    return SUCCESS;
}
#ifndef NO_FAN
int nvmlDeviceGetFanSpeed(void *device, unsigned *percent) {
    if (!started) abort();
    if (!full(device)) return NOT_SUPPORTED;
    *percent = 104;
    return SUCCESS;
}
#endif
