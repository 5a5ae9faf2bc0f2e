package server

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// sockDiag asks the kernel for the one socket that has the addresses of a connection the
// other way round; see sock_diag(7).
type sockDiag struct {
	nobody uint32 // what the kernel says for users that have no number here
}

// systemPeers returns how this system tells. Whether it can is tried once, on a
// connection of our own: an error that comes later does not open the door.
var systemPeers = sync.OnceValue(func() peers {
	d := &sockDiag{nobody: overflowUID()}
	if d.tried() {
		return d
	}
	return noPeers{}
})

// tried says whether the kernel names us as the user of a connection of ours.
func (d *sockDiag) tried() bool {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return false
	}
	defer l.Close()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		return false
	}
	defer c.Close()
	n := newConnection(c)
	uid, err := d.uid(n.remote, n.local) // seen from the other end
	return err == nil && uid == uint32(os.Geteuid())
}

// overflowUID returns the number that stands for users without one in this user
// namespace.
func overflowUID() uint32 {
	const usual = 65534
	text, err := os.ReadFile("/proc/sys/kernel/overflowuid")
	if err != nil {
		return usual
	}
	n, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 32)
	if err != nil {
		return usual
	}
	return uint32(n)
}

// The kernel's structures: nlmsghdr, inet_diag_req_v2, inet_diag_sockid, inet_diag_msg.
const (
	byFamily     = 20 // SOCK_DIAG_BY_FAMILY
	headerSize   = 16
	socketIDSize = 48
	requestSize  = headerSize + 8 + socketIDSize
	messageSize  = 4 + socketIDSize + 20
	stateListen  = 10
)

func (d *sockDiag) uid(local, remote netip.AddrPort) (uint32, error) {
	// The client's own end is meant: what is remote to us is local to it.
	answer, err := ask(diagRequest(remote, local))
	if err != nil {
		return 0, err
	}
	return d.read(answer, remote, local)
}

// diagRequest asks for the socket that is bound to src and connected to dst.
func diagRequest(src, dst netip.AddrPort) []byte {
	b := make([]byte, requestSize)
	binary.NativeEndian.PutUint32(b[0:], requestSize)
	binary.NativeEndian.PutUint16(b[4:], byFamily)
	binary.NativeEndian.PutUint16(b[6:], unix.NLM_F_REQUEST)
	binary.NativeEndian.PutUint32(b[8:], 1) // the number of the message
	r := b[headerSize:]
	r[0] = unix.AF_INET
	if src.Addr().Is6() || dst.Addr().Is6() {
		r[0] = unix.AF_INET6
	}
	r[1] = unix.IPPROTO_TCP
	binary.NativeEndian.PutUint32(r[4:], 1<<32-1) // in any state
	id := r[8:]
	binary.BigEndian.PutUint16(id[0:], src.Port())
	binary.BigEndian.PutUint16(id[2:], dst.Port())
	copy(id[4:20], src.Addr().AsSlice())
	copy(id[20:36], dst.Addr().AsSlice())
	for i := 40; i < 48; i++ {
		id[i] = 0xff // no cookie
	}
	return b
}

// ask sends a request and returns the message that answers it.
func ask(request []byte) ([]byte, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, unix.NETLINK_INET_DIAG)
	if err != nil {
		return nil, fmt.Errorf("server: sock_diag: %w", err)
	}
	defer unix.Close(fd)
	// The kernel answers at once; this is in case it does not at all.
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 1}); err != nil {
		return nil, fmt.Errorf("server: sock_diag: %w", err)
	}
	kernel := &unix.SockaddrNetlink{Family: unix.AF_NETLINK}
	if err := unix.Sendto(fd, request, 0, kernel); err != nil {
		return nil, fmt.Errorf("server: sock_diag: %w", err)
	}
	answer := make([]byte, 4096)
	for {
		n, from, err := unix.Recvfrom(fd, answer, 0)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("server: sock_diag: %w", err)
		}
		if a, ok := from.(*unix.SockaddrNetlink); ok && a.Pid == 0 {
			return answer[:n], nil
		}
	}
}

// read takes the user out of an answer, which has to be about the very socket that was
// asked for: where there is none, the kernel may name one that only listens.
func (d *sockDiag) read(answer []byte, src, dst netip.AddrPort) (uint32, error) {
	if len(answer) < headerSize {
		return 0, fmt.Errorf("server: sock_diag: an answer of %d bytes", len(answer))
	}
	switch kind := binary.NativeEndian.Uint16(answer[4:]); {
	case kind == unix.NLMSG_ERROR && len(answer) >= headerSize+4:
		code := int32(binary.NativeEndian.Uint32(answer[headerSize:]))
		if errno := unix.Errno(-code); errno != unix.ENOENT {
			return 0, fmt.Errorf("server: sock_diag: %w", errno)
		}
		return 0, errNoPeer
	case kind != byFamily || len(answer) < headerSize+messageSize:
		return 0, fmt.Errorf("server: sock_diag: a message of kind %d with %d bytes", kind, len(answer))
	}
	m := answer[headerSize:]
	family, state, id := m[0], m[1], m[4:]
	uid, inode := binary.NativeEndian.Uint32(m[4+socketIDSize+12:]), binary.NativeEndian.Uint32(m[4+socketIDSize+16:])
	switch {
	case diagAddr(family, id[4:20], id[0:2]) != src || diagAddr(family, id[20:36], id[2:4]) != dst || state == stateListen:
		return 0, errNoPeer
	case inode == 0: // no process has it any more, and the user is not kept
		return 0, errNoPeer
	case uid == d.nobody: // any of the users that have no number here
		return 0, errNoPeer
	}
	return uid, nil
}

func diagAddr(family uint8, addr, port []byte) netip.AddrPort {
	if family == unix.AF_INET {
		addr = addr[:4]
	}
	a, _ := netip.AddrFromSlice(addr)
	return netip.AddrPortFrom(a.Unmap(), binary.BigEndian.Uint16(port))
}
