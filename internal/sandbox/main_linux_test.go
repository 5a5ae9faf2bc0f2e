package sandbox

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestMain is the program that boxes of the tests run, and that runs in them.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		if os.Args[1] == "confine" {
			os.Exit(Main(os.Args[2:]))
		}
		if act := acts[os.Args[1]]; act != nil {
			if err := act(os.Args[2:]); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			os.Exit(0)
		}
	}
	os.Exit(m.Run())
}

// acts are what programs in the tests do.
var acts = map[string]func(args []string) error{
	"read": func(args []string) error {
		_, err := os.ReadFile(args[0])
		return err
	},
	"list": func(args []string) error {
		_, err := os.ReadDir(args[0])
		return err
	},
	"write": func(args []string) error { return os.WriteFile(args[0], []byte("x"), 0o600) },
	"chmod": func(args []string) error { return os.Chmod(args[0], 0o777) },
	"cut":   func(args []string) error { return os.Truncate(args[0], 0) },
	"dial": func(args []string) error {
		_, err := net.Dial(args[0], args[1])
		return err
	},
	"listen": func([]string) error {
		_, err := net.Listen("tcp", "127.0.0.1:0")
		return err
	},
	"signal": func(args []string) error {
		pid, err := strconv.Atoi(args[0])
		if err != nil {
			return err
		}
		return syscall.Kill(pid, syscall.SIGUSR1)
	},
	"session": func([]string) error {
		_, err := syscall.Setsid()
		return err
	},
	"namespace": func([]string) error { return syscall.Unshare(syscall.CLONE_NEWUSER) },
	"environ": func([]string) error {
		_, err := fmt.Println(strings.Join(os.Environ(), "\n"))
		return err
	},
	"folder": func([]string) error {
		dir, err := os.Getwd()
		fmt.Println(dir)
		return err
	},
	"echo": func([]string) error {
		_, err := os.Stdout.ReadFrom(os.Stdin)
		return err
	},
	"exit": func(args []string) error {
		code, err := strconv.Atoi(args[0])
		if err == nil {
			os.Exit(code)
		}
		return err
	},
	"say": func(args []string) error { // without end
		for {
			if _, err := os.Stdout.WriteString(strings.Repeat("x", 4096)); err != nil {
				return err
			}
		}
	},
	"complain": func(args []string) error {
		for {
			if _, err := os.Stderr.WriteString(strings.Repeat("x", 4096)); err != nil {
				return err
			}
		}
	},
	"sleep": func([]string) error {
		time.Sleep(time.Hour)
		return nil
	},
	"spin": func([]string) error {
		for n := 0; ; n++ {
			if n < 0 {
				return nil
			}
		}
	},
	"eat": func([]string) error {
		var eaten [][]byte
		for {
			b := make([]byte, 8<<20)
			for i := range b {
				b[i] = 1
			}
			eaten = append(eaten, b)
			if len(eaten) > 1<<20 {
				return nil
			}
		}
	},
	// Memory that is shared is no data of one process.
	"share": func([]string) error {
		for {
			b, err := syscall.Mmap(-1, 0, 8<<20, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED|syscall.MAP_ANON)
			if err != nil {
				return err
			}
			for i := 0; i < len(b); i += 4096 {
				b[i] = 1
			}
		}
	},
	"grow": func(args []string) error { // one file without end
		f, err := os.Create(args[0])
		if err != nil {
			return err
		}
		for {
			if _, err := f.Write(make([]byte, 1<<16)); err != nil {
				return err
			}
		}
	},
	"litter": func(args []string) error { // files without end
		for n := 0; ; n++ {
			if err := os.WriteFile(filepath.Join(args[0], strconv.Itoa(n)), nil, 0o600); err != nil {
				return err
			}
		}
	},
	"fill": func(args []string) error { // files of a size without end
		for n := 0; ; n++ {
			if err := os.WriteFile(filepath.Join(args[0], strconv.Itoa(n)), make([]byte, 1<<20), 0o600); err != nil {
				return err
			}
		}
	},
	// A program that begins itself twice, without end.
	"bomb": func([]string) error {
		for {
			cmd := exec.Command(os.Args[0], "bomb")
			if err := cmd.Start(); err != nil {
				time.Sleep(time.Millisecond)
			}
		}
	},
	// A child that outlives its parent, and says its number.
	"orphan": func([]string) error {
		cmd := exec.Command(os.Args[0], "sleep")
		if err := cmd.Start(); err != nil {
			return err
		}
		fmt.Println(cmd.Process.Pid)
		return nil
	},
}
