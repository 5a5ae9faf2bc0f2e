// Package packed keeps packed weights on disk: a model that was packed before is mapped,
// and not packed again.
//
// The packed weights of a model are an image: a file in one folder, named by a key, a
// digest over all that its bytes depend on (the model's files, the version and the kind of
// the layout, what of the model is packed in which order). An image of another key is
// never mapped, whatever its name says. It is there whole or not at all: it is written
// beside its place, under a lock that one writer holds and nobody waits for, and renamed.
//
// Before an image is used its length, its header (SHA-256) and every byte of its weights
// (CRC-32C of each 64 KiB) are checked, at the speed of the memory: one that is damaged or
// cut short is removed and never used. The check is against damage, not against somebody
// who writes to the folder as its user: that one could as well write to the model. What the
// system takes from memory later, when others need it, it reads from the disk again without
// a check, as it does with programs.
//
// A model that is larger than the memory is not mapped: a Reader reads the parts that are
// wanted, past the system's cache where it lets it, and checks each of them every time.
// Its image is written piece by piece, by a Writer, as it is packed.
//
// The folder has a limit. The images that were used longest ago go first; their use
// outlives the process in the times of the files. An image may be removed at any time, by
// anybody: who has it mapped keeps it until it is unmapped. It must not be written to, nor
// cut, while it is mapped: it is made read-only.
//
// Nothing is synced: what a crash of the system damages is found by the check.
package packed
