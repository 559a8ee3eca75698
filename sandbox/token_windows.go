package sandbox

import (
	"unsafe"

	"golang.org/x/sys/windows"
)

// Flags of CreateRestrictedToken (winnt.h).
const (
	disableMaxPrivilege = 0x1
	luaToken            = 0x4
)

// restrictedToken is this user's token without its privileges and, where it is an administrator's, without
// that: a build needs neither. Zero where the system makes none.
func restrictedToken() windows.Token {
	const access = windows.TOKEN_DUPLICATE | windows.TOKEN_ASSIGN_PRIMARY | windows.TOKEN_QUERY | windows.TOKEN_ADJUST_DEFAULT
	var own windows.Token
	if windows.OpenProcessToken(windows.CurrentProcess(), access, &own) != nil {
		return 0
	}
	defer own.Close()
	create := windows.NewLazySystemDLL("advapi32.dll").NewProc("CreateRestrictedToken")
	if create.Find() != nil {
		return 0
	}
	var made windows.Token
	ok, _, _ := create.Call(uintptr(own), disableMaxPrivilege|luaToken, 0, 0, 0, 0, 0, 0, uintptr(unsafe.Pointer(&made)))
	if ok == 0 {
		return 0
	}
	return made
}
