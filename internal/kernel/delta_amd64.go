//go:build amd64 && !purego

package kernel

func deltaDecay(a *deltaArgs) {
	if width() == 1 {
		deltaDecayAVX512(a)
	} else {
		deltaDecayAVX2(a)
	}
}

func deltaTake(a *deltaArgs) {
	if width() == 1 {
		deltaTakeAVX512(a)
	} else {
		deltaTakeAVX2(a)
	}
}
