package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/blitz-r1/blitz/internal/signed"
	"github.com/blitz-r1/blitz/receipt"
)

// computer is a machine of a test: a user's folders, a store, and perhaps no network.
type computer struct {
	t       *testing.T
	folder  string
	offline bool
	told    string // the standard input of commands

	used spent // of the last command
}

// spent is what a command took: time of the processor, and bytes of memory at most.
type spent struct {
	Took   time.Duration
	Memory int64
}

// spentVariable names the file into which what a measured command spent goes.
const spentVariable = "BLITZ_TEST_SPENT"

func init() { programs["measured"] = measured }

// measured runs blitz, and writes down what it took. It stands between, since Linux counts as a
// command's memory what the process had that began it.
func measured() {
	path := os.Getenv(spentVariable)
	os.Unsetenv(spentVariable)
	cmd := exec.Command("/proc/self/exe")
	cmd.Args = append([]string{"blitz"}, os.Args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	err := cmd.Run()
	if cmd.ProcessState == nil {
		fmt.Fprintln(os.Stderr, "measured:", err)
		os.Exit(125)
	}
	var u spent
	if used, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		u = spent{time.Duration(used.Utime.Nano() + used.Stime.Nano()), used.Maxrss << 10}
	}
	text, err := json.Marshal(u)
	if err == nil {
		err = os.WriteFile(path, text, 0o600)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "measured:", err)
		os.Exit(125)
	}
	os.Exit(cmd.ProcessState.ExitCode())
}

func readSpent(t *testing.T, path string) (u spent) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(text, &u)
	}
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func newComputer(t *testing.T, offline bool) *computer {
	t.Helper()
	return &computer{t: t, folder: t.TempDir(), offline: offline}
}

func (c *computer) at(name string) string { return filepath.Join(c.folder, name) }

// blitz runs a command, which has to end with a code, and returns what it printed.
func (c *computer) blitz(code int, args ...string) (stdout, stderr string) {
	c.t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Args = append([]string{"measured"}, args...) // which this program is by that name
	cmd.Dir = c.folder
	cmd.Env = []string{"HOME=" + c.folder, "PATH=" + os.Getenv("PATH"), "XDG_CONFIG_HOME=" + c.at("config"), "BLITZ_HOME=" + c.at("store"), spentVariable + "=" + c.at("spent.json")}
	if c.offline {
		ids := func(id int) []syscall.SysProcIDMap {
			return []syscall.SysProcIDMap{{ContainerID: 0, HostID: id, Size: 1}}
		}
		cmd.SysProcAttr = &syscall.SysProcAttr{
			Cloneflags: syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET, UidMappings: ids(os.Getuid()), GidMappings: ids(os.Getgid()),
		}
	}
	var out, said bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(c.told), &out, &said
	err := cmd.Run()
	if c.offline && cmd.ProcessState == nil {
		c.t.Skipf("this system makes no namespace without a network (%v): run it as root, or where users may make namespaces", err)
	}
	c.used = readSpent(c.t, c.at("spent.json"))
	if got := cmd.ProcessState.ExitCode(); got != code {
		c.t.Fatalf("blitz %s: exit code %d, want %d: %s%s", strings.Join(args, " "), got, code, out.String(), said.String())
	}
	return out.String(), said.String()
}

// take copies a file from another machine.
func (c *computer) take(from *computer, names ...string) {
	c.t.Helper()
	for _, name := range names {
		text, err := os.ReadFile(from.at(name))
		if err != nil {
			c.t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Dir(c.at(name)), 0o755); err != nil {
			c.t.Fatal(err)
		}
		if err := os.WriteFile(c.at(name), text, 0o644); err != nil {
			c.t.Fatal(err)
		}
	}
}

