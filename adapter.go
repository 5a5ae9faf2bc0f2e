package blitz

import (
	"context"
	"fmt"

	"github.com/blitz-r1/blitz/internal/adapter"
	"github.com/blitz-r1/blitz/internal/engine"
	"github.com/blitz-r1/blitz/internal/model"
)

var (
	// ErrAdapter is an adapter that is damaged, more than plain LoRA, or of another model.
	ErrAdapter = adapter.ErrFormat
	// ErrOtherBase is one that says it was trained on other files than the model's. It is
	// ErrAdapter.
	ErrOtherBase = adapter.ErrBase
)

// Adapter is a low-rank adapter (LoRA, Hu et al. 2021) of a model: a Request that names
// it is answered by the adapted model. The weights stay as they are, whatever type they
// have, and each request of a batch may have another adapter; it changes no bit of any
// other.
type Adapter struct {
	model *Model
	bound *model.Adapter
	name  string
}

// AdapterOptions say how an adapter is loaded.
type AdapterOptions struct {
	// Digests is a folder in which digests of models' files are remembered, so that an
	// adapter that says which model it is of is compared with it at once. "": nowhere.
	Digests string
	// AnyBase takes an adapter that was trained on other files than the model's: another
	// quantisation of the same model, perhaps. Shapes have to fit all the same.
	AnyBase bool
	// MemoryLimit is how many bytes the adapter may take; 0: any.
	MemoryLimit int64
	// Room is told how many bytes the adapter takes before it takes them, once it is known
	// to fit the model; an error of it ends the loading. nil: MemoryLimit alone counts.
	Room func(bytes int64) error
}

// LoadAdapter loads an adapter in the form of Hugging Face's PEFT: a folder with
// adapter_config.json and adapter_model.safetensors. o may be nil. The error wraps
// ErrAdapter or safetensors.ErrFormat where it is refused, ErrNoRoom, or is that of the file system.
// An adapter needs no closing: it is gone when nothing refers to it.
func (m *Model) LoadAdapter(ctx context.Context, folder string, o *AdapterOptions) (*Adapter, error) {
	if o == nil {
		o = &AdapterOptions{}
	}
	if m.net == nil {
		return nil, errFar
	}
	a, err := adapter.Open(folder)
	if err != nil {
		return nil, err
	}
	defer a.Close()
	if !o.AnyBase {
		if err := model.CheckBase(ctx, m.files, a, o.Digests); err != nil {
			return nil, err
		}
	}
	bound, err := m.net.AdaptIn(a, func(bytes int64) error {
		if o.MemoryLimit > 0 && bytes > o.MemoryLimit {
			return fmt.Errorf("blitz: adapter %s takes %d MiB, there are %d MiB for it: %w", a.Name(), bytes>>20, o.MemoryLimit>>20, ErrNoRoom)
		}
		if o.Room != nil {
			return o.Room(bytes)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &Adapter{model: m, bound: bound, name: a.Name()}, nil
}

// Name returns the name of the adapter's folder.
func (a *Adapter) Name() string { return a.name }

// Digest returns a digest of all that the adapter does, in hexadecimal digits.
func (a *Adapter) Digest() string { return a.bound.Digest().String() }

// Bytes returns what the adapter takes in memory.
func (a *Adapter) Bytes() int64 { return a.bound.Bytes() }

// boundTo returns the adapter as an engine of a model takes it; nil of none.
func (a *Adapter) boundTo(m *Model) (*model.Adapter, error) {
	if a == nil {
		return nil, nil
	}
	if a.model != m {
		return nil, fmt.Errorf("blitz: adapter %s was loaded for another model: %w", a.name, ErrOption)
	}
	return a.bound, nil
}

// owner returns whose a request is.
func (e *Engine) owner(tenant string, batch bool, a *Adapter) (engine.Owner, error) {
	bound, err := a.boundTo(e.model)
	return engine.Owner{Tenant: tenant, Batch: batch, Adapter: bound}, err
}
