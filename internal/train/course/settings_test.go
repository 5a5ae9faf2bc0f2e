package course

import (
	"errors"
	"reflect"
	"strings"
	"testing"
)

// TestTOML writes settings and reads them again.
func TestTOML(t *testing.T) {
	for _, kind := range Kinds {
		s := Usual(kind)
		s.Model, s.Data = `a "model"`, []string{"a.jsonl", "ü\n\\"}
		s.LearningRate, s.Eps, s.Validation = 1e-3, 1e-8, 0.1
		var got Settings
		given, err := got.Parse("run.toml", s.TOML())
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, s) {
			t.Errorf("%s: got %+v, want %+v", kind, got, s)
		}
		if len(given) != len(s.Keys()) {
			t.Errorf("%d keys given, want %d", len(given), len(s.Keys()))
		}
		if err := s.Check(); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for text, wrong := range map[string]string{
		"learning_rate = 1": "learning_rate is no setting", "rows = 'a'": "rows", "[a]\nb = 1": "a is no setting", "rows =": "toml",
	} {
		var s Settings
		if _, err := s.Parse("x.toml", []byte(text)); !errors.Is(err, ErrSetting) || !strings.Contains(err.Error(), wrong) {
			t.Errorf("%q: error %v, want ErrSetting with %q", text, err, wrong)
		}
	}
}

func TestCheck(t *testing.T) {
	for name, change := range map[string]func(*Settings){
		"learning-rate": func(s *Settings) { s.LearningRate = 0 }, "rows": func(s *Settings) { s.Rows = -1 }, "beta1": func(s *Settings) { s.Beta1 = 1 },
		"validation": func(s *Settings) { s.Validation = 1 }, "long": func(s *Settings) { s.Long = "" }, "output-type": func(s *Settings) { s.OutputType = "" }, "lora": func(s *Settings) { s.Lora, s.OutputGGUF = true, true },
		"min-learning-rate": func(s *Settings) { s.MinLearningRate = 1 }, "epochs": func(s *Settings) { s.Epochs = 0 }, "eps": func(s *Settings) { s.Eps = 0 },
		"rank": func(s *Settings) { s.Lora, s.Rank = true, 0 }, "alpha": func(s *Settings) { s.Lora, s.Alpha = true, 0 }, "random": func(s *Settings) { s.Lora, s.Random = true, true },
	} {
		s := Usual("sft")
		change(&s)
		if err := s.Check(); !errors.Is(err, ErrSetting) && !errors.Is(err, ErrDoomed) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// TestSame tells settings that change what is learned from those that do not.
func TestSame(t *testing.T) {
	a, b := Usual("sft"), Usual("sft")
	b.SaveEvery, b.Samples = 7, 9
	if err := a.Same(&b); err != nil {
		t.Error(err)
	}
	b.Rows = 9
	if err := a.Same(&b); !errors.Is(err, ErrOther) || !strings.Contains(err.Error(), "rows is 9 there, and 0 here") {
		t.Errorf("error %v", err)
	}
}
