package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/blitz-r1/blitz/internal/fit"
	"github.com/blitz-r1/blitz/internal/hub"
	"github.com/blitz-r1/blitz/internal/machine"
	"github.com/blitz-r1/blitz/internal/sandbox"
	"github.com/blitz-r1/blitz/internal/tensor"
	"github.com/blitz-r1/blitz/internal/weights"
)

// diagnosis is what doctor finds, as its JSON has it.
type diagnosis struct {
	Build          build           `json:"build"`
	Machine        machine.Machine `json:"machine"`
	Limits         *machine.Limits `json:"limits,omitempty"` // where they were measured
	LimitsError    string          `json:"limits_error,omitempty"`
	Implementation string          `json:"implementation"`    // that blitz uses
	Refused        string          `json:"refused,omitempty"` // an implementation that the processor has and cannot be used, and why
	Threads        int             `json:"threads"`           // that blitz uses
	Room           int64           `json:"room_bytes,omitempty"`
	Sandbox        sandbox.Support `json:"sandbox"`
	Store          storeState      `json:"store"`
	Pip            pipState        `json:"pip"`
	Settings       string          `json:"settings,omitempty"` // path of the file, which need not be there
	Model          *fit.Needs      `json:"model,omitempty"`    // that was asked for
	Models         []modelFit      `json:"models"`             // of the store, where none was asked for
}

// storeState is the folder of the models.
type storeState struct {
	Path   string `json:"path,omitempty"`
	Models int    `json:"models"`
	Free   int64  `json:"free_bytes,omitempty"` // of its disk
	Error  string `json:"error,omitempty"`
}

// pipState is the pip that wheels are fetched with.
type pipState struct {
	Command string `json:"command,omitempty"`
	Version string `json:"version,omitempty"`
	Error   string `json:"error,omitempty"` // why there is none
}

// modelFit is what a stored model needs, or why it cannot be run.
type modelFit struct {
	Name    string     `json:"name"`
	Needs   *fit.Needs `json:"needs,omitempty"`
	Refused string     `json:"refused,omitempty"`
}

// write prints the diagnosis for people; cache is the kind that the models are shown
// with, "" each one's default.
func (d *diagnosis) write(w io.Writer, cache string) error {
	rows := slices.Concat(d.machineRows(), d.useRows(), d.sandboxRows())
	if err := writeTable(w, append(rows, d.placeRows()...)...); err != nil {
		return err
	}
	switch {
	case d.Model != nil:
		fmt.Fprintf(w, "\n%s\n", printable(d.Model.Name))
		return writeNeeds(w, d.Model)
	case len(d.Models) > 0:
		fmt.Fprintln(w)
		return writeTable(w, fitRows(d.Models, cache)...)
	}
	return nil
}

// machineRows say what the machine has.
func (d *diagnosis) machineRows() (rows [][]string) {
	m := &d.Machine
	add := func(key, value string) {
		if value != "" {
			rows = append(rows, []string{key, printable(value)})
		}
	}
	add("processor", m.CPU)
	cores := counted(m.Threads, "thread")
	if m.Cores > 0 {
		cores = fmt.Sprintf("%d, %s", m.Cores, cores)
	}
	if m.Threads < m.CPUs {
		cores += fmt.Sprintf(" of the machine's %d", m.CPUs)
	}
	add("cores", cores)
	if m.Nodes > 1 {
		add("memory nodes", strconv.Itoa(m.Nodes))
	}
	add("instructions", strings.Join(m.Features, " "))
	var caches []string
	for _, c := range m.Caches {
		if c.Kind != "instruction" {
			caches = append(caches, fmt.Sprintf("L%d %d × %s", c.Level, c.Count, fit.FormatMemory(c.Bytes)))
		}
	}
	add("caches", strings.Join(caches, ", "))
	if m.Memory > 0 {
		memory := fit.FormatMemory(m.Memory)
		if m.MemoryLimit > 0 {
			memory += ", of which this process may use " + fit.FormatMemory(m.MemoryLimit)
		}
		if m.MemoryAvailable > 0 {
			memory += ", " + fit.FormatMemory(m.MemoryAvailable) + " free"
		}
		add("memory", memory)
	}
	add("huge pages", m.HugePages)
	add("system", strings.TrimSpace(fmt.Sprintf("%s/%s %s", m.OS, m.Arch, strings.Join([]string{m.OSName, m.Kernel}, " "))))
	if l := d.Limits; l != nil {
		add("limits", fmt.Sprintf("read %.1f GB/s, int8 %.0f GMAC/s, float32 %.0f GFLOP/s with %s on %s", l.ReadGBps, l.Int8GMACs, l.F32GFLOPs, l.Impl, counted(l.Threads, "thread")))
		if l.Undisturbed > 0 && l.Undisturbed < 0.9 {
			add("", fmt.Sprintf("too low: other programs had %.0f %% of the time", 100*(1-l.Undisturbed)))
		}
	} else if d.LimitsError != "" {
		add("limits", "not measured: "+d.LimitsError)
	}
	return rows
}

