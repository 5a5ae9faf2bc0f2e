package server

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// accepted returns both ends of a connection that dial makes to a listener on an address.
func accepted(t *testing.T, network, addr string, dial func(netip.AddrPort) (closer func())) (server *connection, closer func()) {
	t.Helper()
	l, err := net.Listen(network, addr)
	if err != nil {
		t.Skipf("this machine has no %s: %v", addr, err)
	}
	t.Cleanup(func() { l.Close() })
	closer = dial(l.Addr().(*net.TCPAddr).AddrPort())
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return newConnection(c), closer
}

// dialAs connects by a socket of a family that a user makes.
func dialAs(t *testing.T, family int, user int) func(netip.AddrPort) func() {
	return func(to netip.AddrPort) func() {
		t.Helper()
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		if user != os.Geteuid() { // of this thread alone
			if _, err := unix.SetfsuidRetUid(user); err != nil {
				t.Fatal(err)
			}
			defer unix.SetfsuidRetUid(os.Geteuid())
		}
		fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		var sa unix.Sockaddr = &unix.SockaddrInet4{Port: int(to.Port()), Addr: [4]byte{127, 0, 0, 1}}
		if family == unix.AF_INET6 {
			six := &unix.SockaddrInet6{Port: int(to.Port()), Addr: to.Addr().As16()}
			sa = six
		}
		if err := unix.Connect(fd, sa); err != nil {
			t.Fatal(err)
		}
		return func() { unix.Close(fd) }
	}
}

// The kernel says whose connections are whose, in every form that loopback has.
func TestSockDiag(t *testing.T) {
	p := systemPeers()
	if _, blind := p.(noPeers); blind {
		t.Skip("this kernel does not tell: sock_diag is off, or forbidden here")
	}
	me := os.Geteuid()
	users := []int{me}
	if me == 0 {
		users = append(users, 4321)
	}
	for _, c := range []struct {
		name, network, addr string
		family              int
	}{
		{"IPv4", "tcp4", "127.0.0.1:0", unix.AF_INET},
		{"IPv6", "tcp6", "[::1]:0", unix.AF_INET6},
		{"IPv4 by a socket of IPv6", "tcp4", "127.0.0.1:0", unix.AF_INET6},
		{"IPv4 to a listener of both", "tcp", ":0", unix.AF_INET},
		{"IPv4 by a socket of IPv6 to a listener of both", "tcp", ":0", unix.AF_INET6},
	} {
		for _, user := range users {
			dial := dialAs(t, c.family, user)
			n, closer := accepted(t, c.network, c.addr, func(to netip.AddrPort) func() {
				if c.addr != "[::1]:0" { // ::ffff:127.0.0.1 for a socket of IPv6
					to = netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), to.Port())
				}
				return dial(to)
			})
			if !n.isLoopback() {
				t.Errorf("%s: from %v to %v is no loopback", c.name, n.remote, n.local)
			}
			uid, err := n.peer(p)
			if err != nil || uid != uint32(user) {
				t.Errorf("%s: user %d, %v; want %d", c.name, uid, err, user)
			}
			// Of a socket that was closed, the kernel may keep a rest that is nobody's.
			closer()
			if uid, err := p.uid(n.local, n.remote); !errors.Is(err, errNoPeer) {
				t.Errorf("%s, closed: user %d, %v; want nobody", c.name, uid, err)
			}
		}
	}
}

// A socket that only listens where a client was is not the client.
func TestSockDiagListener(t *testing.T) {
	p := systemPeers()
	if _, blind := p.(noPeers); blind {
		t.Skip("this kernel does not tell: sock_diag is off, or forbidden here")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	listens := l.Addr().(*net.TCPAddr).AddrPort()
	if uid, err := p.uid(netip.MustParseAddrPort("127.0.0.1:1"), listens); !errors.Is(err, errNoPeer) {
		t.Errorf("user %d, %v; want nobody", uid, err)
	}
}

// Answers that are not what was asked for name no user.
func TestSockDiagRead(t *testing.T) {
	src, dst := netip.MustParseAddrPort("127.0.0.1:50000"), netip.MustParseAddrPort("127.0.0.1:80")
	answer := func(change func(m []byte)) []byte {
		b := make([]byte, headerSize+messageSize)
		copy(b[4:6], diagRequest(src, dst)[4:6])
		m := b[headerSize:]
		m[0], m[1] = unix.AF_INET, 1
		copy(m[4:], diagRequest(src, dst)[headerSize+8:])
		m[4+socketIDSize+12], m[4+socketIDSize+16] = 200, 1 // the user, the inode
		change(m)
		return b
	}
	d := &sockDiag{nobody: 201}
	if uid, err := d.read(answer(func([]byte) {}), src, dst); err != nil || uid != 200 && uid != 200<<24 {
		t.Errorf("user %d, %v", uid, err)
	}
	if runtime.GOARCH == "amd64" || runtime.GOARCH == "arm64" {
		if _, err := d.read(answer(func(m []byte) { m[4+socketIDSize+12] = 201 }), src, dst); !errors.Is(err, errNoPeer) {
			t.Errorf("a user without a number: %v", err)
		}
	}
	for name, b := range map[string][]byte{
		"another port":    answer(func(m []byte) { m[4]++ }),
		"another address": answer(func(m []byte) { m[11]++ }),
		"the other end":   answer(func(m []byte) { m[27]++ }),
		"a listener":      answer(func(m []byte) { m[1] = stateListen }),
		"no process":      answer(func(m []byte) { m[4+socketIDSize+16] = 0 }),
		"nothing":         {},
		"half":            answer(func([]byte) {})[:headerSize+messageSize-1],
	} {
		if uid, err := d.read(b, src, dst); err == nil {
			t.Errorf("%s: user %d", name, uid)
		}
	}
}

func FuzzSockDiagRead(f *testing.F) {
	src, dst := netip.MustParseAddrPort("127.0.0.1:50000"), netip.MustParseAddrPort("127.0.0.1:80")
	f.Add(diagRequest(src, dst))
	f.Add(make([]byte, headerSize+messageSize))
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := (&sockDiag{}).read(b, src, dst); err == nil && len(b) < headerSize+messageSize {
			t.Errorf("%d bytes name a user", len(b))
		}
	})
}
