# The virtual machine that boots an image: firmware, disk, serial console, network. To be sourced
# after scripts/lib/env.sh. KVM is not used even where it is there: what is measured must not
# depend on it.
# shellcheck shell=bash

# Where Debian has the firmware.
FIRMWARE=/usr/share/OVMF/OVMF_CODE_4M.fd
FIRMWARE_VARIABLES=/usr/share/OVMF/OVMF_VARS_4M.fd
# The log goes to the serial line, which is all that a test sees of a boot.
CONSOLE="systemd.journald.forward_to_console=1 systemd.journald.max_level_console=info"

# credential NAME: QEMU's option that gives the machine's systemd what stands on standard input.
credential() { printf 'type=11,value=io.systemd.credential.binary:%s=%s' "$1" "$(base64 -w 0)"; }

# Nehalem has no fused multiplication, of which emulation makes a call for each number: with `max`
# one frame of inference took minutes.
#
# start_machine FOLDER DISK [QEMU-OPTION...]: boots DISK; the daemon has patience for an emulated
# processor, where one frame of inference takes longer than the 30 s of its watchdog; the console is written to FOLDER/console,
# the process's id to FOLDER/pid. FOLDER keeps the firmware's variables from boot to boot.
start_machine() {
    local folder=$1 disk=$2
    shift 2
    [ -r "$FIRMWARE" ] || die "the firmware $FIRMWARE is missing; run scripts/setup image"
    [ -e "$folder/variables.fd" ] || cp "$FIRMWARE_VARIABLES" "$folder/variables.fd"
    qemu-system-x86_64 -accel tcg,thread=multi -M q35 -cpu Nehalem -smp 2 -m 2048 \
        -nodefaults -display none -serial "file:$folder/console" \
        -drive if=pflash,format=raw,unit=0,readonly=on,file="$FIRMWARE" \
        -drive if=pflash,format=raw,unit=1,file="$folder/variables.fd" \
        -drive if=none,id=disk,format=raw,file="$disk",cache=unsafe,discard=unmap \
        -device virtio-blk-pci,drive=disk,bootindex=1 \
        -device virtio-rng-pci \
        -device virtio-serial-pci -chardev "socket,id=test,path=$folder/shell,server=on,wait=off" \
        -device virtserialport,chardev=test,name=test \
        -smbios "$(python3 image-build/lib/guest.py unit | credential systemd.extra-unit.courtside-test.service)" \
        -smbios "$(printf '[Unit]\nWants=courtside-test.service\n' | credential systemd.unit-dropin.multi-user.target)" \
        -smbios "$(printf '[Service]\nTimeoutStartSec=300\nWatchdogSec=600\n' | credential systemd.unit-dropin.courtside.service)" \
        -smbios "type=11,value=io.systemd.stub.kernel-cmdline-extra=$CONSOLE" \
        "$@" </dev/null >"$folder/qemu.log" 2>&1 &
    printf '%s\n' "$!" >"$folder/pid"
}

# guest FOLDER SECONDS COMMAND: has it run by a shell inside, and prints what it printed.
guest() { python3 image-build/lib/guest.py "$1/shell" "$2" "$3"; }

# stop_machine FOLDER: pulls the plug.
stop_machine() {
    local pid
    pid=$(cat "$1/pid" 2>/dev/null) || return 0
    kill -9 "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
    rm -f "$1/pid"
}

is_running() { kill -0 "$(cat "$1/pid" 2>/dev/null)" 2>/dev/null; }

# wait_for FOLDER SECONDS PATTERN [FILE]: waits until FILE (otherwise the console) has a line that
# matches; fails when the time is over, or the machine ended without one.
wait_for() {
    local folder=$1 limit=$2 pattern=$3 file=${4:-$1/console} began=$SECONDS
    until grep -aqE "$pattern" "$file" 2>/dev/null; do
        if [ $((SECONDS - began)) -ge "$limit" ]; then return 1; fi
        if ! is_running "$folder"; then
            grep -aqE "$pattern" "$file" 2>/dev/null && return 0
            return 1
        fi
        sleep 0.5
    done
}
