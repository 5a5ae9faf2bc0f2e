// Package sandbox runs programs that nobody trusts: what a model wrote, what a user's
// reward calls, a parser of strangers' files.
//
// A Box starts this program again (Main), which takes from itself all that it does not need
// and then becomes the program that is asked for:
//
//	files      Landlock: it reads what the Box names and the system's programs and libraries,
//	           and changes what is in one folder
//	network    none: Landlock, and seccomp refuses every socket
//	calls      seccomp: those that are known to be harmless; no other namespaces, no tracing,
//	           no keys, no io_uring, no messages that stay behind
//	identity   no new privileges; as root another user, that owns nothing, for each program
//	resources  rlimits for each process, and a watch over all of them together (watch_linux.go)
//	the end    a session of its own that nothing in it can leave, killed as one
//
// Where the system has no such thing, Check says what is missing and nothing is run.
//
// What is not kept from a program: that files exist, and their sizes and times. Files that
// are deleted and still open count by the limit of each, not in Limits.Disk. As another user
// than root, a program cannot change modes, owners and times of files by name, not even in
// its own folder, since Landlock does not know whose they are.
package sandbox
