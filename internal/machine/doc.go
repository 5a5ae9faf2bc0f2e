// Package machine tells what this machine has (processor, instruction sets,
// cores, caches, memory, system) and measures what it can do at most: the read
// bandwidth of its memory and the integer and float peaks of an implementation
// of the kernels. Speeds of the engine are shown as shares of these limits.
//
// Describe reads what the system says and never fails: what the system does not
// say stays at its zero value, which means unknown, and is left out of the JSON.
// On Linux everything comes from the files under /proc and /sys; a container's
// share (affinity, processor quota, memory limit; control groups of both
// versions) is counted, since that is what a program can use. On macOS and
// Windows it comes from the calls that tell the same.
//
// Measure runs short loops on pinned threads. Its instructions are written in
// assembly for amd64 (read_amd64.s, peak_amd64.s); other architectures and
// builds with the tag purego measure with portable Go, and Limits says so.
package machine
