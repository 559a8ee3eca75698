package sandbox

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/windows"
)

// container is an AppContainer: its processes open only what grants their SID access, and have no network.
type container struct {
	name   string
	sid    *windows.SID
	before []oldACL // what the folders' access lists were, to put back
}

type oldACL struct {
	path string
	sd   *windows.SECURITY_DESCRIPTOR // keeps dacl alive
	dacl *windows.ACL
}

// securityCapabilities is SECURITY_CAPABILITIES (winnt.h).
type securityCapabilities struct {
	AppContainerSid *windows.SID
	Capabilities    *windows.SIDAndAttributes
	Count, Reserved uint32
}

var errNoContainers = errors.New("this system has no AppContainers (Windows 8 and later have)")

// newContainer makes the container of one run and opens the spec's folders to it.
func newContainer(spec Spec) (*container, error) {
	userenv := windows.NewLazySystemDLL("userenv.dll")
	create, drop := userenv.NewProc("CreateAppContainerProfile"), userenv.NewProc("DeleteAppContainerProfile")
	if create.Find() != nil || drop.Find() != nil || isWine() {
		return nil, errNoContainers
	}
	sum := sha256.Sum256([]byte(spec.Scratch))
	c := &container{name: "forge." + hex.EncodeToString(sum[:12])}
	name, err := windows.UTF16PtrFromString(c.name)
	if err != nil {
		return nil, err
	}
	arg := uintptr(unsafe.Pointer(name))
	drop.Call(arg) // of a run that was killed at this very place
	hr, _, _ := create.Call(arg, arg, arg, 0, 0, uintptr(unsafe.Pointer(&c.sid)))
	if int32(hr) < 0 {
		return nil, fmt.Errorf("CreateAppContainerProfile: 0x%08x", uint32(hr))
	}
	for _, m := range spec.Mounts {
		if err := c.grant(m); err != nil {
			c.close()
			return nil, fmt.Errorf("open %s to the container: %w", m.Source, err)
		}
	}
	return c, nil
}

// grant lets the container into one mount: to read and run, or to do everything.
func (c *container) grant(m Mount) error {
	sd, err := windows.GetNamedSecurityInfo(m.Source, windows.SE_FILE_OBJECT, windows.DACL_SECURITY_INFORMATION)
	if err != nil {
		return err
	}
	old, _, err := sd.DACL()
	if err != nil {
		return err
	}
	access := windows.ACCESS_MASK(windows.GENERIC_READ | windows.GENERIC_EXECUTE)
	if m.Writable {
		access = windows.GENERIC_ALL
	}
	acl, err := windows.ACLFromEntries([]windows.EXPLICIT_ACCESS{{
		AccessPermissions: access, AccessMode: windows.GRANT_ACCESS, Inheritance: windows.SUB_CONTAINERS_AND_OBJECTS_INHERIT,
		Trustee: windows.TRUSTEE{TrusteeForm: windows.TRUSTEE_IS_SID, TrusteeType: windows.TRUSTEE_IS_WELL_KNOWN_GROUP, TrusteeValue: windows.TrusteeValueFromSID(c.sid)},
	}}, old)
	if err != nil {
		return err
	}
	c.before = append(c.before, oldACL{m.Source, sd, old})
	return windows.SetNamedSecurityInfo(m.Source, windows.SE_FILE_OBJECT, windows.DACL_SECURITY_INFORMATION, nil, nil, acl, nil)
}

// capabilities are what the container may do beside its files: nothing, or reach the network.
func (c *container) capabilities(network bool) *securityCapabilities {
	caps := &securityCapabilities{AppContainerSid: c.sid}
	if !network {
		return caps
	}
	// internetClient; that SID exists wherever containers do.
	if sid, err := windows.StringToSid("S-1-15-3-1"); err == nil {
		caps.Capabilities, caps.Count = &windows.SIDAndAttributes{Sid: sid, Attributes: windows.SE_GROUP_ENABLED}, 1
	}
	return caps
}

// close puts the access lists back and deletes the container's profile.
func (c *container) close() {
	for _, old := range c.before {
		windows.SetNamedSecurityInfo(old.path, windows.SE_FILE_OBJECT, windows.DACL_SECURITY_INFORMATION, nil, nil, old.dacl, nil)
	}
	if name, err := windows.UTF16PtrFromString(c.name); err == nil {
		windows.NewLazySystemDLL("userenv.dll").NewProc("DeleteAppContainerProfile").Call(uintptr(unsafe.Pointer(name)))
	}
	windows.FreeSid(c.sid)
}
