package pe

import (
	"slices"
	"strings"
)

// System reports whether a DLL is part of every Windows 10 and later, so that no package has to bring it:
// API sets, and what Microsoft documents under these names. The runtimes of Visual C++ are not.
func System(name string) bool {
	name = strings.TrimSuffix(strings.ToLower(name), ".dll")
	if strings.HasPrefix(name, "api-ms-win-") || strings.HasPrefix(name, "ext-ms-") {
		return true
	}
	_, found := slices.BinarySearch(systemLibraries(), name)
	return found
}

// systemLibraries is sorted.
func systemLibraries() []string {
	return []string{
		"activeds", "advapi32", "advpack", "authz", "avicap32", "avifil32", "avrt", "bcrypt", "bcryptprimitives", "bthprops.cpl",
		"cabinet", "cfgmgr32", "clusapi", "combase", "comctl32", "comdlg32", "coremessaging", "credui", "crypt32", "cryptbase",
		"cryptnet", "cryptui", "d2d1", "d3d10", "d3d10_1", "d3d11", "d3d12", "d3d9", "d3dcompiler_47", "davclnt", "dbgeng",
		"dbghelp", "dcomp", "ddraw", "dhcpcsvc", "dhcpcsvc6", "dinput8", "dnsapi", "dsound", "dwmapi", "dwrite", "dxcore",
		"dxgi", "dxva2", "esent", "evr", "fltlib", "fwpuclnt", "gdi32", "gdi32full", "gdiplus", "glu32", "hid", "hlink", "httpapi",
		"iashlpr", "imagehlp", "imm32", "iphlpapi", "kernel32", "kernelbase", "ksuser", "ktmw32", "loadperf", "lz32", "mf",
		"mfplat", "mfreadwrite", "mincore", "mmdevapi", "mpr", "msacm32", "mscms", "mscoree", "msdmo", "msi", "msimg32", "mstask",
		"msvcp_win", "msvcrt", "msvfw32", "mswsock", "ncrypt", "ndfapi", "netapi32", "netutils", "newdev", "normaliz", "ntdll", "ntdsapi",
		"ntmarta", "odbc32", "odbccp32", "ole32", "oleacc", "oleaut32", "oledlg", "opengl32", "pathcch", "pdh", "powrprof",
		"profapi", "propsys", "psapi", "rasapi32", "rasdlg", "resutils", "rpcrt4", "rstrtmgr", "samcli", "samlib", "schannel", "secur32",
		"sensapi", "setupapi", "sfc", "shcore", "shell32", "shlwapi", "slc", "snmpapi", "srvcli", "sspicli", "synchronization",
		"t2embed", "tapi32", "tbs", "tdh", "twain_32", "ucrtbase", "uiautomationcore", "urlmon", "user32", "userenv", "usp10",
		"uxtheme", "version", "virtdisk", "vssapi", "wer", "wevtapi", "wiaservc", "win32u", "winhttp", "winhvplatform",
		"wininet", "winmm", "winspool.drv", "wintrust", "winusb", "wkscli", "wlanapi", "wldap32", "wldp", "ws2_32", "wsock32",
		"wtsapi32", "xinput1_4", "xinput9_1_0", "xmllite",
	}
}

// SearchFolders are the folders of a prefix in which a program of an activated environment finds DLLs,
// beside the program's own (conda's PATH on Windows), slash separated and in order. Python adds DLLs for
// its own modules, and Library/bin since 3.8 by conda-forge's patch.
func SearchFolders() []string {
	return []string{"", "Library/mingw-w64/bin", "Library/usr/bin", "Library/bin", "Scripts", "bin", "DLLs"}
}