// useRows say what blitz will use.
func (d *diagnosis) useRows() [][]string {
	rows := [][]string{
		{"blitz", d.Build.String()},
		{"uses", d.Implementation + ", " + counted(d.Threads, "thread")},
	}
	if d.Refused != "" {
		rows = append(rows, []string{"", "not " + printable(d.Refused)})
	}
	if d.Room == 0 {
		return append(rows, []string{"room", "unknown: the system does not say how much memory is free"})
	}
	return append(
		rows,
		[]string{"room", fit.FormatMemory(d.Room) + " for weights and caches"},
		[]string{"fits", fmt.Sprintf("models of about %s parameters in %s, %s in %s",
			parametersThatFit(d.Room, tensor.Q4_K), tensor.Q4_K, parametersThatFit(d.Room, tensor.Q8_0), tensor.Q8_0)},
	)
}

// parametersThatFit returns how many weights of a type take that much memory, for
// people.
func parametersThatFit(room int64, t tensor.DType) string {
	const side = 4096
	m, err := weights.New("", t, side, side)
	if err != nil {
		panic(err) // a square of whole blocks
	}
	return formatCount(int64(math.Floor(float64(room) / float64(m.Bytes()) * side * side)))
}

// placeRows say where things are.
func (d *diagnosis) placeRows() (rows [][]string) {
	s := &d.Store
	if s.Path != "" {
		text := fmt.Sprintf("%s: %s", printable(s.Path), counted(s.Models, "model"))
		if s.Free > 0 {
			text += ", " + hub.FormatBytes(s.Free) + " of disk free"
		}
		rows = append(rows, []string{"store", text})
	}
	if s.Error != "" {
		rows = append(rows, []string{"store", "damaged: " + s.Error})
	}
	if d.Pip.Error == "" {
		rows = append(rows, []string{"pip", fmt.Sprintf("%s %s", d.Pip.Command, d.Pip.Version)})
	} else {
		rows = append(rows, []string{"pip", "none: " + d.Pip.Error})
	}
	if d.Settings != "" {
		rows = append(rows, []string{"settings", printable(d.Settings)})
	}
	return rows
}

// sandboxRows say what programs that nobody trusts are confined with.
func (d *diagnosis) sandboxRows() [][]string {
	s := &d.Sandbox
	if s.Missing != "" {
		return [][]string{
			{"sandbox", "none: " + printable(s.Missing)},
			{"", "rewards that are programs are refused; PDF files are read within limits alone"},
		}
	}
	rows := [][]string{{"sandbox", fmt.Sprintf("Landlock %d and seccomp, for readers of PDF files and rewards that are programs", s.Landlock)}}
	if !s.Signals {
		rows = append(rows, []string{"", "programs in it cannot send signals, as this kernel (before Linux 6.12) does not keep them inside"})
	}
	return rows
}

// fitRows is the table of the stored models.
func fitRows(models []modelFit, cache string) [][]string {
	rows := [][]string{{"NAME", "WEIGHTS", "CACHE", "TOGETHER", "FITS", "LONGEST CONTEXT"}}
	for _, m := range models {
		if m.Needs == nil {
			rows = append(rows, []string{m.Name, "-", "-", "-", "no: " + m.Refused})
			continue
		}
		n := m.Needs
		c := n.Cache(cache)
		fits, longest := fitText(n, c)
		rows = append(rows, []string{
			m.Name, fit.FormatMemory(n.Weights), fmt.Sprintf("%s %s of %d", fit.FormatMemory(c.Bytes), c.Kind, n.Context),
			fit.FormatMemory(c.Total), fits, longest,
		})
	}
	return rows
}