// TestProof is the story of the README: a model is signed, an answer gets a receipt, and a
// second machine without any network checks both, and sees through what was changed.
func TestProof(t *testing.T) {
	vendor, mine := newComputer(t, false), newComputer(t, true)
	if err := writeTinyFolder(vendor.at("model")); err != nil {
		t.Fatal(err)
	}
	vendor.blitz(0, "keygen", "vendor.pem", "--type", "p256")
	vendor.blitz(0, "keygen", "receipt.pem")
	vendor.blitz(0, "keygen", "log.pem")
	vendor.blitz(0, "sign", "model", "--key", "vendor.pem")
	out, _ := vendor.blitz(0, "log", "init", "log", "--origin", "example.org/log", "--key", "log.pem", "--json")
	var log struct{ VKey string }
	if err := json.Unmarshal([]byte(out), &log); err != nil {
		t.Fatal(err)
	}
	vendor.blitz(0, "run", "model", "hello", "--temp", "1", "--seed", "7", "-n", "40", "--cpu", "portable", "--receipt", "answer.json", "--receipt-key", "receipt.pem", "--log", "log")

	// The other machine takes signed models alone.
	entries, err := os.ReadDir(vendor.at("model"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		mine.take(vendor, filepath.Join("model", e.Name()))
	}
	mine.take(vendor, "answer.json", "receipt.pem.pub", "vendor.pem.pub")
	if err := os.MkdirAll(mine.at("config/blitz/trust"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(mine.at("config/blitz/config.toml"), []byte("[trust]\nrequire = true\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, said := mine.blitz(4, "import", "model", "mine"); !strings.Contains(said, "key: the model has no signature") {
		t.Errorf("an unsigned model: %s", said)
	}
	mine.take(vendor, "model.sig")
	if _, said := mine.blitz(4, "import", "model", "mine"); !strings.Contains(said, "key: ") {
		t.Errorf("signed by nobody who is trusted: %s", said)
	}
	if err := os.Rename(mine.at("vendor.pem.pub"), mine.at("config/blitz/trust/vendor.pub")); err != nil {
		t.Fatal(err)
	}
	mine.blitz(0, "import", "model", "mine")
	if out, _ := mine.blitz(0, "show", "mine"); !strings.Contains(out, "signed by") || strings.Contains(out, "nobody") {
		t.Errorf("show says: %s", out)
	}
	check := []string{"verify", "answer.json", "--key", "receipt.pem.pub", "--log-key", log.VKey, "--model", "mine", "--prompt", "hello"}
	if out, _ := mine.blitz(0, check...); !strings.Contains(out, "checked: signature, prompt, output, log, engine") {
		t.Errorf("verify says: %s", out)
	}

	// One byte of the receipt.
	whole, err := os.ReadFile(mine.at("answer.json"))
	if err != nil {
		t.Fatal(err)
	}
	r, err := receipt.Parse(whole)
	if err != nil {
		t.Fatal(err)
	}
	r.Opening.Output.IDs[3] ^= 1
	write(t, mine.at("answer.json"), r.Text())
	if _, said := mine.blitz(4, check...); !strings.Contains(said, "opening: the output is not what the receipt commits to") {
		t.Errorf("a changed token: %s", said)
	}
	// An operator who signs the lie.
	pem, err := os.ReadFile(vendor.at("receipt.pem"))
	if err != nil {
		t.Fatal(err)
	}
	key, err := signed.ParsePrivateKey(pem)
	if err != nil {
		t.Fatal(err)
	}
	s, err := r.Statement()
	if err != nil {
		t.Fatal(err)
	}
	s.Output, s.Log = receipt.CommitIDs("output", r.Opening.Output), ""
	lie, err := receipt.Sign(s, key, r.Opening)
	if err != nil {
		t.Fatal(err)
	}
	write(t, mine.at("answer.json"), lie.Text())
	if out, said := mine.blitz(4, "verify", "answer.json", "--key", "receipt.pem.pub", "--model", "mine", "--json"); !strings.Contains(said, "output: token 3 is ") || !strings.Contains(out, `"first_difference": 3`) {
		t.Errorf("a lie that is signed: %s%s", out, said)
	}
	// One byte of the weights.
	write(t, mine.at("answer.json"), whole)
	at := mine.at("model/model.safetensors")
	weights, err := os.ReadFile(at)
	if err != nil {
		t.Fatal(err)
	}
	weights[len(weights)-2] ^= 1
	write(t, at, weights)
	if _, said := mine.blitz(4, "import", "model", "other"); !strings.Contains(said, "digest: model.safetensors") {
		t.Errorf("changed weights: %s", said)
	}
	if _, said := mine.blitz(4, "verify", "answer.json", "--key", "receipt.pem.pub", "--model", "./model"); !strings.Contains(said, "model: the receipt is of the model") {
		t.Errorf("a receipt with changed weights: %s", said)
	}
}

func write(t *testing.T, path string, text []byte) {
	t.Helper()
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
}
