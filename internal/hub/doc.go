// Package hub is where models come from and where they live: a
// content-addressed store under the user's data folder, and the sources that
// fill it.
//
// # On disk
//
//	blobs/ab/ab12…               the bytes of a file, named by their SHA-256
//	blobs/ab/ab12….link          beside a blob that is a hard link to a user's file: size, time, path
//	manifests/SHA256(name).json  one model: its name, its files, where they came from
//	snapshots/SHA256(files)/     the same files under their own names, as links to blobs
//	staging/SHA256(name)/        what an unfinished pull has so far
//	staging/ab12…/               a large file that is being fetched, for all pulls that want it
//	uploads/ab12…                files that were sent to a server and wait for their model, for a day
//	used/SHA256(name)            empty: its time is when the model was last used
//	locks/                       files that running pulls and commits hold a lock on
//
// Every path below the store is made from digests, that is from 32 bytes. The
// only text of a user or of a download that reaches a path is the plain file
// name inside a snapshot, and PlainName says which names are plain.
//
// # What holds at any moment
//
// A pull or an import collects its files in staging, checks them, and commits:
// under the store's lock the files are renamed into blobs, the snapshot is
// linked, and last the manifest is written beside its place, synced and
// renamed. A crash before that rename leaves staging and perhaps a blob that
// no manifest names; nothing that was stored before is touched. Blobs without
// a manifest are removed under the same lock, so never while another process
// is between its blobs and its manifest. Pulls of one name wait for each
// other, in one process as between processes.
//
// # Hard links
//
// Import shares the bytes of the user's file where it can, and so does a pull
// that takes a file which another program has already. A reflink is a copy
// of its own from then on. A hard link is the user's file under a second name:
// deleting the original is harmless, writing into it changes the model. So a
// hard-linked blob keeps the size and the modification time that it was
// digested with; when either differs as the model is opened, it is digested
// again, and refused with ErrDigest when its bytes are others. A program that
// writes and sets the time back is found by Verify only.
package hub
