package machine

import "fmt"

// armName names an ARM core by the implementer and part of its main identity
// register, or returns "" for a processor that has none. Linux gives only the
// numbers.
func armName(implementer, part uint64) string {
	if implementer == 0 {
		return ""
	}
	i, ok := armImplementers[implementer]
	if !ok {
		return fmt.Sprintf("ARM implementer 0x%02x part 0x%03x", implementer, part)
	}
	if name, ok := i.parts[part]; ok {
		return i.name + " " + name
	}
	return fmt.Sprintf("%s part 0x%03x", i.name, part)
}

type armImplementer struct {
	name  string
	parts map[uint64]string
}

// armImplementers are the makers of 64-bit cores and the numbers that their
// manuals give to them.
var armImplementers = map[uint64]armImplementer{
	0x41: {"ARM", map[uint64]string{
		0xd02: "Cortex-A34", 0xd03: "Cortex-A53", 0xd04: "Cortex-A35", 0xd05: "Cortex-A55",
		0xd06: "Cortex-A65", 0xd07: "Cortex-A57", 0xd08: "Cortex-A72", 0xd09: "Cortex-A73",
		0xd0a: "Cortex-A75", 0xd0b: "Cortex-A76", 0xd0c: "Neoverse-N1", 0xd0d: "Cortex-A77",
		0xd0e: "Cortex-A76AE", 0xd40: "Neoverse-V1", 0xd41: "Cortex-A78", 0xd42: "Cortex-A78AE",
		0xd43: "Cortex-A65AE", 0xd44: "Cortex-X1", 0xd46: "Cortex-A510", 0xd47: "Cortex-A710",
		0xd48: "Cortex-X2", 0xd49: "Neoverse-N2", 0xd4a: "Neoverse-E1", 0xd4b: "Cortex-A78C",
		0xd4c: "Cortex-X1C", 0xd4d: "Cortex-A715", 0xd4e: "Cortex-X3", 0xd4f: "Neoverse-V2",
		0xd80: "Cortex-A520", 0xd81: "Cortex-A720", 0xd82: "Cortex-X4", 0xd83: "Neoverse-V3AE",
		0xd84: "Neoverse-V3", 0xd85: "Cortex-X925", 0xd87: "Cortex-A725", 0xd88: "Cortex-A520AE",
		0xd89: "Cortex-A720AE", 0xd8a: "C1-Nano", 0xd8b: "C1-Pro", 0xd8c: "C1-Ultra",
		0xd8e: "Neoverse-N3", 0xd8f: "Cortex-A320", 0xd90: "C1-Premium",
	}},
	0x42: {"Broadcom", map[uint64]string{0x516: "ThunderX2"}},
	0x43: {"Cavium", map[uint64]string{0x0a1: "ThunderX", 0x0af: "ThunderX2", 0x0b8: "ThunderX3"}},
	0x46: {"Fujitsu", map[uint64]string{0x001: "A64FX", 0x003: "MONAKA"}},
	0x48: {"HiSilicon", map[uint64]string{0xd01: "TaiShan-v110", 0xd02: "TaiShan-v120", 0xd40: "Cortex-A76", 0xd41: "Cortex-A77"}},
	0x4e: {"NVIDIA", map[uint64]string{0x003: "Denver 2", 0x004: "Carmel", 0x010: "Olympus"}},
	0x50: {"APM", map[uint64]string{0x000: "X-Gene"}},
	0x51: {"Qualcomm", map[uint64]string{
		0x001: "Oryon", 0x800: "Kryo-2XX-Gold", 0x801: "Kryo-2XX-Silver", 0x802: "Kryo-3XX-Gold",
		0x803: "Kryo-3XX-Silver", 0x804: "Kryo-4XX-Gold", 0x805: "Kryo-4XX-Silver", 0xc00: "Falkor", 0xc01: "Saphira",
	}},
	0x61: {"Apple", map[uint64]string{
		0x022: "M1 Icestorm", 0x023: "M1 Firestorm", 0x024: "M1 Pro Icestorm", 0x025: "M1 Pro Firestorm",
		0x028: "M1 Max Icestorm", 0x029: "M1 Max Firestorm", 0x032: "M2 Blizzard", 0x033: "M2 Avalanche",
		0x034: "M2 Pro Blizzard", 0x035: "M2 Pro Avalanche", 0x038: "M2 Max Blizzard", 0x039: "M2 Max Avalanche",
	}},
	0x6d: {"Microsoft", map[uint64]string{0xd49: "Azure Cobalt 100"}},
	0x70: {"Phytium", map[uint64]string{
		0x303: "FTC310", 0x660: "FTC660", 0x661: "FTC661", 0x662: "FTC662", 0x663: "FTC663", 0x664: "FTC664", 0x862: "FTC862",
	}},
	0xc0: {"Ampere", map[uint64]string{0xac3: "AmpereOne", 0xac4: "AmpereOne A", 0xac5: "AmpereOne B"}},
}
