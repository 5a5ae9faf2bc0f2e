package sandbox

import (
	"fmt"
	"maps"
	"slices"

	"github.com/elastic/go-seccomp-bpf"
	"github.com/elastic/go-seccomp-bpf/arch"
	"golang.org/x/sys/unix"
)

// The calls of a program are those that are known of its processor, less these. A call that
// is not known, and all of another kind of processor (32-bit programs), are refused as well:
// the filter's default refuses.
var refusedCalls = []string{
	// other views of the system, and changes of it
	"unshare", "setns", "mount", "umount", "umount2", "pivot_root", "chroot", "move_mount", "open_tree", "open_tree_attr", "fsopen", "fsconfig", "fsmount", "fspick",
	"mount_setattr", "swapon", "swapoff", "reboot", "kexec_load", "kexec_file_load", "init_module", "finit_module", "delete_module", "create_module", "query_module",
	"get_kernel_syms", "acct", "quotactl", "quotactl_fd", "nfsservctl", "settimeofday", "clock_settime", "clock_adjtime", "adjtimex", "stime", "sethostname",
	"setdomainname", "syslog", "vhangup", "iopl", "ioperm", "modify_ldt", "personality", "uselib", "ustat", "sysfs", "_sysctl", "lookup_dcookie", "fanotify_init", "fanotify_mark",
	// other processes
	"ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "process_mrelease", "pidfd_getfd", "kcmp", "migrate_pages", "move_pages", "setpriority", "ioprio_set",
	"sched_setscheduler", "sched_setparam", "sched_setattr", "perf_event_open", "lsm_set_self_attr",
	// the end of a session is the end of all in it
	"setsid", "setpgid",
	// the network, and what passes by this filter
	"socket", "socketcall", "bind", "listen", "accept", "accept4", "connect", "io_uring_setup", "io_uring_enter", "io_uring_register", "bpf", "userfaultfd",
	// files by other names than paths
	"name_to_handle_at", "open_by_handle_at",
	// memory and messages that outlive a process, or that no limit counts
	"memfd_create", "memfd_secret", "shmget", "shmat", "shmctl", "shmdt", "semget", "semop", "semctl", "semtimedop", "msgget", "msgsnd", "msgrcv", "msgctl", "ipc",
	"mq_open", "mq_unlink", "mq_timedsend", "mq_timedreceive", "mq_notify", "mq_getsetattr", "add_key", "request_key", "keyctl",
}

// signalCalls reach every process of a user where the kernel does not keep them inside.
var signalCalls = []string{"kill", "tkill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "pidfd_send_signal"}

// ownerCalls change files by name, which Landlock leaves to who owns them.
var ownerCalls = []string{
	"chmod", "fchmodat", "fchmodat2", "chown", "lchown", "fchownat", "utime", "utimes", "futimesat", "setxattr", "lsetxattr", "setxattrat",
	"removexattr", "lremovexattr", "removexattrat", "file_setattr",
}

// parserCalls are all that a Go program needs that reads its input and writes its output.
var parserCalls = []string{
	"read", "write", "readv", "writev", "pread64", "close", "fstat", "newfstatat", "lseek", "openat", "readlinkat", "fcntl", "pipe2", "mmap", "munmap", "mprotect", "madvise",
	"brk", "mincore", "futex", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack", "tgkill", "exit", "exit_group", "getpid", "gettid", "getuid", "geteuid", "getgid", "getegid",
	"nanosleep", "clock_nanosleep", "clock_gettime", "clock_getres", "gettimeofday", "sched_yield", "sched_getaffinity", "epoll_create1", "epoll_ctl", "epoll_wait",
	"epoll_pwait", "eventfd2", "poll", "ppoll", "uname", "getrandom", "getrlimit", "setrlimit", "getrusage", "arch_prctl", "prctl", "set_tid_address", "set_robust_list", "rseq",
	"timer_create", "timer_settime", "timer_delete", "setitimer", "restart_syscall", "execve", "sysinfo", "membarrier", "access", "faccessat",
}

// Bits of clone: other namespaces, and a thread in place of a process.
const (
	namespaces = unix.CLONE_NEWNS | unix.CLONE_NEWCGROUP | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC | unix.CLONE_NEWUSER | unix.CLONE_NEWPID | unix.CLONE_NEWNET
	thread     = unix.CLONE_THREAD
)

// confineCalls refuses calls from now on, in this thread and what becomes of it. fenced says
// that the process has a user of its own.
func confineCalls(s *spec, fenced bool) error {
	info, err := arch.GetInfo("")
	if err != nil {
		return err
	}
	known := slices.Sorted(maps.Keys(info.SyscallNames))
	allowed := slices.DeleteFunc(known, func(name string) bool { return slices.Contains(s.refused(fenced), name) })
	if s.Parser {
		allowed = slices.DeleteFunc(allowed, func(name string) bool { return !slices.Contains(parserCalls, name) })
	}
	clone := seccomp.ArgumentConditions{{Argument: 0, Operation: seccomp.BitsNotSet, Value: namespaces}}
	if s.Limits.Processes == 1 || s.Parser {
		clone = append(clone, seccomp.Condition{Argument: 0, Operation: seccomp.BitsSet, Value: thread})
	}
	conditions := []seccomp.NameWithConditions{
		{Name: "clone", Conditions: clone},
		{Name: "prlimit64", Conditions: own},
	}
	if !s.Parser {
		conditions = append(conditions, seccomp.NameWithConditions{Name: "sched_setaffinity", Conditions: own},
			seccomp.NameWithConditions{Name: "socketpair", Conditions: seccomp.ArgumentConditions{{Argument: 0, Operation: seccomp.Equal, Value: unix.AF_UNIX}}})
	}
	filter := seccomp.Filter{NoNewPrivs: true, Policy: seccomp.Policy{
		DefaultAction: seccomp.ActionErrno,
		Syscalls: []seccomp.SyscallGroup{
			// Libraries take clone and no limits for granted where this call is not there; its
			// bits are in memory, which a filter does not see.
			{Names: []string{"clone3"}, Action: seccomp.ActionErrno | seccomp.Action(unix.ENOSYS)},
			{Names: allowed, NamesWithCondtions: conditions, Action: seccomp.ActionAllow},
		},
	}}
	if err := seccomp.LoadFilter(filter); err != nil {
		return fmt.Errorf("seccomp: %w", err)
	}
	return nil
}

// own are calls on the process itself.
var own = seccomp.ArgumentConditions{{Argument: 0, Operation: seccomp.Equal, Value: 0}}

// refused returns the calls that a program does not have, or has with conditions only.
func (s *spec) refused(fenced bool) []string {
	list := append([]string{"clone", "clone3", "prlimit64", "sched_setaffinity", "socketpair"}, refusedCalls...)
	if s.Limits.Processes == 1 || s.Parser {
		list = append(list, "fork", "vfork")
	}
	abi := Describe().Landlock
	if abi < abiScope && !fenced {
		list = append(list, signalCalls...)
	}
	if !fenced {
		list = append(list, ownerCalls...)
		if abi < abiTruncate {
			list = append(list, "truncate")
		}
	}
	return list
}
